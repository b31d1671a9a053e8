"""debug_request: DAP for front ends, forwarded to debugpy, with what notebooks need besides."""

import atexit
import linecache
import os
import shutil
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from importlib.util import find_spec

from IPython.core.history import HistorySavingThread
from IPython.core.inputtransformer2 import leading_empty_lines

from kmux_child.dap_client import (
    DapClient, Explorer, Lost, exempt, exempt_foreign_threads, is_shown, listen, resume_all, rules, start_thread,
    trace_this_thread,
)
from kmux_child.messages import dumps

HASH_SEED = 0xC70F6907

START, ATTACH, ANSWER, EVALUATE, LEAVE, THREADS = 20, 20, 20, 20, 10, 2  # seconds until we give up
PAUSE = 0.3  # seconds: debugpy 1.8 takes no clients any more if one comes while another is leaving
LOCAL = frozenset("debugInfo dumpCell inspectVariables richInspectVariables copyToGlobals modules source".split())
STARTED = frozenset("attach configurationDone setBreakpoints variables disconnect".split())
RESUMING = frozenset(("continue", "next", "stepIn", "stepOut", "goto"))
SLOW = frozenset(("evaluate", "setExpression", "setVariable", "variables"))  # they run the user's code


def murmur2(data, seed=HASH_SEED):
    """MurmurHash2, 32 bits, of bytes."""
    mix, mask = 0x5BD1E995, 0xFFFFFFFF
    hash, whole = (seed ^ len(data)) & mask, len(data) & ~3
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at:at + 4], "little") * mix & mask
        word = (word ^ word >> 24) * mix & mask
        hash = hash * mix & mask ^ word
    if whole < len(data):
        hash = (hash ^ int.from_bytes(data[whole:], "little")) * mix & mask
    hash = (hash ^ hash >> 13) * mix & mask
    return hash ^ hash >> 15


class Refused(Exception):
    """A request that cannot be served; its text is for the client."""


class Files:
    """Cells as files. Front ends compute the names too, to set breakpoints before a cell runs."""
    suffix = ".py"

    def __init__(self):
        # Not to be guessed, and made only when it is needed.
        name = f"kmux_{os.getpid()}_{uuid.uuid4().hex[:16]}"
        self.directory = os.path.join(os.path.realpath(tempfile.gettempdir()), name)
        self.prefix = self.directory + os.sep

    def name(self, code):
        return f"{self.prefix}{murmur2(code.encode('utf-8', 'surrogatepass'))}{self.suffix}"

    def write(self, code):
        if not os.path.isdir(self.directory):
            os.mkdir(self.directory, 0o700)
            atexit.register(shutil.rmtree, self.directory, ignore_errors=True)
        name = self.name(code)
        with open(name, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
            file.write(code)
        return name


class Debugger:
    """process() is called on a thread that runs nothing else, one request at a time. What has to
    be there again for the next session is set up in _start() and put back in _stop()."""

    def __init__(self, kernel):
        self.kernel, self.shell = kernel, kernel.shell
        self.files = Files()
        self.breakpoints = {}  #: path → what was asked for, at the lines where debugpy put it
        self.stopped = set()  #: thread ids
        self._resumed = False  #: by a request of the client's, since the last stop
        self.handed = None  #: by code evaluated in a stopped frame
        self._client = self._explorer = self._address = self._line_filter = None
        self._rules, self._left = rules(), -PAUSE
        # From the first debug_request on: front ends that debug ask for debugInfo at once, and
        # breakpoints are wanted in cells that ran before the debugger started too.
        self.shell.compile.get_code_name = lambda raw, transformed, number: self.files.name(raw)

    # Requests.

    def process(self, request):
        """A DAP request → its response. Never raises; returns after a bounded time, unless code of
        the user's that it had to call does not."""
        request = request if isinstance(request, dict) else {}
        try:
            response = self._serve(request)
        except (Refused, Lost) as problem:
            response = {"success": False, "message": str(problem)}
        except Exception as problem:
            response = {"success": False, "message": f"{type(problem).__name__}: {problem}"}
        seq = request.get("seq", 0)
        return {
            "seq": seq, "body": {}, **response,
            "type": "response", "request_seq": seq, "command": request.get("command", ""),
        }

    def _serve(self, request):
        if find_spec("debugpy") is None:
            raise Refused(f"The debugger needs debugpy, install it: {sys.executable} -m pip install debugpy")
        command, arguments = request.get("command"), request.get("arguments") or {}
        if not isinstance(command, str) or not isinstance(arguments, dict):
            raise Refused("A request has a `command`, and its `arguments` are an object")
        if command in LOCAL:
            return {"success": True, "body": getattr(self, f"_{command}")(arguments)}
        if command == "initialize":
            self._start()
        elif not self.is_started:
            raise Refused(f"The debugger has not started, {command} is not possible: send initialize first")
        if command in STARTED:
            return getattr(self, f"_{command}")(arguments)
        return self._forward(command, arguments)

    def _forward(self, command, arguments):
        if command in RESUMING:
            if not self.stopped:
                raise Refused("Nothing is stopped")  # debugpy would never answer
            self._resumed = True
        return self._client.request(command, arguments, EVALUATE if command in SLOW else ANSWER)

    @property
    def is_started(self):
        return self._client is not None and not self._client.lost

    # From start to stop.

    def _start(self):
        if self.is_started:
            return
        self._stop()
        time.sleep(max(0, self._left + PAUSE - time.monotonic()))
        exempt_foreign_threads()
        self._address = listen(START)
        try:
            self._client = client = DapClient(self._address)
        except OSError as problem:
            raise Lost(f"debugpy cannot be reached: {problem}; restart the kernel to debug again") from None
        start_thread(lambda: self._tell(client), "kmux debugger events")
        exempt(HistorySavingThread)  # the class, since it may start later
        # Without it, IPython drops empty lines at a cell's begin: breakpoints would be too low.
        transforms = self.shell.input_transformer_manager.cleanup_transforms
        if leading_empty_lines in transforms:
            self._line_filter = transforms.index(leading_empty_lines)
            transforms.remove(leading_empty_lines)
        self.shell.events.register("pre_execute", trace_this_thread)

    def _stop(self):
        """As before the start, but for the adapter: a process can have only one, it waits."""
        client, self._client, self._explorer = self._client, None, None
        if client is None:
            return
        client.close(LEAVE)
        self._left = time.monotonic()
        self.breakpoints, self.stopped = {}, set()
        if self._line_filter is not None:
            self.shell.input_transformer_manager.cleanup_transforms.insert(self._line_filter, leading_empty_lines)
            self._line_filter = None
        with suppress(ValueError):
            self.shell.events.unregister("pre_execute", trace_this_thread)

    def _attach(self, arguments):
        arguments = {
            "justMyCode": False, "redirectOutput": False, **arguments,
            "connect": dict(zip(("host", "port"), self._address)), "subProcess": False,
        }
        arguments["rules"] = [*arguments.get("rules", ()), *self._rules]
        return self._client.attach(arguments, ATTACH)

    def _configurationDone(self, arguments):
        return {"success": True}  # attach has told debugpy

    def _disconnect(self, arguments):
        try:
            # The debuggee is the kernel: no debugger's client is to end it.
            return self._client.request("disconnect", {**arguments, "terminateDebuggee": False}, LEAVE)
        finally:
            self._stop()

    # Events.

    def _tell(self, client):
        """Until the connection's end. On its own thread: the reader is needed for `threads`."""
        for event in iter(client.events.get, None):
            if client is self._client:
                self._note(client, event.get("event"), event.get("body") or {})
                header = self.kernel.get_parent("control").get("header", {})
                self.kernel.native.publish("debug_event", dumps(event), b"{}", (), dumps(header))
        if client is self._client:
            self.stopped = set()

    def _note(self, client, kind, body):
        """Before the event is told, so that who asks debugInfo then gets what is true."""
        stopped = self.stopped
        if kind == "stopped":
            self._resumed = False
            stopped = stopped | self._stopped_threads(client, body)
        elif kind == "continued":
            if not self._resumed:
                resume_all()  # an interrupt has left debugpy's wait
            stopped = set() if body.get("allThreadsContinued", True) else stopped - {body.get("threadId")}
        elif kind in ("terminated", "exited"):
            stopped = set()
        if client is self._client:
            self.stopped = stopped

    def _stopped_threads(self, client, body):
        stopped = {body["threadId"]} if "threadId" in body else set()
        if body.get("allThreadsStopped"):
            with suppress(Lost):
                response = client.request("threads", {}, THREADS)
                stopped.update(each["id"] for each in response.get("body", {}).get("threads", ()))
        return stopped

    # Cells and breakpoints.

    def _debugInfo(self, arguments):
        return {
            "isStarted": self.is_started,
            "hashMethod": "Murmur2",
            "hashSeed": HASH_SEED,
            "tmpFilePrefix": self.files.prefix,
            "tmpFileSuffix": self.files.suffix,
            "breakpoints": [{"source": path, "breakpoints": all} for path, all in self.breakpoints.items()],
            "stoppedThreads": sorted(self.stopped),
            "richRendering": True,
            "exceptionPaths": ["Python Exceptions"],
            "copyToGlobals": True,
        }

    def _dumpCell(self, arguments):
        return {"sourcePath": self.files.write(wanted(arguments, "code", str))}

    def _setBreakpoints(self, arguments):
        path, asked = wanted(wanted(arguments, "source", dict), "path", str), arguments.get("breakpoints") or []
        response = self._forward("setBreakpoints", arguments)
        if response.get("success"):
            self.breakpoints.pop(path, None)
            found = zip(asked, response["body"]["breakpoints"])
            if asked:
                self.breakpoints[path] = [{**one, "line": it.get("line", one.get("line"))} for one, it in found]
        return response

    def _source(self, arguments):
        source, reference = arguments.get("source") or {}, arguments.get("sourceReference")
        path = source.get("path") or ""
        if os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                return {"content": file.read()}
        if path in linecache.cache:  # a cell that was not dumped
            return {"content": "".join(linecache.getlines(path))}
        if reference and self.is_started:
            response = self._forward("source", arguments)
            if response.get("success"):
                return response["body"]
        raise Refused("source unavailable")

    def _modules(self, arguments):
        modules = list(sys.modules.copy().values())
        start, count = arguments.get("startModule") or 0, arguments.get("moduleCount") or len(modules)
        found = []
        for id, module in list(enumerate(modules))[start:start + count]:
            path = getattr(getattr(module, "__spec__", None), "origin", None)
            if isinstance(path, str) and path.endswith(".py"):
                found.append({"id": id, "name": module.__name__, "path": path})
        return {"modules": found, "totalModules": len(modules)}

    # Variables.

    def _inspectVariables(self, arguments):
        self._explorer = self._explorer or Explorer()
        return {"variables": self._explorer.globals(self.shell.user_ns)}

    def _variables(self, arguments):
        reference = wanted(arguments, "variablesReference", int)
        if not self.stopped and self._explorer is not None and reference in self._explorer:
            return {"success": True, "body": {"variables": self._explorer.children(reference)}}
        response = self._forward("variables", arguments)
        if response.get("success"):
            variables = response["body"]["variables"]
            response["body"]["variables"] = [each for each in variables if is_shown(each["name"])]
        return response

    def _richInspectVariables(self, arguments):
        name, frame = wanted(arguments, "variableName", str), arguments.get("frameId")
        if name in ("special variables", "function variables", "class variables"):  # debugpy's groups
            return {"data": {}, "metadata": {}}
        variable(name)
        if self.stopped and frame is not None:
            data, metadata = self._evaluate(f"{HERE}.hand({name})", frame)
        elif name in self.shell.user_ns:
            data, metadata = self.shell.display_formatter.format(self.shell.user_ns[name])
        else:
            raise Refused(f"There is no variable {name}")
        return {"data": data, "metadata": {kind: it for kind, it in metadata.items() if kind in data}}

    def _copyToGlobals(self, arguments):
        source, target = (variable(wanted(arguments, name, str)) for name in ("srcVariableName", "dstVariableName"))
        return self._evaluate(f"{HERE}.copy({target!r}, {source})", wanted(arguments, "srcFrameId", int))

    def _evaluate(self, expression, frame):
        """→ what it has handed over."""
        if not self.is_started:
            raise Refused("The debugger has not started: send initialize first")
        self.handed = None
        response = self._forward("evaluate", {"expression": expression, "frameId": frame, "context": "clipboard"})
        handed, self.handed = self.handed, None
        if handed is None:
            body = response.get("body") or {}
            raise Refused(response.get("message") or body.get("result") or "It could not be evaluated")
        return handed

    # Called in a stopped frame. What debugpy answers may be cut, or be an error called a success.

    def hand(self, value):
        self.handed = self.shell.display_formatter.format(value)

    def copy(self, name, value):
        """To the notebook's globals: the frame's may be those of some module."""
        self.shell.user_ns[name] = value
        shown = Explorer().one(name, value)
        self.handed = {"value": shown["value"], "type": shown["type"], "variablesReference": 0}


#: The debugger, for code that is evaluated in the user's frames.
HERE = "__import__('sys').modules['kmux_child.face'].kernel().debugger"


def wanted(arguments, name, kind):
    value = arguments.get(name)
    if not isinstance(value, kind):
        raise Refused(f"The argument {name} is missing, or is not of the right type")
    return value


def variable(name):
    if not name.isidentifier():
        raise Refused(f"{name!r} is not the name of a variable")
    return name
