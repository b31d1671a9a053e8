"""What libraries know of a kernel: get_ipython().kernel and its parts, as ipykernel has them."""

import _signal
import getpass
import importlib
import logging
import os
import signal
from datetime import datetime, timezone

from kmux_child import parent
from kmux_child.messages import dumps, loads

PROTOCOL = "5.3"


class Socket:
    """Stands for a channel in session.send()."""

    def __init__(self, channel):
        self.channel = channel

    def __repr__(self):
        return f"<{self.channel} of the kernel>"


class Session:
    """jupyter_client.session.Session, as far as a kernel's libraries use it."""

    username = "kernel"

    def __init__(self, native):
        self._native = native
        self.session = native.session

    def msg_header(self, msg_type):
        return {
            "msg_id": f"{self.session}_{os.urandom(16).hex()}",
            "msg_type": msg_type,
            "username": self.username,
            "session": self.session,
            "date": datetime.now(timezone.utc).isoformat(),
            "version": PROTOCOL,
        }

    def msg(self, msg_type, content=None, parent=None, header=None, metadata=None):
        header = self.msg_header(msg_type) if header is None else header
        return {
            "header": header,
            "msg_id": header["msg_id"],
            "msg_type": header["msg_type"],
            "parent_header": header_of(parent),
            "content": {} if content is None else content,
            "metadata": {} if metadata is None else metadata,
        }

    def send(self, stream, msg_or_type, content=None, parent=None, ident=None, buffers=None, track=False, header=None, metadata=None):
        """On iopub. The other channels are the control loop's: their messages are left out, with a
        warning."""
        if isinstance(msg_or_type, dict):
            message = msg_or_type
            buffers = buffers or message.get("buffers")
        else:
            message = self.msg(msg_or_type, content, parent=parent, header=header, metadata=metadata)
        if getattr(stream, "channel", "iopub") != "iopub":
            logging.getLogger("kmux_child").warning("only iopub takes messages here; %s was not sent", message["msg_type"])
            return message
        self._native.publish(
            message["header"]["msg_type"], dumps(message["content"]), dumps(message["metadata"]),
            buffers or (), dumps(message["parent_header"]),
        )
        return message

    def clone(self):
        return self


def header_of(message):
    if not message:
        return {}
    return message.get("header", message)


class IOLoop:
    """The main thread's loop, under the names that tornado's has."""

    def __init__(self, loop):
        self.asyncio_loop = loop

    def add_callback(self, callback, *arguments, **keywords):
        self.asyncio_loop.call_soon_threadsafe(lambda: callback(*arguments, **keywords))

    add_callback_from_signal = add_callback

    def call_later(self, delay, callback, *arguments, **keywords):
        return self.asyncio_loop.call_later(delay, lambda: callback(*arguments, **keywords))

    def stop(self):
        """The kernel decides when it ends."""


class IOPubThread:
    """Scheduling on it runs at once: publishing is safe on any thread."""

    def __init__(self, socket):
        self.socket = self._pipe_in = socket

    def schedule(self, callback):
        callback()


class Kernel:
    """The one of the process; get_ipython().kernel."""

    implementation = "ipython"
    language = "python"
    eventloop = None
    _poll_interval = 0.01
    _instance = None

    def __init__(self, app, shell, native, language):
        self.app, self.shell, self.native, self._language = app, shell, native, language
        self.session = Session(native)
        self.iopub_socket, self.stdin_socket = Socket("iopub"), Socket("stdin")
        self.shell_socket = self.shell_stream = Socket("shell")
        self.control_socket = self.control_stream = Socket("control")
        self.iopub_thread = IOPubThread(self.iopub_socket)
        self.log = logging.getLogger("kmux_child")
        self.ident = native.session
        self.connection_file = app.connection_file
        self.user_ns, self.user_module = shell.user_ns, shell.user_module
        from kmux_child.comms import CommManager, take_over

        self.comm_manager = CommManager(kernel=self)
        take_over(self.comm_manager)
        self.shell_handlers = {
            kind: getattr(self.comm_manager, kind) for kind in ("comm_open", "comm_msg", "comm_close")
        }
        self.shell_handlers["execute_request"] = self._no_handler
        self.control_handlers = {}
        self._debugger = None

    @classmethod
    def instance(cls, *_, **__):
        return cls._instance

    @classmethod
    def initialized(cls):
        return cls._instance is not None

    def _no_handler(self, *_):
        raise NotImplementedError("kmux serves execute_request itself: its handler cannot be called or replaced")

    @property
    def io_loop(self):
        return IOLoop(self._language.main.loop)

    @property
    def execution_count(self):
        return self.shell.execution_count

    @property
    def debugger(self):
        if self._debugger is None:
            from kmux_child.debugger import Debugger

            self._debugger = Debugger(self)
        return self._debugger

    @property
    def main_runner(self):
        return self._language.main

    # Parents.

    def message(self, execution):
        """An Execution's request, as a message."""
        header = loads(execution.header)
        return {
            "header": header,
            "msg_id": header.get("msg_id"),
            "msg_type": header.get("msg_type"),
            "parent_header": {},
            "metadata": loads(execution.metadata),
            "content": loads(execution.content),
            "buffers": execution.buffers,
        }

    def get_parent(self, channel="shell"):
        execution = self.native.control_request() if channel == "control" else parent.execution()
        return {} if execution is None else self.message(execution)

    def set_parent(self, ident, parent, channel="shell"):
        """Output follows the running code: there is nothing to set."""

    @property
    def _parent_header(self):
        return self.get_parent()

    @property
    def _parent_ident(self):
        both = {"shell": parent.execution(), "control": self.native.control_request()}
        return {channel: [] if it is None else it.identities for channel, it in both.items()}

    def find_execution(self, message):
        """The Execution that `message` (or its header) is of, among those that may still print."""
        wanted = header_of(message).get("msg_id")
        for each in (parent.current.get(), parent.Latest.execution, *self._recent):
            if each is not None and each.msg_id == wanted:
                return each
        return parent.current.get()

    _recent = ()

    def send_response(self, stream, msg_or_type, content=None, ident=None, buffers=None, track=False, header=None, metadata=None, channel=None):
        return self.session.send(
            stream, msg_or_type, content, self.get_parent(), ident, buffers, track, header, metadata
        )

    def raw_input(self, prompt=""):
        return input(prompt)

    def getpass(self, prompt="", stream=None):
        return getpass.getpass(prompt)

    def do_one_iteration(self):
        """Serves requests that wait, other than cells: for code that blocks and wants its comms."""
        self._language.main.feed.turn()

    # What cells need.

    def before_cell(self, execution):
        self._recent = (execution, *self._recent[:31])
        self.take_signals()

    def take_signals(self):
        """Libraries take SIGINT for themselves, and forget to give it back."""
        # signal.getsignal() makes an enum of what is none, before each cell.
        if _signal.getsignal(signal.SIGINT) != self.native.on_interrupt:
            signal.signal(signal.SIGINT, self.native.on_interrupt)
            self.native.forget_interrupts()  # others have handled them
        self.native.take_signals()

    def was_interrupted(self):
        cell = self._language.runner().cell
        return cell is not None and cell.interrupted

    def cell_arguments(self, execution):
        """What run_cell is told of the cell, where this IPython takes it."""
        if not self._takes:
            return {}
        metadata = execution.metadata
        meta = loads(metadata) if metadata != b"{}" else {}
        known = {"cell_meta": meta, "cell_id": meta.get("cellId")}
        return {name: known[name] for name in self._takes}

    @property
    def _takes(self):
        import inspect

        names = inspect.signature(self.shell.run_cell_async).parameters
        takes = tuple(name for name in ("cell_meta", "cell_id") if name in names)
        Kernel._takes = takes
        return takes

    def user_expressions(self, execution):
        return loads(execution.content)["user_expressions"] if execution.has_user_expressions else None


def kernel():
    return Kernel._instance


def install(app, shell, native, language):
    it = Kernel(app, shell, native, language)
    Kernel._instance = it
    app.kernel = shell.kernel = it
    # Libraries look for these among the modules that are loaded, to know a notebook.
    for name in ("comm", "iostream", "ipkernel", "kernelapp", "kernelbase", "zmqshell"):
        importlib.import_module(f"ipykernel.{name}")
    return it


