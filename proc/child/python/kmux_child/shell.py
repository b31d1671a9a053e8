"""IPython's shell, with messages for a terminal. Its names are ipykernel's: people look for them."""

import asyncio
import contextlib
import os
import sys
import threading
from contextlib import suppress

from IPython.core import page
from IPython.core.autocall import ZMQExitAutocall
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell, InteractiveShellABC
from IPython.utils.process import system
from traitlets import Any, Bool, CBool, Instance, Type, default

from kmux_child import parent
from kmux_child.messages import dumps
from kmux_child.streams import OutStream

EMPTY = b"{}"
MOST_KEPT = 1 << 20  # bytes of a cell's output in the history


def publish(kind, content, metadata=EMPTY, buffers=()):
    """On iopub, as output of the code that runs."""
    execution = parent.execution()
    if execution is not None:
        execution.publish(kind, content, metadata, buffers)
    else:
        from kmux_child.face import kernel

        kernel().native.publish(kind, content, metadata, buffers, EMPTY)


class Hooks(threading.local):
    """What libraries want to see of the messages of their thread, before they go."""

    def __init__(self):
        self.list = []

    def send(self, kind, content):
        from kmux_child.face import kernel

        session = kernel().session
        message = session.msg(kind, content, parent=parent.header())
        for hook in list(self.list):
            message = hook(message)
            if message is None:
                return
        session.send(kernel().iopub_socket, message)


class Hooked:
    """register_hook() and unregister_hook(), for a class that has `hooks`."""

    def say(self, kind, content):
        if self.hooks.list:
            self.hooks.send(kind, content)
        else:
            publish(kind, dumps(content))

    def register_hook(self, hook):
        """hook(message) is called before a message goes; it returns one, or None to keep it."""
        self.hooks.list.append(hook)

    def unregister_hook(self, hook):
        with suppress(ValueError):
            self.hooks.list.remove(hook)
            return True
        return False

    @property
    def parent_header(self):
        return parent.header()

    @parent_header.setter
    def parent_header(self, value):
        """Output follows the running code: there is nothing to set."""

    def set_parent(self, value):
        """The same."""

    @property
    def session(self):
        from kmux_child.face import kernel

        return kernel().session

    @session.setter
    def session(self, value):
        pass

    @property
    def pub_socket(self):
        from kmux_child.face import kernel

        return kernel().iopub_socket

    @pub_socket.setter
    def pub_socket(self, value):
        pass


class ZMQDisplayPublisher(Hooked, DisplayPublisher):
    store_display_history = Bool(False).tag(config=True)
    topic = b"display_data"

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.hooks = Hooks()

    def publish(self, data, metadata=None, source=None, *, transient=None, update=False, **_):
        self._validate_data(data, metadata or {})
        if self.store_display_history and getattr(self, "shell", None) is not None:
            self._remember(data)
        self.say(
            "update_display_data" if update else "display_data",
            {"data": data, "metadata": metadata or {}, "transient": transient or {}},
        )

    def _remember(self, data):
        outputs = getattr(self.shell.history_manager, "outputs", None)
        if outputs is None:
            return
        from IPython.core.history import HistoryOutput

        count = self.shell.execution_count
        if getattr(self, "_in_post_execute", False):
            count -= 1
        outputs.setdefault(count, []).append(HistoryOutput(output_type="display_data", bundle=data))

    def clear_output(self, wait=False):
        self.say("clear_output", {"wait": wait})

    # ipykernel's, for who calls them.
    def set_thread_parent(self, value):
        return None

    def reset_thread_parent(self, token):
        pass


class ZMQShellDisplayHook(Hooked, DisplayHook):
    topic = b"execute_result"

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.hooks = Hooks()
        self.msg = None

    def start_displayhook(self):
        self.msg = {}

    def write_output_prompt(self):
        self.msg["execution_count"] = self.prompt_count

    def write_format_data(self, format_dict, md_dict=None):
        self.msg["data"], self.msg["metadata"] = format_dict, md_dict or {}

    def finish_displayhook(self):
        content, self.msg = self.msg, None
        if content and content.get("data"):
            self.say("execute_result", content)


class Shown(threading.local):
    """What a cell has shown of its errors. Subshells run cells at the same time, on their threads."""

    #: ename, evalue and traceback of the last one.
    error = None
    #: A result could not be shown: the cell has failed, though its code has not.
    display_failed = False


_shown = Shown()


class ZMQInteractiveShell(InteractiveShell):
    """The one shell of the process."""

    displayhook_class = Type(ZMQShellDisplayHook)
    display_pub_class = Type(ZMQDisplayPublisher)
    kernel = Any()
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
        if not isinstance(stream, OutStream):
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

    # Errors.

    #: Of this thread's cell; see Shown.
    last_error = property(lambda self: _shown.error)
    display_failed = property(lambda self: _shown.display_failed)

    def forget_error(self):
        self._last_traceback = _shown.error = None
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

    def run_cell(self, *arguments, **keywords):
        self.forget_error()
        return super().run_cell(*arguments, **keywords)

    def _get_exc_info(self, exc_tuple=None):
        kind, value, traceback = super()._get_exc_info(exc_tuple)
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

    # Whose output it is.

    @property
    def parent_header(self):
        return parent.header()

    @parent_header.setter
    def parent_header(self, value):
        pass

    def get_parent(self):
        """The request that the running code belongs to, as a message."""
        return self.kernel.get_parent()

    def set_parent(self, value):
        """Output follows the running code: there is nothing to set."""

    def set_thread_parent(self, value):
        """Output of this thread belongs to the request `value`, if it is one that we have seen."""
        return parent.current.set(self.kernel.find_execution(value))

    def reset_thread_parent(self, token):
        parent.current.reset(token)

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
