"""The Python kernel beside ipykernel, xeus-python and the echo child as the floor: one client, one
interpreter, one run. What counts are the ratios."""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session

ROOT = Path(__file__).parents[2]
BIN = ROOT / "build/release/bin"
PYTHON = str(ROOT / ".cache/venv/bin/python")
PATIENCE = 60_000  # ms

KERNELS = {
    "echo": [str(BIN / "kmux-child"), "echo", "-f", "{}"],
    "kmux": [PYTHON, str(BIN.parent / "lib/kmux/python/kmux_child"), "-f", "{}"],
    "ipykernel": [PYTHON, "-m", "ipykernel_launcher", "-f", "{}"],
    "xeus-python": [PYTHON, "-m", "xpython_launcher", "-f", "{}"],
}

class Kernel:
    """A kernel's process and one client of it, as bare as Python allows."""

    def __init__(self, name):
        self.name = name
        self.directory = tempfile.TemporaryDirectory(prefix="kmux-bench-")
        path, info = write_connection_file(str(Path(self.directory.name) / "c.json"), ip="127.0.0.1", key=b"a key")
        self.session = Session(key=b"a key")
        context = zmq.Context.instance()
        self.sockets = {}
        for channel, kind in (("shell", zmq.DEALER), ("control", zmq.DEALER), ("iopub", zmq.SUB)):
            socket = context.socket(kind)
            socket.linger = 0
            socket.rcvhwm = 0
            socket.reconnect_ivl = 1
            if kind == zmq.SUB:
                socket.subscribe(b"")
            else:
                socket.identity = self.session.bsession
            socket.connect(f"tcp://127.0.0.1:{info[channel + '_port']}")
            self.sockets[channel] = socket
        environment = {**os.environ, "IPYTHONDIR": self.directory.name}
        argv = [path if word == "{}" else word for word in KERNELS[name]]
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            argv, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for socket in self.sockets.values():
            socket.close()
        self.directory.cleanup()

    def send(self, kind, content, channel="shell"):
        message = self.session.send(self.sockets[channel], kind, content)
        return message["header"]["msg_id"]

    def receive(self, channel, timeout=PATIENCE):
        return self.read(self.receive_frames(channel, timeout))

    def receive_frames(self, channel, timeout=PATIENCE):
        if not self.sockets[channel].poll(timeout):
            raise TimeoutError(f"{self.name}: nothing on {channel} in {timeout / 1000} s")
        return self.sockets[channel].recv_multipart()

    def read(self, frames):
        message = self.session.deserialize(self.session.feed_identities(frames)[1])
        message["parent_header"] = message["parent_header"] or {}
        return message

    def ready(self):
        """Seconds from the process's beginning to its first kernel_info_reply."""
        id = self.send("kernel_info_request", {})
        self.reply(id)
        took = time.perf_counter() - self.began
        while not self.sockets["iopub"].poll(200):  # who subscribes late is told nothing
            self.reply(self.send("kernel_info_request", {}))
        return took

    def reply(self, id, channel="shell", timeout=PATIENCE):
        while True:
            message = self.receive(channel, timeout)
            if message["parent_header"].get("msg_id") == id:
                return message

    def request(self, kind, content, channel="shell"):
        begin = time.perf_counter()
        self.reply(self.send(kind, content, channel), channel)
        return time.perf_counter() - begin

    def execute(self, code):
        return self.send("execute_request", {
            "code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False,
            "stop_on_error": False})

    def output(self, id):
        """Everything on iopub up to the request's idle."""
        out = []
        while True:
            message = self.receive("iopub")
            if message["parent_header"].get("msg_id") != id:
                continue
            out.append(message)
            if message["content"].get("execution_state") == "idle":
                return out

    def run(self, code):
        """(seconds from the request to reply and idle, iopub messages)"""
        begin = time.perf_counter()
        id = self.execute(code)
        out = self.output(id)
        self.reply(id)
        return time.perf_counter() - begin, out

    def text(self, code):
        return "".join(m["content"]["text"] for m in self.run(code)[1] if m["msg_type"] == "stream")

    def wait_for_text(self, id):
        while True:
            message = self.receive("iopub")
            if message["parent_header"].get("msg_id") == id and message["msg_type"] == "stream":
                return message["content"]["text"]


def pss_mib(pid):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no Pss in smaps_rollup")


def p99(values):
    return sorted(values)[max(0, int(len(values) * 0.99) - 1)]


def interleaved(kernels, measure, rounds, in_a_row=1):
    """{name: [measure(kernel), …]}: noise hits all alike. What a kernel does after its reply (ipykernel
    writes its history then) falls into its neighbour's time, the less the more come in a row."""
    out = {name: [] for name in kernels}
    for _ in range(rounds):
        for name, kernel in kernels.items():
            out[name] += [measure(kernel) for _ in range(in_a_row)]
    return out


def round_trips(kernels, row, note):
    times = interleaved(kernels, lambda k: k.request("kernel_info_request", {}), 10, in_a_row=30)
    ms = {name: statistics.median(values) * 1000 for name, values in times.items()}
    ratio = ms["kmux"] / ms["echo"]
    row("Python: kernel_info round trip", f"{ms['kmux']:.2f} ms = {ratio:.2f} × echo's", "≤ 1.3 ×", ratio <= 1.3)
    note("  ipykernel; xeus-python", f"{ms['ipykernel']:.2f}; {ms['xeus-python']:.2f} ms")
    cells = {"echo": "clear"}
    execute = lambda k: k.run(cells.get(k.name, "pass"))[0]
    times = interleaved(kernels, execute, 10, in_a_row=30)
    ms = {name: statistics.median(values) * 1000 for name, values in times.items()}
    to_echo, to_ipykernel = ms["kmux"] / ms["echo"], ms["kmux"] / ms["ipykernel"]
    row("Python: execute pass, stored", f"{ms['kmux']:.2f} ms = {to_echo:.2f} × echo's, {to_ipykernel:.2f} × ipykernel's",
        "≤ 2 ×, ≤ 0.25 ×", to_echo <= 2 and to_ipykernel <= 0.25)
    note("  ipykernel; xeus-python", f"{ms['ipykernel']:.2f}; {ms['xeus-python']:.2f} ms")
    cold = {name: statistics.median(values) for name, values in interleaved(kernels, execute, 100).items()}
    note("  one at a time, the others in between", f"{cold['kmux'] * 1000:.2f} ms = {cold['kmux'] / cold['ipykernel']:.2f} × ipykernel's")


def first_byte(kernel):
    id = kernel.execute("import time\nprint(repr(time.time()))\ntime.sleep(0.25)")
    text = ""
    while "\n" not in text:
        text += kernel.wait_for_text(id)
    late = time.time() - float(text)
    kernel.output(id)
    kernel.reply(id)
    return late * 1000


def streams(kernels, row, note):
    pythons = {name: k for name, k in kernels.items() if name != "echo"}
    late = interleaved(pythons, first_byte, 15)
    worst = max(late["kmux"])
    row("Python: first byte after print, worst of 15", f"{worst:.1f} ms", "≤ 5 ms", worst <= 5)
    note("  ipykernel; xeus-python, medians", f"{statistics.median(late['ipykernel']):.0f}; {statistics.median(late['xeus-python']):.1f} ms")
    flush = interleaved({n: pythons[n] for n in ("kmux", "ipykernel")}, lambda k: k.run("for i in range(1000): print(i, flush=True)")[0], 5)
    ms = {name: statistics.median(values) * 1000 for name, values in flush.items()}
    row("Python: 1,000 prints with flush", f"{ms['kmux']:.1f} ms", "≤ 50 ms", ms["kmux"] <= 50)
    note("  ipykernel", f"{ms['ipykernel']:.0f} ms")
    floor = float(pythons["kmux"].text(
        "import io, time\nf = io.StringIO(); b = time.perf_counter()\nfor i in range(1_000_000): print(i, file=f)\nprint(time.perf_counter() - b)"))
    took, out = min((pythons["kmux"].run("for i in range(1_000_000): print(i)") for _ in range(3)), key=lambda each: each[0])
    text = "".join(m["content"]["text"] for m in out if m["msg_type"] == "stream")
    whole = text == "".join(f"{i}\n" for i in range(1_000_000))
    row("Python: 1,000,000 prints in one cell, in order", f"{took:.2f} s = {took / floor:.2f} × StringIO's {floor:.2f} s", "≤ 1 s", took <= 1 and whole)
    note("  ipykernel", f"{pythons['ipykernel'].run('for i in range(1_000_000): print(i)')[0]:.1f} s")


def displays(kernels, row, note):
    code = "from IPython.display import display\nfor i in range(20000): display(i)"
    for name in ("kmux", "ipykernel"):
        kernel = kernels[name]
        begin = time.perf_counter()
        id = kernel.execute(code)
        kernel.reply(id)  # the reader is slow: it looks at iopub only now
        try:
            arrived = [kernel.receive_frames("iopub")]
            while b'"idle"' not in arrived[-1][-1]:
                arrived.append(kernel.receive_frames("iopub"))
            took = time.perf_counter() - begin
            out = [m for m in map(kernel.read, arrived) if m["msg_type"] == "display_data" and m["parent_header"]["msg_id"] == id]
            said = f"{took:.2f} s, {len(out)} arrived"
        except TimeoutError:
            out, said = [], "idle was lost"
        if name == "kmux":
            row("Python: 20,000 displays, a slow reader", said, "< 2 s, none lost", took < 2 and len(out) == 20000)
        else:
            note("  ipykernel", said)


INTERRUPTS = {
    "await": "import asyncio\nprint('on')\nawait asyncio.sleep(30)",
    "loop": "print('on')\nwhile True: pass",
    "sleep": "import time\nprint('on')\ntime.sleep(30)",
}


def interrupted(kernel, code):
    id = kernel.execute(code)
    kernel.wait_for_text(id)
    begin = time.perf_counter()
    os.killpg(kernel.process.pid, signal.SIGINT)
    kernel.reply(id)
    took = time.perf_counter() - begin
    kernel.output(id)
    return took * 1000


def interrupts(kernels, row, note):
    for what, code in INTERRUPTS.items():
        # An interrupted await of ipykernel's ends only with the sleep.
        names = ("kmux",) if what == "await" else ("kmux", "ipykernel")
        took = {name: [] for name in names}
        for _ in range(100):
            for name in names:
                took[name].append(interrupted(kernels[name], code))
        mine = took["kmux"]
        row(f"Python: interrupt to reply, {what}, p99 of 100", f"{p99(mine):.1f} ms, p50 {statistics.median(mine):.1f} ms", "≤ 20 ms", p99(mine) <= 20)
        theirs = took.get("ipykernel")
        note("  ipykernel", f"{p99(theirs):.1f} ms, p50 {statistics.median(theirs):.1f} ms" if theirs else "as long as the await")


def held(kernel):
    """kernel_info on control while C code holds the GIL for half a second."""
    id = kernel.execute("import ctypes\nprint('on')\nctypes.PyDLL(None).usleep(500_000)")
    kernel.wait_for_text(id) if kernel.name != "ipykernel" else None
    begin = time.perf_counter()
    while time.perf_counter() - begin < 0.1:  # it is in C code by now
        pass
    took = kernel.request("kernel_info_request", {}, "control")
    kernel.output(id)
    kernel.reply(id)
    return took * 1000


def control(kernels, row, note):
    late = interleaved({n: kernels[n] for n in ("kmux", "ipykernel")}, held, 5)
    worst = max(late["kmux"])
    row("Python: control reply while C code holds the GIL", f"{worst:.1f} ms", "≤ 5 ms", worst <= 5)
    note("  ipykernel", f"{statistics.median(late['ipykernel']):.0f} ms")


def starts(row, note):
    times = {name: [] for name in KERNELS}
    memory = {}
    for _ in range(7):
        for name in KERNELS:
            kernel = Kernel(name)
            times[name].append(kernel.ready())
            kernel.run("clear" if name == "echo" else "pass")
            memory.setdefault(name, []).append(pss_mib(kernel.process.pid))
            kernel.close()
    s = {name: statistics.median(values) for name, values in times.items()}
    ratio = s["kmux"] / s["ipykernel"]
    row("Python: start to ready, cold", f"{s['kmux']:.3f} s = {ratio:.2f} × ipykernel's", "≤ 0.6 ×", ratio <= 0.6)
    note("  ipykernel; xeus-python; echo", f"{s['ipykernel']:.3f}; {s['xeus-python']:.3f}; {s['echo']:.3f} s")
    mib = {name: statistics.median(values) for name, values in memory.items()}
    ratio = mib["kmux"] / mib["ipykernel"]
    row("Python: an idle kernel, PSS", f"{mib['kmux']:.1f} MiB = {ratio:.2f} × ipykernel's", "≤ 0.7 ×", ratio <= 0.7)
    note("  ipykernel; xeus-python", f"{mib['ipykernel']:.1f}; {mib['xeus-python']:.1f} MiB")


def forks(note):
    """What a fork of a warmed interpreter costs, up to the end of its first cell."""
    done = subprocess.run(
        [PYTHON, str(ROOT / "tests/bench/fork.py"), str(BIN.parent / "lib/kmux/python")], capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout)
    note("Python: fork of a warmed interpreter to its first reply", f"{figures['ready_ms']:.1f} ms, {figures['private_mib']:.1f} MiB of its own")


def measure(row, note):
    starts(row, note)
    forks(note)
    kernels = {name: Kernel(name) for name in KERNELS}
    try:
        for kernel in kernels.values():
            kernel.ready()
        for part in (round_trips, streams, displays, interrupts, control):
            part(kernels, row, note)
    finally:
        for kernel in kernels.values():
            kernel.close()


if __name__ == "__main__":
    sys.exit("run it with ./dev bench python")
