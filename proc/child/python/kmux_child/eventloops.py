"""%gui: the windows of a toolkit live while the kernel is idle, and while a cell awaits.

asyncio stays the host of the main thread. It gives a toolkit turns: short ones, timed, that never
wait, so that tasks go on and requests do not queue behind windows. Only a cell that blocks the
thread blocks its windows too.

Interrupts: during a turn asyncio has a current task (the turn), so that Runner.interrupt() treats
a callback that spins as it treats a task that spins: it is hit where the kernel is idle, and after
the cell where one awaits.

Somebody else's loop, register_integration(), has ipykernel's contract: a function of the kernel,
which runs its loop and returns when the shell has something to do, or every
`kernel._poll_interval` seconds. See Waiter for how it learns of that.
"""

import asyncio
import atexit
import contextvars
import ctypes
import importlib
import importlib.util
import os
import select
import subprocess
import sys
import threading
import time
import traceback

# Seconds.
IDLE = 0.015  #: between turns: what a key press or a timer may be late
BUSY = 0.004  #: after a turn that had something to do
LONGEST = 0.008  #: a turn with more to do ends, and goes on when asyncio has had its own

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
        function.exit_hook = _nothing

        def exit_decorator(hook):
            function.exit_hook = hook
            return hook

        function.exit = exit_decorator
        return function

    return decorator


def _nothing(*_):
    pass


def _pumped(*names):
    """Decorates prepare(kernel, name) → pump(): handles an event without waiting, False if there is
    none. What prepare raises is seen in the cell."""

    def decorator(prepare):
        prepare.pumped = True
        return register_integration(*names)(prepare)

    return decorator


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


# Tk.


@_pumped("tk")
def loop_tk(kernel, gui):
    """Handles the events of all Tk applications of the thread."""
    try:
        import _tkinter
        import tkinter  # noqa: F401
    except ImportError as problem:
        raise ValueError(
            f"tk: {problem}. Debian's package is python3-tk; another Python has to be built with Tk"
        ) from problem
    # An interpreter without Tk: there is no window of ours, and tkinter's default root is the user's.
    interpreter = _tkinter.create(None, "kmux", "Kmux", False, True, False, False, None)

    def pump():
        return interpreter.dooneevent(_tkinter.DONT_WAIT)

    return pump


# Qt.

QT = {"qt6": ("PyQt6", "PySide6"), "qt5": ("PyQt5", "PySide2")}
DEFERRED_DELETE = 52  # QEvent::DeferredDelete


@_pumped("qt", "qt5", "qt6")
def loop_qt(kernel, gui):
    """Makes the QApplication, if there is none, and keeps it as kernel.app."""
    binding = _qt_binding(gui)
    core, widgets = _qt(binding, "QtCore"), _qt(binding, "QtWidgets")
    application = core.QCoreApplication.instance()
    if application is None:
        _try_qt(binding)
        application = widgets.QApplication([" "])
    kernel.app = application
    loop = core.QEventLoop()

    def pump():
        handled = loop.processEvents()
        # Outside of exec() nobody else deletes what was to be deleted later.
        application.sendPostedEvents(None, DEFERRED_DELETE)
        return handled

    return pump


def _qt_binding(gui):
    """What is imported already, else what QT_API says, else what is installed."""
    every = [name for names in QT.values() for name in names]
    wanted = QT.get(gui, every)
    for name in every:
        if f"{name}.QtCore" in sys.modules:
            if name not in wanted:
                raise ValueError(f"{gui}: this kernel has imported {name} already, and cannot use another Qt")
            return name
    asked = os.environ.get("QT_API", "").lower()
    wanted = [name for name in wanted if name.lower() == asked] or wanted
    for name in wanted:
        if importlib.util.find_spec(name) is not None:
            return name
    raise ValueError(
        f"{gui}: none of {', '.join(wanted)} is installed. They are packages of PyPI; "
        "Debian's are python3-pyqt5, python3-pyqt6 and python3-pyside2.qtwidgets"
    )


def _qt(binding, module):
    try:
        return importlib.import_module(f"{binding}.{module}")
    except ImportError as problem:
        raise ValueError(f"{binding} is installed, but cannot be imported: {problem}") from problem


def _try_qt(binding):
    """Qt aborts the process where it finds no display or no plugin: let it be another process."""
    code = f"import sys; sys.path[:] = {sys.path!r}\nfrom {binding}.QtWidgets import QApplication\nQApplication([' '])"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise ValueError(f"{binding} cannot open windows here: {problem}") from problem
    if done.returncode != 0:
        said = done.stdout.decode(errors="replace").strip()
        raise ValueError(f"{binding} cannot open windows here (DISPLAY={os.environ.get('DISPLAY')}): {said}")


# Others.


@_pumped("gtk", "gtk3", "gtk4")
def loop_gtk(kernel, gui):
    version = "4.0" if gui == "gtk4" else "3.0"
    try:
        import gi

        gi.require_version("Gtk", version)
        from gi.repository import GLib, Gtk
    except (ImportError, ValueError) as problem:
        raise ValueError(
            f"{gui}: {problem}. Debian's packages are python3-gi and gir1.2-gtk-{version}, PyPI's is PyGObject"
        ) from problem
    if not (Gtk.init_check() if gui == "gtk4" else Gtk.init_check([])[0]):
        raise ValueError(f"{gui} cannot open windows here (DISPLAY={os.environ.get('DISPLAY')})")
    context = GLib.MainContext.default()
    return lambda: context.iteration(False)


@_pumped("wx")
def loop_wx(kernel, gui):
    try:
        import wx
    except ImportError as problem:
        raise ValueError(f"wx: {problem}. Debian's package is python3-wxgtk4.0, PyPI's is wxPython") from problem
    application = wx.GetApp()
    if application is None:
        if not wx.App.IsDisplayAvailable():
            raise ValueError(f"wx cannot open windows here (DISPLAY={os.environ.get('DISPLAY')})")
        application = wx.App(redirect=False, clearSigInt=False)
        application.SetExitOnFrameDelete(False)
    kernel.app = application
    loop = wx.GUIEventLoop()

    def pump():
        active = wx.EventLoopActivator(loop)
        try:
            handled = loop.Pending()
            if handled:
                loop.Dispatch()
            else:
                loop.ProcessIdle()  # deletes what was closed, and updates what it shows
            return handled
        finally:
            del active

    return pump


@_pumped("osx", "macosx")
def loop_cocoa(kernel, gui):
    raise ValueError(f"{gui} is for macOS")


# Somebody else's.


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
            self.loop.call_soon_threadsafe(_nothing)  # makes the descriptor readable
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
    hook = getattr(kernel.eventloop, "exit_hook", _nothing)
    hook(kernel)
