"""The names that %gui knows, and how a toolkit gets into them."""

#: Name → what makes its loop; None: there is nothing to run, as for asyncio, which always runs.
loop_map = {
    None: None, "inline": None, "nbagg": None, "webagg": None, "notebook": None, "ipympl": None, "widget": None,
    "asyncio": None,
}


def register_integration(*toolkitnames):
    """Decorates function(kernel), the loop of the toolkits so named, for %gui.

    It is called when there is nothing else to do, and must return when there is: when
    `kernel.shell_stream.getsockopt(zmq.FD)` is readable, `kernel.shell_stream.flush(limit=1)` is
    not 0, or `kernel._poll_interval` seconds are over. The function gets an attribute `exit`, which
    decorates what is called with the kernel at its end.
    """

    def decorator(function):
        for name in toolkitnames:
            loop_map[name] = function
        function.exit_hook = nothing

        def exit_decorator(hook):
            function.exit_hook = hook
            return hook

        function.exit = exit_decorator
        return function

    return decorator


def nothing(*_):
    pass


def pumped(*names):
    """Decorates prepare(kernel, name) → pump(): handles an event without waiting, False if there is
    none. What prepare raises is seen in the cell."""

    def decorator(prepare):
        prepare.pumped = True
        return register_integration(*names)(prepare)

    return decorator
