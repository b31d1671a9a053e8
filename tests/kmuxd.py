"""A running kmuxd, and a plain client for it: for the tests and the benchmarks."""

import contextlib
import functools
import hashlib
import itertools
import json
import os
import signal
import socket
import struct
import subprocess
import time
import uuid
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests
import websocket

BIN = Path(os.environ.get("TESTED_BIN", Path(__file__).parents[1] / "build/dev/bin"))
PROGRAM = BIN / "kmuxd"
V1 = "v1.kernel.websocket.jupyter.org"
TOKEN = "a-token-for-the-tests"
#: Of [kernels]: one that does not end is not waited for long.
QUICK_STOP = 'stop_message = "300ms"\nstop_term = "300ms"\n'


def wait_until(condition, seconds=60, what=""):
    """The first true value of condition(); fails when time is up."""
    deadline = time.monotonic() + seconds
    pause = 0.001
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {seconds} s for {what or condition}"
        time.sleep(pause := min(pause * 2, 0.05))


def hold_port():
    """A socket and its port, which the system gives to nobody else meanwhile; whoever is told it may listen there."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held, held.getsockname()[1]


def has_ended(pid):
    """Gone, or going, or a zombie that only its parent can bury."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in ("Z", "X")
    except OSError:
        return True


class Channels:
    """A client's WebSocket on a kernel, in either protocol."""

    def __init__(self, daemon, kernel, session=None, protocol=None, token=TOKEN, timeout=60, resume=None, headers=None):
        self.daemon = daemon
        daemon.hide(token)
        self.session = session or uuid.uuid4().hex
        self.v1 = protocol == V1
        self.timeout = timeout
        self.socket = websocket.create_connection(
            f"{daemon.ws}api/kernels/{kernel}/channels?session_id={self.session}" + ("" if resume is None else f"&resume={resume}"),
            header={"Authorization": f"token {token}", **(headers or {})},
            subprotocols=[V1] if self.v1 else None,
            sslopt={"ca_certs": daemon.tls["verify"]} if "verify" in daemon.tls else None,
            timeout=timeout,
        )
        self.answer_headers = self.socket.headers
        pong, send_close = self.socket.pong, self.socket.send_close

        # The other side may be gone already, and what it has said last is still to be read.
        def answer_ping(payload):
            with contextlib.suppress(OSError):
                pong(payload)

        def answer_close(*said):
            with contextlib.suppress(OSError):
                send_close(*said)

        self.socket.pong, self.socket.send_close = answer_ping, answer_close

    def close(self):
        self.socket.close()

    def send(self, msg_type, content, channel="shell", parent=None, buffers=(), metadata=None, msg_id=None):
        header = {
            "msg_id": msg_id or uuid.uuid4().hex, "msg_type": msg_type, "session": self.session,
            "username": "test", "version": "5.3", "date": "2026-01-31T12:00:00.000000Z",
        }
        parts = [header, parent or {}, metadata or {}, content]
        if self.v1:
            self.socket.send_binary(encode_v1(channel, [json.dumps(p).encode() for p in parts], buffers))
        else:
            names = ["header", "parent_header", "metadata", "content"]
            text = json.dumps(dict(zip(names, parts), channel=channel, buffers=[])).encode()
            if buffers:
                self.socket.send_binary(encode_legacy([text, *buffers]))
            else:
                self.socket.send(text.decode())
        return header["msg_id"]

    def receive(self):
        """The next message as a dict; a close frame becomes {"closed": code, "reason": text}."""
        opcode, data = self._next()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return {"closed": struct.unpack("!H", data[:2])[0], "reason": data[2:].decode(), "msg_type": "", "parent_header": {}}
        if self.v1:
            return decode_v1(data)
        if opcode == websocket.ABNF.OPCODE_TEXT:
            return json.loads(data)
        text, *buffers = decode_legacy(data)
        return {**json.loads(text), "buffers": buffers}

    def _next(self):
        """The next frame that is no ping; the gateway's pings do not put the deadline off."""
        deadline = time.monotonic() + self.timeout
        while True:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            opcode, frame = self.socket.recv_data_frame(control_frame=True)
            if opcode not in (websocket.ABNF.OPCODE_PING, websocket.ABNF.OPCODE_PONG):
                return opcode, frame.data

    def until(self, wanted):
        """All messages up to and with the first for which wanted(message) is true."""
        seen = []
        while True:
            seen.append(self.receive())
            if wanted(seen[-1]):
                return seen
            assert "closed" not in seen[-1], seen[-1]

    def request(self, msg_type, content, channel="shell", **more):
        """The reply's content."""
        msg_id = self.send(msg_type, content, channel, **more)
        reply = msg_type.replace("request", "reply")
        return self.until(lambda m: m["msg_type"] == reply and m["parent_header"].get("msg_id") == msg_id)[-1]["content"]

    def execute(self, code, **more):
        self.daemon.hide(code)
        msg_id = self.send("execute_request", {
            "code": code, "silent": False, "store_history": True, "allow_stdin": True,
            "stop_on_error": True, **more})
        return msg_id

    def run(self, code, **more):
        """Executes, and returns the messages that belong to it, in order, reply and idle included."""
        return self.finish(self.execute(code, **more))

    def finish(self, msg_id):
        mine, missing = [], {"idle", "reply"}
        while missing:
            message = self.receive()
            assert "closed" not in message, message
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            mine.append(message)
            if message["msg_type"] == "execute_reply":
                missing.discard("reply")
            elif message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                missing.discard("idle")
        return mine

    def text(self, code):
        """What a cell prints."""
        return "".join(m["content"]["text"] for m in self.run(code) if m["msg_type"] == "stream")


def encode_v1(channel, parts, buffers=()):
    pieces = [channel.encode(), *parts, *buffers]
    count = len(pieces) + 1
    offsets = itertools.accumulate((len(p) for p in pieces), initial=8 * (count + 1))
    return struct.pack(f"<{count + 1}Q", count, *offsets) + b"".join(pieces)


def decode_v1(data):
    (count,) = struct.unpack_from("<Q", data)
    offsets = struct.unpack_from(f"<{count}Q", data, 8)
    channel, header, parent, metadata, content, *buffers = [data[a:b] for a, b in zip(offsets, offsets[1:])]
    header = json.loads(header)
    return {
        "channel": channel.decode(), "header": header, "msg_type": header["msg_type"],
        "msg_id": header["msg_id"], "parent_header": json.loads(parent),
        "metadata": json.loads(metadata), "content": json.loads(content), "raw_content": content,
        "buffers": buffers,
    }


def encode_legacy(pieces):
    offsets = itertools.accumulate((len(p) for p in pieces[:-1]), initial=4 * (len(pieces) + 1))
    return struct.pack(f">{len(pieces) + 1}I", len(pieces), *offsets) + b"".join(pieces)


def decode_legacy(data):
    (count,) = struct.unpack_from(">I", data)
    offsets = [*struct.unpack_from(f">{count}I", data, 4), len(data)]
    return [data[a:b] for a, b in zip(offsets, offsets[1:])]


class Daemon:
    """A running kmuxd, and what one asks of it."""

    def __init__(self, directory, config="", flags=(), environment=()):
        self.directory = directory
        self.runtime = directory / "run"
        self.token_file = directory / "token"
        self.token_file.write_text(TOKEN + "\n")
        self.config = directory / "kmuxd.toml"
        self.config.write_text(config)
        self.log = directory / "log"
        self.flags = list(flags)
        self.command = [PROGRAM]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("KMUX_")}
        self.environment = {**inherited, "JUPYTER_PATH": str(directory / "jupyter"), "HOME": str(directory), **dict(environment)}
        self.process = None
        self.sockets = []
        self.tls = {}  #: `verify` and `cert` of requests, where it speaks HTTPS

    def allow(self, *tokens):
        """Named tokens: "NAME OWNER TOKEN [SCOPES [EXPIRES]]" each. Before start(), or before a reload."""
        lines = []
        for each in tokens:
            name, owner, token, *more = each.split()
            self.hide(token)
            lines.append(" ".join([name, owner, "sha256:" + hashlib.sha256(token.encode()).hexdigest(), *more]))
        path = self.directory / "tokens"
        path.write_text("\n".join(lines) + "\n")
        if "--tokens-file" not in self.flags:
            self.flags += ["--tokens-file", str(path)]

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.command, "--config", self.config, "--listen", "127.0.0.1:0",
                 "--runtime-dir", self.runtime, "--token-file", self.token_file, *self.flags],
                stderr=log, stdout=log, env=self.environment)
        listening = wait_until(self._listening, what="listen.json")
        self.urls = listening["urls"]
        self.url = next(u for u in self.urls if u.startswith(("http://", "https://")))
        self.ws = self.url.replace("http", "ws")
        return self

    def _listening(self):
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError, ValueError):
            found = json.loads((self.runtime / "listen.json").read_text())
            return found if found["pid"] == self.process.pid else None

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def end(self):
        """Stops every kernel and the daemon, and checks that both went as they should."""
        if self.process is None:
            return
        for each in self.sockets:
            each.socket.shutdown()
        self.hide_keys()
        pids = [k["kmux"]["pid"] for k in self.get("kernels").json() if k["kmux"]["pid"]] if self.process.poll() is None else []
        if self.process.poll() is None:
            for kernel in self.get("kernels").json():
                self.delete(f"kernels/{kernel['id']}")
            assert self.stop() == 0, self.log.read_text()
        self.kill_kernels()
        for pid in pids:
            assert has_ended(pid), f"process {pid} was left behind"
        self.check_logs()

    def kill_kernels(self):
        """They outlive a daemon that the test has ended itself."""
        for record in (self.runtime / "kernels").glob("[!.]*/record.json"):
            if not record.is_file():
                continue
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):  # ended, or hostile
                pid = json.loads(record.read_text())["pid"]
                if record.parent.name in Path(f"/proc/{pid}/cmdline").read_text():
                    os.kill(pid, signal.SIGKILL)

    @functools.cached_property
    def hidden(self):
        """What must be in no log: credentials, keys, cookies, lines of code."""
        return set()

    def hide(self, *secrets):
        """What is so short may be there for another reason."""
        lines = (line.strip() for each in secrets for line in (each or "").splitlines())
        self.hidden.update(line for line in lines if len(line) >= 12)

    def hide_keys(self, kernel="*"):
        for file in (self.runtime / "kernels").glob(f"{kernel}/connection.json"):
            with contextlib.suppress(OSError, ValueError):  # of a kernel that is just ending, or broken by a test
                self.hide(json.loads(file.read_text())["key"])

    def hide_credentials(self, headers, answer):
        """Those that a request has shown, and those that came back."""
        self.hide(*(headers.get("Authorization") or "").split(), *(headers.get("Cookie") or "").replace("=", " ").split())
        self.hide(*(value for name, values in parse_qs(urlsplit(answer.request.url).query).items() if name == "token" for value in values))
        self.hide(*answer.cookies.values())
        if "/api/tokens" in answer.request.url and answer.request.method == "POST" and answer.ok:
            self.hide(answer.json().get("token"))

    def logs(self):
        """What kmuxd has written: a kernel's own output may hold whatever its user prints."""
        state = next((Path(b) for a, b in zip(self.flags, self.flags[1:]) if a == "--state-dir"), self.runtime / "state")
        return [self.log, *state.glob("audit.log*"), *state.glob("events.jsonl*")]

    def written(self, log):
        return log.read_text(errors="replace")

    def check_logs(self, *more):
        """No secret that was used here is in a log; nor in `more`, what others have written."""
        for log in (*self.logs(), *more):
            text = self.written(log)
            assert not (told := [each for each in self.hidden if each in text]), f"{log} has {told} in it"

    def call(self, method, path, token=TOKEN, **more):
        headers = {**({"Authorization": f"token {token}"} if token else {}), **more.pop("headers", {})}
        answer = requests.request(method, self.url + path, headers=headers, timeout=60, **{**self.tls, **more})
        self.hide_credentials(headers, answer)
        return answer

    def get(self, path, **more):
        return self.call("GET", "api/" + path, **more)

    def post(self, path, body=None, **more):
        return self.call("POST", "api/" + path, **({} if body is None else {"json": body}), **more)

    def delete(self, path, **more):
        return self.call("DELETE", "api/" + path, **more)

    def kernel(self, name="echo", token=TOKEN, **more):
        answer = self.post("kernels", {"name": name, **more}, token=token)
        assert answer.status_code == 201, answer.text
        self.hide_keys(answer.json()["id"])
        return answer.json()["id"]

    def model(self, kernel):
        return self.get(f"kernels/{kernel}").json()

    def channels(self, kernel, **more):
        self.sockets.append(Channels(self, kernel, **more))
        return self.sockets[-1]

    def add_kernelspec(self, name, argv, **more):
        directory = self.directory / "jupyter/kernels" / name
        directory.mkdir(parents=True, exist_ok=True)
        spec = {"argv": argv, "display_name": name, "language": "none", **more}
        (directory / "kernel.json").write_text(json.dumps(spec))
        return directory

    def wired(self, kernel):
        """Whether all five of a kernel's sockets are connected: each does so in its own time, and takes a descriptor."""
        info = json.loads((self.runtime / "kernels" / kernel / "connection.json").read_text())
        rows = [row.split() for row in Path("/proc/net/unix").read_text().splitlines()]
        connected = {row[7] for row in rows if len(row) > 7 and row[5] == "03"}
        return all(f"{info['ip']}-{info[port + '_port']}" in connected for port in ("shell", "iopub", "stdin", "control", "hb"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))
