"""kmux, as the person on duty types it."""

import json
import os
import re
import subprocess

import kmuxd
import pytest
from kmuxd import BIN, TOKEN, wait_until

DONE, FAILED, USAGE, NOT_FOUND, REFUSED, TIMED_OUT, UNREACHABLE = range(7)


def kmux(*words, code=DONE, environment=()):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("KMUX_")}
    ran = subprocess.run([BIN / "kmux", *map(str, words)], capture_output=True, text=True, timeout=60, env={**inherited, **dict(environment)})
    assert ran.returncode == code, f"{ran.returncode}: {ran.stdout}{ran.stderr}"
    return ran.stdout if code == DONE else ran.stderr


@pytest.fixture
def at(daemon):
    """kmux at this daemon's admin.sock: no token is needed."""
    return lambda *words, **more: kmux("--runtime-dir", daemon.runtime, *words, **more)


def test_a_kernels_life(daemon, at):
    kernel = at("start", "echo").strip()
    assert daemon.model(kernel)["name"] == "echo"
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "idle")
    head, row = at("ps").splitlines()
    assert head.split() == ["ID", "SPEC", "OWNER", "STATE", "AGE", "ACTIVE", "CLIENTS", "RESTARTS", "PID"]
    assert row.split()[:2] == [kernel[:8], "echo"] and str(daemon.model(kernel)["kmux"]["pid"]) in row
    assert json.loads(at("ps", "-o", "json"))[0]["id"] == kernel
    described = at("describe", kernel[:6])
    assert re.search(rf"^id +{kernel}$", described, re.M) and re.search(r"^kmux.journal +recording$", described, re.M)
    pid = daemon.model(kernel)["kmux"]["pid"]
    assert at("restart", "@last") == f"{kernel} restarted\n"
    assert daemon.model(kernel)["kmux"]["pid"] != pid
    channels = daemon.channels(kernel)
    cell = channels.execute("sleep 100")
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "busy")
    at("interrupt", kernel)
    assert channels.finish(cell)
    assert at("stop", kernel) == f"{kernel} stopped\n"
    assert at("ps").splitlines() == [head.rstrip()] or len(at("ps").splitlines()) == 1


def test_the_daemon_itself(daemon, at):
    daemon.kernel()
    status = dict(re.split(r" {2,}", line, maxsplit=1) for line in at("status").splitlines())
    assert status["state"] == "ready" and status["kernels"] == "1" and status["kmuxd"]
    assert json.loads(at("drain"))["state"] == "draining"
    assert "state    draining" in at("status")
    assert "drain" in at("start", "echo", code=REFUSED)
    at("undrain")
    before = daemon.get("status").json()["started"]
    assert "has taken over" in at("upgrade")
    assert daemon.get("status").json()["started"] != before
    assert len(daemon.get("kernels").json()) == 1


def test_what_goes_wrong_is_said_with_what_to_do(daemon, at, tmp_path):
    assert "--runtime-dir" in kmux("--runtime-dir", tmp_path / "none", "ps", code=UNREACHABLE)
    assert "kmux ps" in at("stop", "1234", code=NOT_FOUND)
    kernels = [daemon.post("kernels", {"name": "echo", "kernel_id": f"abcd{i}000-0000-0000-0000-000000000000"}).json()["id"] for i in range(2)]
    assert "2 kernels" in at("stop", "abcd", code=USAGE)
    assert len(daemon.get("kernels").json()) == 2
    assert at("stop", *kernels).count("stopped") == 2
    assert "no-such-spec" in at("start", "no-such-spec", code=NOT_FOUND)
    assert "seconds" in at("drain", "soon", code=USAGE)
    at("dance", code=USAGE)
    at(code=USAGE)
    at("stop", code=USAGE)
    assert "upgrade" in at("--help") and at("--version").startswith("kmux ")


def test_by_url(daemon):
    kernel = daemon.kernel()
    environment = {"KMUX_URL": daemon.url, "KMUX_TOKEN": TOKEN}
    assert kernel[:8] in kmux("ps", environment=environment)
    assert kernel[:8] in kmux("--url", daemon.url, "--token-file", daemon.token_file, "ps")
    kmux("--url", daemon.url, "ps", code=REFUSED)
    kmux("--url", "ftp://here/", "ps", code=USAGE)
    kmux("--url", "http://127.0.0.1:1/", "ps", code=UNREACHABLE)
    # kmuxd takes no offence at the CLI's variables.
    daemon.environment |= environment
    daemon.stop()
    daemon.start()
    assert kmuxd.PROGRAM.exists() and daemon.model(kernel)["id"] == kernel
