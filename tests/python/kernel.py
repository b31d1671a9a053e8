"""A kernel of kmux_child under test, spoken to by jupyter_client, without kmuxd."""

import os
import queue
import signal
import tempfile
import time
from pathlib import Path

from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("TESTED_BIN", ROOT / "build/dev/bin"))
PACKAGE = BIN.parent / "lib/kmux/python/kmux_child"
#: Debian's Python with its IPython 8.5, and the newest Python here with the newest IPython.
PYTHONS = {"debian": "/usr/bin/python3", "newest": str(ROOT / ".cache/newest/bin/python")}
PATIENCE = 60  # seconds: for what has to happen at all


class Done:
    """A request's end: its reply, and what came on iopub between its busy and its idle."""

    def __init__(self, reply, messages, took):
        self.reply, self.messages, self.took = reply, messages, took
        self.content = reply["content"]
        self.status = self.content["status"]

    def of(self, *kinds):
        return [m["content"] for m in self.messages if m["msg_type"] in kinds]

    def text(self, name="stdout"):
        return "".join(c["text"] for c in self.of("stream") if c["name"] == name)

    @property
    def result(self):
        return self.of("execute_result")[0]["data"]["text/plain"]

    @property
    def ename(self):
        return self.content.get("ename")

    @property
    def traceback(self):
        return "\n".join(self.content["traceback"])


class Kernel:
    def __init__(self, python, arguments=(), env=None, argv=None):
        self.directory = tempfile.TemporaryDirectory(prefix="kmux-test-")
        # Not tcp: ports that jupyter_client finds free may be somebody's when the kernel has come so far.
        self.manager = KernelManager(
            transport="ipc", connection_file=os.path.join(self.directory.name, "connection.json"), shutdown_wait_time=PATIENCE
        )
        argv = argv or [python, str(PACKAGE)]
        self.manager._kernel_spec = KernelSpec(argv=[*argv, "-f", "{connection_file}", *arguments], language="python")
        self.log_path = os.path.join(self.directory.name, "log")
        environment = {**os.environ, "IPYTHONDIR": os.path.join(self.directory.name, "ipython"), **(env or {})}
        with open(self.log_path, "w") as log:
            self.manager.start_kernel(env=environment, stdout=log, stderr=log, cwd=self.directory.name)
        self.talk_through(self.manager.client())

    def talk_through(self, client):
        """Once the kernel is ready."""
        self.client = client
        self.unclaimed = []  # (channel, message) that another request's end waits for
        self.waited_for = set()  # the ids of those that wait_for_iopub() has returned already
        self.client.start_channels()
        try:
            self.client.wait_for_ready(timeout=PATIENCE)
        except RuntimeError as problem:
            raise AssertionError(f"{problem}; its log: {self.log()}") from None

    @property
    def pid(self):
        return self.manager.provisioner.process.pid

    def log(self):
        return Path(self.log_path).read_text()

    def close(self):
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)
        self.directory.cleanup()

    # Requests.

    def send(self, code, **how):
        how.setdefault("allow_stdin", False)
        return self.client.execute(code, **how)

    def finish(self, id, timeout=PATIENCE, ask=None):
        """Until reply and idle of `id` have come. `ask(request)` answers input requests."""
        begin, deadline = time.monotonic(), time.monotonic() + timeout
        reply, idle, messages = None, False, []
        while reply is None or not idle:
            if time.monotonic() > deadline:
                raise AssertionError(f"no end after {timeout} s; reply: {reply}; messages: {messages}; log: {self.log()}")
            for channel, message in self._news():
                if message["parent_header"].get("msg_id") != id:
                    self.unclaimed.append((channel, message))
                elif channel == "shell":
                    reply = message
                else:
                    messages.append(message)
                    idle = idle or message["content"].get("execution_state") == "idle"
            if ask is not None:
                try:
                    ask(self.client.get_stdin_msg(timeout=0))
                except queue.Empty:
                    pass
        return Done(reply, messages, time.monotonic() - begin)

    def _news(self):
        news, self.unclaimed = self.unclaimed, []
        for channel, read in (("iopub", self.client.get_iopub_msg), ("shell", self.client.get_shell_msg)):
            try:
                while True:
                    news.append((channel, read(timeout=0.01 if not news else 0)))
            except queue.Empty:
                pass
        return news

    def run(self, code, timeout=PATIENCE, ask=None, **how):
        return self.finish(self.send(code, allow_stdin=ask is not None, **how), timeout, ask)

    def ok(self, code, **how):
        done = self.run(code, **how)
        assert done.status == "ok", done.traceback
        return done

    def value(self, expression):
        """Of a Python literal."""
        import ast

        return ast.literal_eval(self.ok(expression).result)

    def wait_for_iopub(self, wanted, timeout=PATIENCE):
        """The first message for which wanted(message) is true."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            self.unclaimed = self._news()
            for channel, message in self.unclaimed:
                if channel == "iopub" and message["msg_id"] not in self.waited_for and wanted(message):
                    self.waited_for.add(message["msg_id"])
                    return message
        raise AssertionError(f"it did not come; log: {self.log()}")

    def wait_for_text(self, text, of=None, errors=False):
        """The message that completes it: a print() may come in parts. Of any request, or of the one
        with this id; in a stream, or also in an error."""
        said, seen = {}, set()

        def completes(message):
            id = message["parent_header"].get("msg_id")
            if message["msg_id"] in seen or of not in (None, id):
                return False
            seen.add(message["msg_id"])
            content = message["content"]
            if message["msg_type"] == "error":
                return errors and text in str(content)
            if message["msg_type"] != "stream":
                return False
            stream = id, content["name"]
            said[stream] = said.get(stream, "") + content["text"]
            return text in said[stream]

        return self.wait_for_iopub(completes)

    def control(self, kind, content=None, timeout=PATIENCE):
        """(reply's content, seconds)."""
        message = self.client.session.msg(kind, content or {})
        begin = time.monotonic()
        self.client.control_channel.send(message)
        while True:
            reply = self.client.get_control_msg(timeout=timeout)
            if reply["parent_header"]["msg_id"] == message["header"]["msg_id"]:
                return reply["content"], time.monotonic() - begin

    def wait_for_requests(self, count):
        """Until so many wait for their turn."""
        deadline = time.monotonic() + PATIENCE
        while (now := self.control("usage_request")[0]["kmux"]["requests"]["waiting"]) != count:
            assert time.monotonic() < deadline, f"{now} requests wait"

    def shell(self, kind, content=None, header=None, timeout=PATIENCE):
        message = self.client.session.msg(kind, content or {})
        message["header"].update(header or {})
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def ask(self, kind, content=None, **how):
        return self.finish(self.shell(kind, content), **how).content

    def completions(self, code):
        """Asks again where the answer is empty, which it may be beside a cell that blocks: a busy machine
        may not have found them in time."""
        deadline = time.monotonic() + PATIENCE
        while not (found := self.ask("complete_request", {"code": code, "cursor_pos": len(code)})["matches"]):
            assert time.monotonic() < deadline, f"nothing is found for {code!r}"
        return found

    # Signals.

    def interrupt(self, by="signal"):
        if by == "signal":
            os.killpg(os.getpgid(self.pid), signal.SIGINT)
        else:
            assert self.control("interrupt_request")[0]["status"] == "ok"
