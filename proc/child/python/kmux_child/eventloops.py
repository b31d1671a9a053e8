"""%gui: the windows of a toolkit live while the kernel is idle, and while a cell awaits.

asyncio stays the host of the main thread. It gives a toolkit turns: short ones, timed, that never
wait, so that tasks go on and requests do not queue behind windows. Only a cell that blocks the
thread blocks its windows too.

Interrupts: during a turn asyncio has a current task (the turn), so that Runner.interrupt() treats
a callback that spins as it treats a task that spins: it is hit where the kernel is idle, and after
the cell where one awaits.

Somebody else's loop, register_integration(), has ipykernel's contract: a function of the kernel,
which runs its loop and returns when the shell has something to do, or every
`kernel._poll_interval` seconds. See waiter.py for how it learns of that.
"""

import asyncio
import atexit
import contextvars
import sys
import threading
import time
import traceback

import kmux_child.toolkits  # noqa: F401  they put themselves into loop_map
from kmux_child.integrations import loop_map, nothing, register_integration  # noqa: F401
from kmux_child.waiter import Waiter

# Seconds.
IDLE = 0.015  #: between turns: what a key press or a timer may be late
BUSY = 0.004  #: after a turn that had something to do
LONGEST = 0.008  #: a turn with more to do ends, and goes on when asyncio has had its own


def enable_gui(gui, kernel=None):
    """From now on, and until enable_gui(None), the toolkit of this name gets its turns.

    ValueError: no such name, or it cannot work here; RuntimeError: another one has them already.
    """
    if gui not in loop_map:
        names = ", ".join(sorted(name for name in loop_map if name))
        raise ValueError(f"Unknown event loop {gui!r}; known are: {names}")
    kernel = kernel or _kernel()
    loop, active = loop_map[gui], kernel.eventloop
    if loop is None:
        kernel.eventloop = None
        return
    if active not in (None, loop):
        raise RuntimeError(f"Cannot activate {gui}: another event loop is active. `%gui` without a name ends it")
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("Windows are the main thread's: use %gui there, not in a subshell")
    runner = kernel._language.main
    step = _step(loop(kernel, gui)) if hasattr(loop, "pumped") else _adapted(loop, kernel, runner)
    kernel.eventloop = loop
    kernel._gui_turns = Turns(gui, kernel, runner, step)
    kernel._gui_turns.begin()


def _kernel():
    from kmux_child.face import kernel

    it = kernel()
    if it is None:
        raise RuntimeError("There is no kernel in this process")
    return it


class Turns:
    """Calls step() on the runner's loop, again and again, while the kernel's eventloop is the one
    that it was at begin(). step() returns the seconds until the next."""

    def __init__(self, gui, kernel, runner, step):
        self.gui, self.kernel, self.runner, self.step = gui, kernel, runner, step
        self.function = kernel.eventloop
        # Empty: the cell that enabled us is not kept alive by every turn to come.
        self.context = contextvars.Context()

    def begin(self):
        self._again(0)

    def _again(self, delay):
        self.runner.loop.call_later(delay, self._turn, context=self.context)

    def _turn(self):
        kernel, loop = self.kernel, self.runner.loop
        if kernel.eventloop is not self.function or kernel._gui_turns is not self:
            return
        # Else we are within a task, whose code runs the loop inside of itself.
        ours = asyncio.current_task(loop) is None
        delay = IDLE
        try:
            try:
                if ours:
                    asyncio._enter_task(loop, self)
                # A copy: what cells have set in context variables, and the latest cell's output.
                delay = self.runner.context.copy().run(self.step)
            finally:
                if ours:
                    asyncio._leave_task(loop, self)
        except KeyboardInterrupt:
            pass  # between callbacks: those show their own
        except BaseException:
            self._fail()
            return
        self._again(delay)

    def _fail(self):
        """Not again and again."""
        self.kernel.eventloop = None
        self.kernel.shell.active_eventloop = None
        traceback.print_exc(file=sys.stderr)
        print(f"The event loop of {self.gui} has failed and is off; `%gui {self.gui}` starts it again", file=sys.stderr)


def _step(pump):
    def step():
        if not pump():
            return IDLE
        end = time.monotonic() + LONGEST
        while pump():
            if time.monotonic() > end:
                return 0
        return BUSY

    return step


def get_shell_stream(kernel):
    """ipykernel's name for it."""
    return kernel.shell_stream


def _adapted(function, kernel, runner):
    if not isinstance(kernel.shell_stream, Waiter):
        kernel.shell_stream = Waiter(runner)
        atexit.register(_at_exit, kernel)
    if not hasattr(kernel, "_poll_interval"):
        kernel._poll_interval = 0.01
    waiter = kernel.shell_stream

    def step():
        begin = time.monotonic()
        waiter.arm()
        function(kernel)
        waited = waiter.waits() or time.monotonic() - begin >= kernel._poll_interval
        return 0 if waited else kernel._poll_interval  # one that does not wait is to be a pump

    return step


def _at_exit(kernel):
    hook = getattr(kernel.eventloop, "exit_hook", nothing)
    hook(kernel)
