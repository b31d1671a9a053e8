"""How somebody else's event loop learns that the kernel has something to do."""

import ctypes
import os
import select
import time

from kmux_child.integrations import nothing


class Waiter:
    """kernel.shell_stream for functions of register_integration(): tells when they are to return.

    That is when asyncio has anything to do, of which requests are a part: its selector's descriptor
    is readable (an epoll, so that it can be waited for itself), and a timer of the system's makes
    it so when asyncio's next timer is due.
    """

    channel = "shell"
    FD, EVENTS, POLLIN = 14, 15, 1  #: of zmq

    def __init__(self, runner):
        self.loop = runner.loop
        selector = getattr(self.loop, "_selector", None)
        self.descriptor = (selector or runner.feed).fileno()
        self.poll = select.poll()
        self.poll.register(self.descriptor, select.POLLIN)
        self.timer = Timer()
        self.loop.add_reader(self.timer.descriptor, self.timer.clear)

    def __repr__(self):
        return "<shell of the kernel>"

    def arm(self):
        """Before each call of the function."""
        if getattr(self.loop, "_ready", None):
            self.loop.call_soon_threadsafe(nothing)  # makes the descriptor readable
        scheduled = getattr(self.loop, "_scheduled", None)
        if scheduled:
            self.timer.set(scheduled[0].when())

    def waits(self):
        return bool(self.poll.poll(0))

    # What ipykernel's has, as far as such functions use it.

    def flush(self, flag=None, limit=None):
        """How much there is to do; it is done when the function has returned."""
        return int(self.waits())

    def getsockopt(self, option):
        if option == self.EVENTS:
            return self.POLLIN if self.waits() else 0
        if option == self.FD:
            return self.descriptor
        raise ValueError(f"The kernel's shell stream has no option {option}")

    get = getsockopt

    def fileno(self):
        return self.descriptor

    def closed(self):
        return False


class Timer:
    """timerfd_create(2), which Python has from 3.13 on."""

    ABSOLUTE = 1

    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = self.libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")

    def set(self, when):
        """Readable at `when`, of time.monotonic()."""
        seconds, fraction = divmod(max(when, 0.001), 1)
        value = (ctypes.c_long * 4)(0, 0, int(seconds), int(fraction * 1e9))
        self.libc.timerfd_settime(self.descriptor, self.ABSOLUTE, value, None)

    def clear(self):
        try:
            os.read(self.descriptor, 8)
        except BlockingIOError:
            pass
