"""What compose.yaml starts, as its users have it: run in a network of its own, as root.

    unshare --net --mount composed.py DIRECTORY

One logs in at the Hub with a browser, gets JupyterLab, runs a cell in kmux and interrupts another; then kmux
is killed, and what was printed is on its volume."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import requests

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/clients")]

from kmuxd import wait_until  # noqa: E402
from programs import node  # noqa: E402

HUB = "http://127.0.0.1:8000/"
#: Nothing of the network outlives the namespace; limits as everywhere in these tests (containers.py).
CONTAINERS = """
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
network_config_dir = "{directory}/networks"
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=20000:20000"]
"""


class Composed:
    def __init__(self, directory):
        configuration = directory / "containers.conf"
        configuration.write_text(CONTAINERS.format(directory=directory))
        self.secret = secrets.token_hex(32)
        self.environment = {**os.environ, "CONTAINERS_CONF": str(configuration), "KMUX_HUB_TOKEN": self.secret}

    def run(self, *words, errors=subprocess.PIPE):
        ran = subprocess.run(words, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert ran.returncode == 0, f"{ran.stdout}{ran.stderr}"
        return ran.stdout

    def compose(self, *words):
        return self.run(ROOT / ".cache/packages-tools/bin/podman-compose", "--project-name", "kmuxtest", *words)

    def podman(self, *words):
        return self.run("podman", *words)

    def is_running(self, container):
        return self.podman("inspect", "--format", "{{.State.Running}}", container).strip() == "true"

    def kmux(self, *words):
        return self.podman("exec", "kmuxtest_kmux_1", "kmux", *words)


def answers(path):
    try:
        return requests.get(HUB + path, timeout=60).ok
    except OSError:
        return False


def is_ready(composed):
    try:
        return "ready" in composed.kmux("status")
    except AssertionError:  # not yet
        return False


def main(directory):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    composed = Composed(directory)
    try:
        composed.compose("up", "--detach", "--no-build")
        wait_until(lambda: answers("hub/api") and answers("services/kmux/api"), 200, "the Hub, and kmux behind it")
        node(ROOT / "tests/hub/lab.cjs", HUB, "alice", shutil.which("chromium"), directory)
        (kernel,) = json.loads(composed.kmux("ps", "-o", "json"))
        assert kernel["kmux"]["owner"] == "alice", kernel
        composed.podman("kill", "--signal=KILL", "kmuxtest_kmux_1")
        # Until then it is running, and there is nothing to start.
        wait_until(lambda: not composed.is_running("kmuxtest_kmux_1"), what="its end")
        composed.podman("start", "kmuxtest_kmux_1")
        wait_until(lambda: is_ready(composed), 120, "kmux again")
        lines = composed.kmux("messages", kernel["id"], "--type", "stream", "-o", "json").splitlines()
        # A print() may come in pieces.
        assert "answer 42\n" in "".join(json.loads(line)["content"]["text"] for line in lines), lines
        said = composed.run("podman", "logs", "kmuxtest_kmux_1", errors=subprocess.STDOUT)
        assert "event=hub_on" in said and composed.secret not in said, said
    finally:
        print(composed.compose("logs"), file=sys.stderr)
        composed.compose("down", "--volumes", "--timeout", "0")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
