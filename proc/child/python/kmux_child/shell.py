"""IPython's shell, with messages for a terminal. Its names are ipykernel's: people look for them."""

import asyncio
import contextlib
import os
import sys
import threading

from IPython.core import page
from IPython.core.autocall import ZMQExitAutocall
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell, InteractiveShellABC
from IPython.utils.process import system
from traitlets import Any, CBool, Instance, Integer, Type, default

from kmux_child import parent
from kmux_child.display import ZMQDisplayPublisher, ZMQShellDisplayHook, publish
from kmux_child.messages import dumps
from kmux_child.streams import OutStream

MOST_KEPT = 1 << 20  # bytes of a cell's output in the history


class Shown(threading.local):
    """What a cell has shown of its errors. Subshells run cells at the same time, on their threads."""

    #: ename, evalue and traceback of the last one.
    error = None
    #: The exception that this is of.
    exception = None
    #: A result could not be shown: the cell has failed, though its code has not.
    display_failed = False


_shown = Shown()


class Counted(threading.local):
    """The number of this thread's cell."""

    first = None  #: as it was given out; None: no cell that is stored runs here
    now = None  #: what IPython has made of it: it adds one, early or late


_counted = Counted()
_counting = threading.Lock()


class Count(Integer):
    """execution_count: each thread has its own cell's, or the next one's where it runs none. IPython
    takes it from one variable for all, and two cells at the same time would be stored under one number."""

    def get(self, shell, cls=None):
        return super().get(shell, cls) if _counted.now is None else _counted.now

    def set(self, shell, value):
        if _counted.now is None or value != _counted.first + 1:  # reset() begins anew for all
            super().set(shell, value)
        if _counted.now is not None:
            _counted.now = value

    def give(self, shell):
        """The next number, to this thread until its cell ends."""
        with _counting:
            count = super().get(shell)
            super().set(shell, count + 1)
        _counted.first = _counted.now = count
        return count


class ZMQInteractiveShell(parent.Follows, InteractiveShell):
    """The one shell of the process."""

    displayhook_class = Type(ZMQShellDisplayHook)
    display_pub_class = Type(ZMQDisplayPublisher)
    kernel = Any()
    execution_count = Count(1)
    exiter = Instance(ZMQExitAutocall)
    readline_use = CBool(False)
    autoindent = CBool(False)
    keepkernel_on_exit = None

    _last_traceback = None
    _transformed = (None, None)
    active_eventloop = None

    @default("exiter")
    def _exiter(self):
        return ZMQExitAutocall(self)

    @default("banner1")
    def _banner(self):
        from IPython.core.usage import default_banner

        return default_banner

    def init_environment(self):
        env = os.environ
        env["TERM"] = "xterm-color"
        for name in ("CLICOLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
            env[name] = "1"
        # Programs that page would wait for keys that nobody can press.
        env["PAGER"] = env["GIT_PAGER"] = "cat"

    def init_virtualenv(self):
        """The kernel is in the environment that it is to use."""

    def init_hooks(self):
        super().init_hooks()
        self.set_hook("show_in_pager", page.as_hook(self._page), 99)

    def init_magics(self):
        super().init_magics()
        from kmux_child.magics import KernelMagics

        self.register_magics(KernelMagics)
        self.magics_manager.register_alias("ed", "edit")

    def _page(self, text, start=0, screen_lines=0, pager_cmd=None):
        data = text if isinstance(text, dict) else {"text/plain": text}
        self.payload_manager.write_payload({"source": "page", "data": data, "start": max(0, start)})

    payloadpage_page = _page

    # What the front end is asked to do.

    def ask_exit(self):
        self.exit_now = not self.keepkernel_on_exit
        self.payload_manager.write_payload({"source": "ask_exit", "keepkernel": self.keepkernel_on_exit})

    def set_next_input(self, text, replace=False):
        self.payload_manager.write_payload({"source": "set_next_input", "text": text, "replace": replace})

    def enable_gui(self, gui=None):
        from kmux_child.eventloops import enable_gui

        try:
            enable_gui(gui)
        except ValueError as problem:
            raise UsageError(str(problem)) from problem
        self.active_eventloop = gui

    @contextlib.contextmanager
    def _tee(self, channel):
        """A cell's output in IPython's history (IPython 9): a copy that the stream makes, because
        a wrapper in Python around each write() is most of what a print costs."""
        stream = getattr(sys, channel)
        if not isinstance(stream, OutStream) or _counted.now is None:  # what is not stored has no number
            yield
            return
        count = self.execution_count
        stream.keep(MOST_KEPT)
        try:
            yield
        finally:
            text = stream.keep(0)
            if text:
                from IPython.core.history import HistoryOutput

                kind = "out_stream" if channel == "stdout" else "err_stream"
                outputs = self.history_manager.outputs.setdefault(count, [])
                outputs.append(HistoryOutput(output_type=kind, bundle={"stream": [text]}))

    def begin_count(self, stored):
        """The number of the cell that this thread runs next."""
        self.end_count()
        return type(self).execution_count.give(self) if stored else self.execution_count

    def end_count(self):
        """The number of the cell that has ended, for its reply."""
        count = self.execution_count - 1 if _counted.first is None else _counted.first
        _counted.first = _counted.now = None
        return count

    # Errors.

    #: Of this thread's cell; see Shown.
    last_error = property(lambda self: _shown.error)
    display_failed = property(lambda self: _shown.display_failed)

    def forget_error(self):
        self._last_traceback = _shown.error = _shown.exception = None
        _shown.display_failed = False

    def transform_once(self, code):
        """transform_cell() for a cell that run_cell() is about to transform again: transformers
        may do things, and not twice."""
        result = self.transform_cell(code)
        self._transformed = (code, result)
        return result

    def transform_cell(self, raw_cell):
        known, self._transformed = self._transformed, (None, None)
        return known[1] if known[0] is raw_cell else super().transform_cell(raw_cell)

    def should_run_async(self, raw_cell, *, transformed_cell=None, preprocessing_exc_tuple=None):
        """Without compiling the cell, where it cannot await anything."""
        if transformed_cell is not None and "await" not in transformed_cell and "async" not in transformed_cell:
            return False
        return super().should_run_async(
            raw_cell, transformed_cell=transformed_cell, preprocessing_exc_tuple=preprocessing_exc_tuple)

    def run_cell(self, *arguments, **keywords):
        self.forget_error()
        return super().run_cell(*arguments, **keywords)

    def _get_exc_info(self, exc_tuple=None):
        kind, value, traceback = super()._get_exc_info(exc_tuple)
        if value is not _shown.exception:  # not every exception gets to _showtraceback(): groups are printed
            _shown.exception, _shown.error = value, None
        if issubclass(kind, asyncio.CancelledError) and self.kernel.was_interrupted():
            value = KeyboardInterrupt().with_traceback(without_loop(traceback))
            return KeyboardInterrupt, value, value.__traceback__
        return kind, value, traceback

    def _showtraceback(self, etype, evalue, stb):
        self._last_traceback = stb
        if self.displayhook.msg is not None:
            _shown.display_failed = True
        _shown.error = (etype.__name__, str(evalue), stb)
        publish("error", dumps({"ename": etype.__name__, "evalue": str(evalue), "traceback": stb}))

    def _format_exception_for_storage(self, exception, *arguments, **keywords):
        """IPython 9 formats an exception for its history once more; it takes as long as a cell."""
        if _shown.error is None or exception is not _shown.exception:
            return super()._format_exception_for_storage(exception, *arguments, **keywords)
        ename, evalue, traceback = _shown.error
        return {"ename": ename, "evalue": evalue, "traceback": traceback}

    def get_parent(self):
        """The request that the running code belongs to, as a message."""
        return self.kernel.get_parent()

    # !command: through pipes, without a terminal that somebody could type into.

    def system_piped(self, cmd):
        if cmd.rstrip().endswith("&"):
            raise OSError("Background processes not supported.")
        self.user_ns["_exit_code"] = system(self.var_expand(cmd, depth=1))

    system = system_piped


InteractiveShellABC.register(ZMQInteractiveShell)


def without_loop(traceback):
    """Without the frames of asyncio at its end: the code that was waited for was not the user's."""
    frames = []
    while traceback is not None:
        frames.append(traceback)
        traceback = traceback.tb_next
    home = os.path.dirname(asyncio.__file__)
    while frames and os.path.dirname(frames[-1].tb_frame.f_code.co_filename) == home:
        frames.pop()
    if frames:
        frames[-1].tb_next = None
        return frames[0]
    return None
