"""The Jupyter programs that the tests run against kmuxd, and the kernels that they run in it."""

import contextlib
import os
import random
import socket
import subprocess
import sys
from pathlib import Path

from jupyter_client.channels import HBChannel
from kmuxd import TOKEN, Daemon, wait_until

HERE = Path(__file__).parent
NODE_MODULES = HERE.parents[1] / ".cache/node/node_modules"
#: The newest Python of this machine, with IPython and ipywidgets.
NEWEST = HERE.parents[1] / ".cache/newest/bin/python"

KERNELS = {
    "ipykernel": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "ipykernel of Debian": ["/usr/bin/python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "xeus-python": [sys.executable, "-m", "xpython_launcher", "-f", "{connection_file}"],
    "bash_kernel": [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"],
    "IRkernel": ["R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"],
}

# A kernel that takes more than a second to answer for the first time would be given up as dead.
HBChannel.time_to_dead = 60

given_ports = set()


def free_port():
    """Of those that the system gives to nobody by itself: what is free now is so a moment later, and
    while what listens there is started again."""
    while True:
        port = random.choice([each for each in range(20_000, 30_000) if each not in given_ports])
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            given_ports.add(port)
            return port


class Front(Daemon):
    """A Jupyter server in front answers as kmuxd does, so the same client serves."""

    def __init__(self, url):
        self.url, self.ws, self.sockets, self.tls = url, url.replace("http", "ws"), [], {}


@contextlib.contextmanager
def jupyter_server(daemon, module="jupyter_server"):
    """A Jupyter server (or `jupyterlab`) whose kernels are those of `daemon`."""
    port = free_port()
    with open(daemon.directory / "server.log", "wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", module, "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
             f"--ServerApp.port={port}", f"--IdentityProvider.token={TOKEN}", f"--gateway-url={daemon.url}",
             f"--GatewayClient.auth_token={TOKEN}", f"--ServerApp.root_dir={daemon.directory}"],
            env=daemon.environment, stdout=log, stderr=log)
    front = Front(f"http://127.0.0.1:{port}/")

    def up():
        assert server.poll() is None, (daemon.directory / "server.log").read_text()
        try:
            return front.get("status").ok
        except OSError:
            return False

    try:
        wait_until(up, 120, "the Jupyter server")
        yield front
    finally:
        for each in front.sockets:
            each.socket.shutdown()
        server.terminate()
        server.wait(60)


def node(script, *words, seconds=300):
    """Runs a script of this folder under node; its last line must say that every step was taken."""
    done = subprocess.run(["node", HERE / script, *map(str, words)], capture_output=True, text=True,
                          timeout=seconds, env={**os.environ, "NODE_PATH": str(NODE_MODULES)})
    said = done.stdout + done.stderr
    assert done.returncode == 0 and done.stdout.rstrip().endswith("all steps taken"), said
