"""How long nobody answers while kmuxd is restarted as its service is, under load, beside a server that does nothing else."""

import fcntl
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from history import Load
from kmuxd import BIN, TOKEN, Daemon, wait_until

KERNELS, ROUNDS = 50, 11

TAKE_OVER = "exec 3<&$0 $0<&-; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\""

#: Answers each connection on the socket that it has inherited.
PEER = """
import socket
s = socket.socket(fileno=3)
while True:
    c, _ = s.accept()
    c.recv(4096)
    c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
    c.close()
"""


class Listener:
    """The socket that a service manager holds."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.socket.getsockname()[1]

    def start(self, *words, **more):
        fd = fcntl.fcntl(self.socket, fcntl.F_DUPFD, 10)
        process = subprocess.Popen(["/bin/bash", "-c", TAKE_OVER.replace("$0", str(fd)), "service", *map(str, words)], pass_fds=[fd], **more)
        os.close(fd)
        return process


class Service(Daemon):
    def __init__(self, directory):
        super().__init__(directory, "[kernels]\necho = true\n")
        self.listener = Listener()
        self.url = f"http://127.0.0.1:{self.listener.port}/"
        self.ws = self.url.replace("http", "ws")

    def start(self):
        with open(self.log, "ab") as log:
            self.process = self.listener.start(BIN / "kmuxd", "--config", self.config, "--runtime-dir", self.runtime, "--listen", "127.0.0.1:0",
                                               "--token-file", self.token_file, stderr=log, stdout=log)
        return self


class Prober(threading.Thread):
    """Asks all the time, on a new connection each, and notes when it was answered."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.stopping, self.answers = port, False, []

    def ask(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as to:
            to.sendall(b"GET /api HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return to.recv(4096).startswith(b"HTTP/1.1 200")

    def run(self):
        while not self.stopping:
            try:
                if self.ask():
                    self.answers.append(time.monotonic())
            except OSError:
                pass  # it was cut: asked again
            time.sleep(0.001)

    def longest(self, since):
        """Seconds without an answer, from that moment on."""
        times = [since, *(t for t in list(self.answers) if t > since)]
        return max(after - before for before, after in zip(times, times[1:]))


def restarts(port, restart):
    prober = Prober(port)
    prober.start()
    took = []
    for _ in range(ROUNDS):
        wait_until(lambda n=len(prober.answers): len(prober.answers) > n + 5)
        begun = time.monotonic()
        restart()
        wait_until(lambda b=begun: prober.answers[-1] > b + 0.05 and len(prober.answers) > 0)
        wait_until(lambda n=len(prober.answers): len(prober.answers) > n + 20)
        took.append(prober.longest(begun))
    prober.stopping = True
    prober.join(30)
    return took


def measure(row, note):
    with tempfile.TemporaryDirectory() as name:
        daemon = Service(Path(name)).start()
        wait_until(lambda: (daemon.runtime / "listen.json").exists())
        for _ in range(KERNELS):
            daemon.kernel("echo")
        wait_until(lambda: all(k["execution_state"] == "idle" for k in daemon.get("kernels").json()), 60)
        load = Load(daemon, kernels=4, lines=3000, per_second=500)

        def restart():
            daemon.stop()
            daemon.start()

        took = restarts(daemon.listener.port, restart)
        load.finish(60)  # which judges that nothing is missing
        row(f"restart as a service, {KERNELS + 4} kernels, 2,000 lines/s: no answer", f"{statistics.median(took) * 1e3:.0f} ms, worst {max(took) * 1e3:.0f}",
            "< 1 s, nothing lost", max(took) < 1)
        daemon.end()
    peer = Listener()
    processes = [peer.start(sys.executable, "-c", PEER)]

    def restart_peer():
        processes[-1].send_signal(signal.SIGTERM)
        processes[-1].wait()
        processes.append(peer.start(sys.executable, "-c", PEER))

    took = restarts(peer.port, restart_peer)
    processes[-1].kill()
    note("the same of a Python program that only answers", f"{statistics.median(took) * 1e3:.0f} ms, worst {max(took) * 1e3:.0f}")
