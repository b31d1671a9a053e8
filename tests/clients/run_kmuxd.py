"""Starts kmuxd in the foreground, runs a first cell through its public API, and says how to connect.

Needs nothing but Python's standard library: what it does, any program can do.
"""

import base64
import json
import os
import secrets
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid

CELL = "print(6 * 7)"
PATIENCE = 60  # seconds


class Socket:
    """The least of a WebSocket client (RFC 6455): text frames, as they come."""

    def __init__(self, host, port, path):
        self.stream = socket.create_connection((host, port), timeout=PATIENCE)
        key = base64.b64encode(os.urandom(16)).decode()
        self.stream.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.pending = b""
        while b"\r\n\r\n" not in self.pending:
            self.pending += self._more()
        head, self.pending = self.pending.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise RuntimeError(head.decode() + self.pending.decode())

    def _more(self):
        data = self.stream.recv(65536)
        if not data:
            raise ConnectionError("the connection ended")
        return data

    def _take(self, n):
        while len(self.pending) < n:
            self.pending += self._more()
        data, self.pending = self.pending[:n], self.pending[n:]
        return data

    def send(self, text):
        data, mask = text.encode(), os.urandom(4)
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(data))
        size = struct.pack("!BH", 0x80 | 126, len(data))
        self.stream.sendall(b"\x81" + size + mask + masked)

    def receive(self):
        """(opcode, payload) of the next frame."""
        first, size = self._take(2)
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._take(8))
        return first & 15, self._take(size)


def request(base, token, method, path, body=None):
    call = urllib.request.Request(
        base + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {token}"},
    )
    try:
        with urllib.request.urlopen(call, timeout=PATIENCE) as answer:
            return json.loads(answer.read() or "null")
    except urllib.error.HTTPError as problem:
        raise RuntimeError(json.loads(problem.read())["message"]) from None


def run_cell(base, token, kernel, code):
    """What the cell prints."""
    host, port = base.removeprefix("http://").rstrip("/").split(":")
    session = uuid.uuid4().hex
    channels = Socket(host, int(port), f"/api/kernels/{kernel}/channels?session_id={session}&token={token}")
    header = {
        "msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": session,
        "username": "you", "version": "5.3", "date": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
    }
    channels.send(json.dumps({
        "channel": "shell", "header": header, "parent_header": {}, "metadata": {},
        "content": {"code": code, "silent": False}, "buffers": [],
    }))
    printed = ""
    while True:
        opcode, payload = channels.receive()
        if opcode != 1:
            continue
        message = json.loads(payload)
        if message["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        content = message["content"]
        if message["msg_type"] == "stream":
            printed += content["text"]
        elif message["msg_type"] == "error":
            raise RuntimeError(f"{content['ename']}: {content['evalue']}")
        elif message["msg_type"] == "status" and content["execution_state"] == "idle":
            return printed


def free_port(wanted):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", wanted))
            return wanted
        except OSError:
            return 0


def wait_for_listen_file(daemon, path):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if daemon.poll() is not None:
            sys.exit(daemon.returncode or 1)
        try:
            with open(path) as file:
                listening = json.load(file)
            if listening["pid"] == daemon.pid:
                return listening["urls"]
        except (OSError, ValueError):
            pass
        time.sleep(0.02)
    sys.exit("kmuxd did not get ready")


def first_cell(base, token):
    specs = request(base, token, "GET", "api/kernelspecs")["kernelspecs"]
    # The built-in Python: where another kernel is called python3 already, it has this other name.
    name = next((each for each in ("kmux-python", "python3") if each in specs), next(iter(specs), None))
    if name is None:
        print("No kernel is installed here yet: install one, for example IPython for the built-in Python.")
        return
    begin = time.monotonic()
    kernel = request(base, token, "POST", "api/kernels", {"name": name})["id"]
    printed = run_cell(base, token, kernel, CELL)
    took = time.monotonic() - begin
    request(base, token, "DELETE", f"api/kernels/{kernel}")
    print(f"\nA first cell on a new {name} kernel, through the API, in {took:.2f} s:\n")
    print(f"    In:  {CELL}\n    Out: {printed.strip()}\n", flush=True)


def say_how_to_connect(base, urls, token_file, kmux):
    print(f"""kmuxd listens on {', '.join(urls)}
Its token is in {token_file}:

    TOKEN=$(cat {token_file})

JupyterLab:   JUPYTER_GATEWAY_AUTH_TOKEN=$TOKEN jupyter lab --gateway-url={base}
Browser:      {base}ui, the status page; it asks for the token
curl:         curl -H "Authorization: token $TOKEN" {base}api/kernels
Python:       pip install jupyter-kernel-client, then
              jupyter_kernel_client.JupyterKernelClient(server_url="{base.rstrip('/')}", token=TOKEN)
kmux:         {kmux} ps

Ctrl-C ends kmuxd; kernels keep running, and the next kmuxd finds them.
""", flush=True)


def main():
    program, flags = sys.argv[1], sys.argv[2:]
    given = [f.split("=", 1)[1] for f in flags if f.startswith("--runtime-dir=")]
    given += [b for a, b in zip(flags, flags[1:]) if a == "--runtime-dir"]
    runtime = given[0] if given else os.path.join(
        os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir(), f"kmux-dev-{os.getuid()}")
    os.makedirs(runtime, mode=0o700, exist_ok=True)
    token_file = os.path.join(runtime, "token")
    if not os.path.exists(token_file):
        with open(os.open(token_file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(secrets.token_hex(24) + "\n")
    with open(token_file) as file:
        token = file.read().strip()
    command = [program, *flags]
    if not given:
        command += ["--runtime-dir", runtime]
    if not any(f.startswith("--listen") for f in flags):
        command += ["--listen", f"127.0.0.1:{free_port(8888)}"]
    if not any(f.startswith("--token-file") for f in flags):
        command += ["--token-file", token_file]
    daemon = subprocess.Popen(command)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: daemon.send_signal(signal.SIGTERM))
    urls = wait_for_listen_file(daemon, os.path.join(runtime, "listen.json"))
    base = next((u for u in urls if u.startswith("http://")), None)
    if base:
        try:
            first_cell(base, token)
        except (RuntimeError, OSError) as problem:
            print(f"The first cell failed: {problem}", file=sys.stderr)
        kmux = f"{os.path.relpath(os.path.join(os.path.dirname(program), 'kmux'))} --runtime-dir {runtime}"
        say_how_to_connect(base, urls, token_file, kmux)
    sys.exit(daemon.wait())


main()
