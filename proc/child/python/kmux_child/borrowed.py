"""What a kernel takes of a program's process, and gives back (see embed.py)."""

import asyncio
import atexit
import builtins
import contextlib
import getpass
import os
import signal
import sys
import threading
import types

#: What a shell sets for the programs that it starts.
VARIABLES = ("TERM", "CLICOLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "PAGER", "GIT_PAGER")
TASKS_END = 1  # seconds: how long the tasks that cells have left may take to end


def borrow(borrowed, module):
    """What IPython and the kernel change from here on will be as it was. Cells are to run in `module`."""
    import comm
    import pdb

    from IPython.core import debugger

    from kmux_child import face, parent
    from kmux_child.shell import ZMQInteractiveShell
    from kmux_child.warm import IPKernelApp

    borrowed.enter_context(no_running_loop())
    for owner, *names in (
        (sys, "excepthook", "ps1", "ps2", "ps3"),
        (builtins, "input", "display", "__IPYTHON__"),
        (os, "_exit"),
        (getpass, "getpass"),
        (threading.Thread, "start", "_bootstrap_inner"),
        (comm, "create_comm", "get_comm_manager"),
        (pdb, "Pdb", "set_trace"),
        (debugger, "Pdb"),
        (face.Kernel, "_instance"),
        (parent.Latest, "execution"),
    ):
        borrowed.enter_context(kept(owner, *names))
    borrowed.enter_context(kept_items(os.environ, VARIABLES))
    borrowed.enter_context(kept_items(sys.modules, [module.__name__]))
    borrowed.enter_context(kept_items(current_loop(), ("_loop", "_set_called")))
    borrowed.callback(forget_shims, set(sys.modules))
    # A program may have an application and a shell of its own; IPython knows one of each.
    for singleton in (*IPKernelApp._walk_mro(), *ZMQInteractiveShell._walk_mro()):
        borrowed.enter_context(kept(singleton, "_instance"))
        singleton._instance = None


@contextlib.contextmanager
def kept(owner, *names):
    """Attributes of a module or class."""
    before = {name: vars(owner)[name] for name in names if name in vars(owner)}
    try:
        yield
    finally:
        for name in names:
            if name in before:
                setattr(owner, name, before[name])
            elif name in vars(owner):
                delattr(owner, name)


@contextlib.contextmanager
def kept_items(mapping, names):
    before = {name: mapping[name] for name in names if name in mapping}
    try:
        yield
    finally:
        for name in names:
            if name in before:
                mapping[name] = before[name]
            else:
                mapping.pop(name, None)


def current_loop():
    """Where asyncio notes this thread's event loop."""
    get_policy = getattr(asyncio.events, "_get_event_loop_policy", None) or asyncio.get_event_loop_policy
    return vars(getattr(get_policy(), "_local", types.SimpleNamespace()))


@contextlib.contextmanager
def no_running_loop():
    """For a program that is in a coroutine: its loop stands still."""
    loop = asyncio._get_running_loop()
    if loop is None:
        yield
        return
    task = asyncio.current_task(loop)
    if task is not None:
        asyncio._leave_task(loop, task)
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)
        if task is not None:
            asyncio._enter_task(loop, task)


@contextlib.contextmanager
def kept_interrupts():
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        # What has come until now is still the kernel's: signal() runs handlers before it sets them.
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)


@contextlib.contextmanager
def kept_streams():
    """Whoever has kept the kernel's writes to the program's from then on."""
    before = {name: getattr(sys, name) for name in ("stdout", "stderr")}
    try:
        yield
    finally:
        from kmux_child.streams import OutStream

        for name, stream in before.items():
            ours = getattr(sys, name)
            if isinstance(ours, OutStream) and stream is not None:
                ours.write, ours.flush = stream.write, stream.flush
            setattr(sys, name, stream)


def forget_shims(before):
    """Programs look for ipykernel among the modules, to know a notebook."""
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "ipykernel":
            del sys.modules[name]


def end_loop(loop):
    """Tasks are cancelled; those that take no notice are left behind."""
    asyncio.set_event_loop(loop)
    for _ in range(2):
        # The interrupt that goes with a shutdown may come only now; another is for a task that spins.
        with contextlib.suppress(KeyboardInterrupt):
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            if tasks:
                loop.run_until_complete(asyncio.wait(tasks, timeout=TASKS_END))
            loop.run_until_complete(loop.shutdown_asyncgens())
            break
    loop.close()


def end_shell(shell):
    """What IPython leaves to exit handlers. It clears its namespaces: they must not be the program's."""
    shell.user_module = types.ModuleType("__main__")
    shell.user_ns = vars(shell.user_module)
    handlers = [shell.atexit_operations]
    saver = getattr(shell.history_manager, "save_thread", None)
    if saver is not None:
        handlers.append(saver.stop)
    scripts = shell.magics_manager.registry.get("ScriptMagics")
    if scripts is not None:
        handlers.append(scripts.kill_bg_processes)
    for each in handlers:
        atexit.unregister(each)
        each()
