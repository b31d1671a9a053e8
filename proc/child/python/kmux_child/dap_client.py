"""debugpy's side of the debugger: its adapter's process, and the connection to it.

The Debug Adapter Protocol (DAP) is JSON after a Content-Length header, over TCP.
"""

import asyncio
import json
import os
import queue
import re
import socket
import struct
import sys
import threading
from concurrent import futures
from contextlib import contextmanager, suppress
from functools import partial
from types import SimpleNamespace

import IPython

HOST = "127.0.0.1"
STRANGER = 10  # seconds that a connection may be silent: the adapter of a busy machine, too
HIDDEN = frozenset(
    "__name__ __doc__ __package__ __loader__ __spec__ __annotations__ __builtins__ __builtin__ __display__ "
    "get_ipython debugpy exit quit open In Out _ __ ___ _oh _dh _ih _i _ii _iii __session__".split()
)
NUMBERED = re.compile(r"_i?\d+$")  # _1 and _i1: outputs and inputs


class Lost(Exception):
    """The adapter is gone, or has not answered in time."""


def exempt(thread):
    """Keeps the debugger from tracing, listing and stopping `thread`."""
    thread.pydev_do_not_trace = thread.is_pydev_daemon_thread = True
    return thread


def start_thread(target, name):
    exempt(threading.Thread(target=target, name=name, daemon=True)).start()


_address = None  #: a future: a process has one adapter


def listen(timeout):
    """Starts the adapter, once → (host, port). On a thread of its own, so that debugpy neither
    traces the caller's nor makes it wait for longer than `timeout`."""
    global _address
    if _address is None or (_address.done() and _address.exception() is not None):
        _address = futures.Future()
        start_thread(partial(_fulfil, _address, _listen), "kmux debugger start")
    try:
        return _address.result(timeout)
    except futures.TimeoutError:
        raise Lost(f"debugpy has not started within {timeout} s") from None


def _fulfil(future, function):
    try:
        future.set_result(function())
    except BaseException as problem:
        future.set_exception(problem)


def _listen():
    # debugpy prints a warning about frozen modules, into the running cell, unless told not to.
    silenced = "PYDEVD_DISABLE_FILE_VALIDATION" in os.environ
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    try:
        import debugpy

        # debugpy counts threads as it meets them; front ends take number 1 to be the main thread.
        _number_main_thread()
        debugpy.configure(python=sys.executable, subProcess=False)
        with _undisturbed():
            return debugpy.listen((HOST, 0))
    finally:
        if not silenced:
            os.environ.pop("PYDEVD_DISABLE_FILE_VALIDATION", None)


class _JsonListener:
    """A listening socket that accepts only who begins with a JSON object, as debugpy's adapter does.
    Others are clients which look for a kernel that had this port before: libzmq connects again ten
    times a second, for ever, and debugpy would wait for the first that comes to say all it has."""

    def __init__(self, server):
        self._server = server

    def __getattr__(self, name):
        return getattr(self._server, name)

    def accept(self):
        while True:
            peer, address = self._server.accept()
            peer.settimeout(STRANGER)
            with suppress(OSError):
                if peer.recv(1, socket.MSG_PEEK) == b"{":
                    return peer, address
            peer.close()


@contextmanager
def _undisturbed():
    from debugpy.common import sockets

    create_server = sockets.create_server
    sockets.create_server = lambda *arguments, **options: _JsonListener(create_server(*arguments, **options))
    try:
        yield
    finally:
        sockets.create_server = create_server


def _number_main_thread():
    import debugpy.server.api  # noqa: F401  makes the modules below importable
    from _pydevd_bundle._debug_adapter.pydevd_base_schema import BaseSchema
    from _pydevd_bundle.pydevd_constants import get_thread_id

    BaseSchema._translate_id_to_dap(get_thread_id(threading.main_thread()))


class DapClient:
    """One connection. Requests may come from any thread; events are in `events`, None at the end."""

    SEND_TIMEOUT = 10  # seconds

    def __init__(self, address):
        self.events = queue.SimpleQueue()
        self.initialized = futures.Future()  #: the adapter waits for the client's configuration
        self._lock, self._pending, self._seq, self._lost = threading.Lock(), {}, 0, False
        self._ended = threading.Event()  #: the reader has
        self._socket = socket.create_connection(address, timeout=self.SEND_TIMEOUT)
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", self.SEND_TIMEOUT, 0))
        start_thread(self._read, "kmux debugger reader")

    @property
    def lost(self):
        return self._lost

    def send(self, command, arguments):
        """→ the future response."""
        answer = futures.Future()
        with self._lock:
            if self._lost:
                raise Lost("the connection to debugpy is closed")
            self._seq += 1
            self._pending[self._seq] = answer
            message = {"seq": self._seq, "type": "request", "command": command, "arguments": arguments}
            body = json.dumps(message).encode()
            try:
                self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            except OSError as problem:
                self._lost = True  # the reader may come to know it later
                raise Lost(f"debugpy takes no requests: {problem}") from None
        return answer

    def request(self, command, arguments, timeout):
        """→ the response, a dict."""
        return self.wait(self.send(command, arguments), command, timeout)

    def wait(self, answer, command, timeout):
        try:
            return answer.result(timeout)
        except futures.TimeoutError:
            raise Lost(f"debugpy has not answered {command} within {timeout} s") from None

    def attach(self, arguments, timeout):
        """debugpy answers attach only after configurationDone, which it takes only when it has
        said that it is initialized: breakpoints may be set later all the same."""
        answer = self.send("attach", arguments)
        done, _ = futures.wait([answer, self.initialized], timeout, futures.FIRST_COMPLETED)
        if not done:
            raise Lost(f"debugpy has not answered attach within {timeout} s")
        if not answer.done():
            self.request("configurationDone", {}, timeout)
        return self.wait(answer, "attach", timeout)

    def close(self, timeout):
        """Returns when the adapter has let go of its side, too, so that it is ready for the next one."""
        with suppress(OSError):  # the adapter has closed it
            self._socket.shutdown(socket.SHUT_WR)
            self._ended.wait(timeout)
            self._socket.shutdown(socket.SHUT_RD)

    # The reader's thread.

    def _read(self):
        try:
            with self._socket, self._socket.makefile("rb") as stream:
                while True:
                    self._take(read_message(stream))
        except (OSError, ValueError, EOFError):
            pass
        finally:
            self._lose()

    def _take(self, message):
        if message.get("type") == "response":
            with self._lock:
                answer = self._pending.pop(message.get("request_seq"), None)
            if answer is not None:
                answer.set_result(message)
        elif message.get("type") == "event":
            if message.get("event") == "initialized" and not self.initialized.done():
                self.initialized.set_result(None)
            self.events.put(message)

    def _lose(self):
        with self._lock:
            self._lost, pending = True, list(self._pending.values())
        for answer in pending:
            answer.set_exception(Lost("debugpy has closed the connection"))
        self.events.put(None)
        self._ended.set()


def read_message(stream):
    length = None
    while True:
        line = stream.readline()
        if not line:
            raise EOFError
        if line == b"\r\n":
            break
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
    if length is None:
        raise ValueError("a message without its length")
    body = stream.read(length)
    if len(body) < length:
        raise EOFError
    return json.loads(body)


def exempt_foreign_threads():
    """Those that Python has not started: the kernel's own, which ask for completions and the like.
    debugpy decides about a thread at its first event: to say it there would be too late."""
    exempt(threading._DummyThread)


def trace_this_thread():
    """Before a cell. A subshell's thread is a foreign one. Before Python 3.12, and where debugpy
    comes without its native part, it only traces threads that call it; and the tracing of a thread
    ends with an exception, such as an interrupt, that leaves the trace function."""
    thread = threading.current_thread()
    if isinstance(thread, threading._DummyThread) and thread.is_pydev_daemon_thread:
        thread.pydev_do_not_trace = thread.is_pydev_daemon_thread = False
        _decide_again()
    if sys.version_info < (3, 12) and sys.gettrace() is None:
        import debugpy

        debugpy.trace_this_thread(True)


def resume_all():
    """An exception, such as an interrupt, leaves debugpy's wait but not its state: what then handles
    the exception would stop, unseen. The adapter's `continue` is of no use, it would wait for ever."""
    from _pydevd_bundle.pydevd_api import PyDevdAPI

    PyDevdAPI().request_resume_thread("*")


def _decide_again():
    for name in ("_pydevd_sys_monitoring_cython", "_pydevd_sys_monitoring"):
        module = sys.modules.get(f"_pydevd_sys_monitoring.{name}")
        if module is not None:
            vars(module._thread_local_info).pop("thread_info", None)


def is_shown(name):
    return isinstance(name, str) and name not in HIDDEN and not NUMBERED.match(name)


class Explorer:
    """The user's variables while nothing is stopped, told as debugpy tells those of a frame."""

    def __init__(self):
        import debugpy.server.api  # noqa: F401  makes the modules below importable
        from _pydevd_bundle.pydevd_api import PyDevdAPI
        from _pydevd_bundle.pydevd_suspended_frames import _ObjectVariable

        self._make = _ObjectVariable
        self._presentation = SimpleNamespace(variable_presentation=PyDevdAPI.VariablePresentation())
        self._known = {}

    def __contains__(self, reference):
        return reference in self._known

    def _keep(self, variable):
        self._known[variable.get_variable_reference()] = variable

    def one(self, name, value):
        return self._make(self._presentation, name, value, self._keep, evaluate_name=name).get_var_data()

    def globals(self, namespace):
        """Forgets what was told before."""
        self._known = {}
        names = sorted(name for name in list(namespace) if is_shown(name))
        return [self.one(name, namespace[name]) for name in names if name in namespace]

    def children(self, reference):
        return [each.get_var_data() for each in self._known[reference].get_children_variables()]


def rules():
    """Stacks are told without these files, and steps pass them: what is below a cell's frames, and
    what a kernel always uses of the standard library."""
    library = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
    files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
    paths = [file for file in files if file.startswith(library) and "-packages" + os.sep not in file]
    for module in (sys.modules["kmux_child"], IPython, asyncio):
        paths.append(os.path.join(os.path.dirname(os.path.abspath(module.__file__)), "**"))
    return [{"path": path, "include": False} for path in paths]
