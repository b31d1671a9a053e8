"""What the benchmarks share: the load generator, what the system says of a process, and gateways to measure."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import requests
from kmuxd import BIN, TOKEN, Daemon, wait_until
from programs import free_port

CORES = os.sched_getaffinity(0)


def load(*words):
    done = subprocess.run([BIN / "kmux-load", *map(str, words)], capture_output=True, text=True, timeout=240)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


@contextlib.contextmanager
def crowd(kernels):
    """A daemon with so many echo kernels, all of them idle; and a directory of its own."""
    with tempfile.TemporaryDirectory() as name:
        daemon = Daemon(Path(name), "[kernels]\necho = true\n").start()
        try:
            for _ in range(kernels):
                daemon.kernel("echo")
            wait_until(lambda: all(k["execution_state"] == "idle" for k in daemon.get("kernels").json()), 120)
            yield daemon
        finally:
            daemon.end()


def cpu_seconds(pid):
    """Of all its threads, in nanoseconds: what ticks count is a guess where work is short."""
    tasks = Path(f"/proc/{pid}/task")
    return sum(int((tasks / t / "schedstat").read_text().split()[0]) for t in os.listdir(tasks)) / 1e9


def pss_kib(pid):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])


def pin(pid, cores):
    """All threads of a process to these cores; threads and children to come inherit it."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), cores)


def descendants(pid):
    children = [int(c) for t in os.listdir(f"/proc/{pid}/task") for c in Path(f"/proc/{pid}/task/{t}/children").read_text().split()]
    return children + [d for c in children for d in descendants(c)]


class Gateway:
    """Any server of Jupyter's API, pinned to one core: its kernels, as targets for kmux-load."""

    def __init__(self, name, url, pid, token=TOKEN):
        self.name, self.url, self.pid, self.token = name, url, pid, token
        pin(pid, {0})
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"token {token}"

    def start(self, name):
        kernel = self.http.post(self.url + "api/kernels", json={"name": name}, timeout=60).json()["id"]
        for child in descendants(self.pid):
            pin(child, CORES)
        return kernel

    def delete(self, kernel):
        self.http.delete(self.url + f"api/kernels/{kernel}", timeout=60)

    def target(self, kernel):
        return f"{self.url.replace('http', 'ws')}api/kernels/{kernel}/channels?token={self.token}&session_id=bench"


def start_peer(name, module, directory, environment, flags):
    """Another gateway, on the same kernelspecs."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", module, *(f.format(port=port) for f in flags)], env=environment,
                               cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/"

    def up():
        assert process.poll() is None, f"{name} does not start"
        try:
            return requests.get(url + "api", headers={"Authorization": f"token {TOKEN}"}, timeout=5).ok
        except OSError:
            return False

    wait_until(up, 60, name)
    return process, Gateway(name, url, process.pid)


PEERS = [
    ("jupyter_server", "jupyter_server", [
        "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", "--ServerApp.port={port}",
        f"--IdentityProvider.token={TOKEN}"]),
    ("jupyter_kernel_gateway", "kernel_gateway", [
        "--KernelGatewayApp.ip=127.0.0.1", "--KernelGatewayApp.port={port}",
        f"--KernelGatewayApp.auth_token={TOKEN}", "--JupyterWebsocketPersonality.list_kernels=True"]),
]
