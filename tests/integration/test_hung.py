"""A kernel that does not answer, and what is said of what it does."""

import os
import signal
from pathlib import Path

import pytest
from kmuxd import QUICK_STOP, wait_until

QUICK = f"""
[kernels]
echo = true
{QUICK_STOP}heartbeat_interval = "100ms"
heartbeat_late = "1s"
heartbeat_silent = "2s"
"""


@pytest.fixture
def daemon(make_daemon):
    return make_daemon(QUICK).start()


def hung(daemon, kernel):
    return daemon.model(kernel)["kmux"]["hung"]


def test_a_stopped_kernel_is_told_as_stopped(daemon):
    kernel = daemon.kernel()
    daemon.channels(kernel).text("echo here")
    wait_until(lambda: hung(daemon, kernel) is None)
    pid = daemon.model(kernel)["kmux"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    told = wait_until(lambda: (h := hung(daemon, kernel)) and h["state"] == "T" and h)
    assert told["pid"] == pid and "kernel" not in told
    assert set(told) == {"pid", "state", "wchan", "syscall", "stack"}
    if os.access(f"/proc/{pid}/stack", os.R_OK):
        assert told["stack"]
    assert daemon.model(kernel)["kmux"]["heartbeat"] == "silent"
    lines = [each for each in daemon.log.read_text().splitlines() if "state=silent" in each]
    assert any(f"kernel={kernel}" in line and f"pid {pid}, state T" in line for line in lines), lines
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: hung(daemon, kernel) is None)
    wait_until(lambda: daemon.model(kernel)["kmux"]["heartbeat"] == "responsive")


def test_behind_a_relay_the_real_kernel_is_told_too(daemon):
    child = Path(os.readlink(f"/proc/{daemon.process.pid}/exe")).parent / "kmux-child"
    daemon.add_kernelspec("relayed", [str(child), "echo", "-f", "{connection_file}"])
    kernel = daemon.kernel("relayed")
    channels = daemon.channels(kernel)
    channels.text("echo here")
    relay = daemon.model(kernel)["kmux"]["pid"]
    (inner,) = map(int, Path(f"/proc/{relay}/task/{relay}/children").read_text().split())
    os.kill(inner, signal.SIGSTOP)
    os.kill(relay, signal.SIGSTOP)
    told = wait_until(lambda: (h := hung(daemon, kernel)) and h["state"] == h["kernel"]["state"] == "T" and h)
    assert told["pid"] == relay and told["kernel"]["pid"] == inner
    os.kill(inner, signal.SIGCONT)
    os.kill(relay, signal.SIGCONT)
    wait_until(lambda: hung(daemon, kernel) is None)
    assert channels.text("echo again") == "again\n"
