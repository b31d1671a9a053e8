"""What a service manager is told."""

import re
import signal
import socket
import time

import pytest
from kmuxd import wait_until


class Manager:
    """The socket of a service manager, and what has come."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))

    def until(self, wanted, seconds=60):
        """All messages up to and with the first that matches."""
        deadline = time.monotonic() + seconds
        fresh = []
        while True:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            fresh.append(self.socket.recv(4096).decode())
            if re.search(wanted, fresh[-1]):
                return fresh


@pytest.fixture
def manager(tmp_path):
    made = Manager(tmp_path / "notify")
    yield made
    made.socket.close()


def test_its_life_is_told(make_daemon, manager, tmp_path):
    daemon = make_daemon(environment={"NOTIFY_SOCKET": str(tmp_path / "notify")}).start()
    manager.until("^READY=1$")
    manager.until("^STATUS=serving, kernels: 0$")
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    daemon.process.send_signal(signal.SIGHUP)
    told = manager.until("RELOADING=1")[-1]
    assert before <= int(re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", told)[1]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    manager.until("^READY=1$")
    # A configuration that cannot be taken over leaves it as ready as before.
    daemon.config.write_text("[kernels]\necho = maybe\n")
    daemon.process.send_signal(signal.SIGHUP)
    manager.until("RELOADING=1")
    manager.until("^READY=1$")
    assert "event=reload_refused" in daemon.log.read_text()
    daemon.kernel()
    manager.until("^STATUS=serving, kernels: 1$")
    daemon.post("drain")
    manager.until("^STATUS=draining, kernels: 1$")
    assert not any("NOTIFY" in variable for variable in kernel_environment(daemon))
    assert daemon.stop() == 0
    manager.until("^STOPPING=1$")
    daemon.config.write_text("[kernels]\necho = true\n")
    daemon.start()
    manager.until("^READY=1$")


def kernel_environment(daemon):
    pid = daemon.get("kernels").json()[0]["kmux"]["pid"]
    with open(f"/proc/{pid}/environ") as file:
        return file.read().split("\0")


def test_the_watchdog_is_petted_by_the_loop(make_daemon, manager, tmp_path):
    daemon = make_daemon(environment={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000"}).start()
    manager.until("^READY=1$")
    begun = time.monotonic()
    for _ in range(10):
        manager.until("^WATCHDOG=1$")
    assert time.monotonic() - begun < 40, "three times in 300 ms, where without it there are 5 s from tick to tick"
    daemon.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: silent(manager), what="silence")
    daemon.process.send_signal(signal.SIGCONT)
    manager.until("^WATCHDOG=1$")
    assert "loop_stuck" not in daemon.log.read_text()


def silent(manager):
    """Nothing comes for longer than the watchdog waits."""
    manager.socket.settimeout(0.5)
    try:
        return not manager.socket.recv(4096)
    except TimeoutError:
        return True


def test_without_a_manager_nothing_is_different(make_daemon, tmp_path):
    daemon = make_daemon(environment={"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "100000"}).start()
    assert daemon.kernel()
