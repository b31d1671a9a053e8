"""Another build takes over, by exec or at the next start; what was there goes on."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

import kmuxd
import pytest
from history import Load
from kmuxd import wait_until

NEXT = "kmuxd 999.0.0"


class Installation:
    """A directory of programs, in which kmuxd is replaced as a package manager does it."""

    def __init__(self, place):
        self.bin = place / "bin"
        self.bin.mkdir(parents=True)
        (place / "lib").symlink_to(kmuxd.BIN.parent / "lib")
        for name in ("kmuxd", "kmux-child"):
            self.put(kmuxd.BIN / name, name)

    def put(self, source, name="kmuxd"):
        fresh = self.bin / f".{name}.new"
        shutil.copy2(source, fresh)
        os.rename(fresh, self.bin / name)

    def put_next(self):
        self.put(kmuxd.BIN / "next/kmuxd")

    def put_back(self):
        self.put(kmuxd.BIN / "kmuxd")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    made = Installation(tmp_path / "installed")
    monkeypatch.setattr(kmuxd, "PROGRAM", made.bin / "kmuxd")
    return made


def version(daemon):
    return "kmuxd " + daemon.call("GET", "api").json()["kmux_version"]


def upgrade(daemon, to):
    answer = daemon.post("upgrade")
    assert answer.status_code == 202, answer.text
    assert answer.json()["to"] == to and answer.json()["from"] != to
    assert wait_until(lambda: version(daemon) == to)
    return answer.json()


class Knocking:
    """Asks all the time, over new connections; nobody must be refused."""

    def __init__(self, daemon):
        self.daemon, self.answered, self.refused, self.stopping = daemon, 0, [], False
        host, port = daemon.url.split("/")[2].split(":")
        self.addresses = [(socket.AF_INET, (host, int(port))), (socket.AF_UNIX, str(daemon.runtime / "admin.sock"))]
        self.threads = [threading.Thread(target=self.run, args=a, daemon=True) for a in self.addresses]

    def __enter__(self):
        for each in self.threads:
            each.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        for each in self.threads:
            each.join(30)

    def run(self, family, address):
        while not self.stopping:
            with socket.socket(family) as caller:
                caller.settimeout(20)
                try:
                    caller.connect(address)
                except OSError as e:
                    self.refused.append(repr(e))
                    continue
                # A connection that was taken may be closed before it is answered, as at any end.
                with contextlib.suppress(OSError):
                    caller.sendall(b"GET /api HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    self.answered += caller.recv(100).startswith(b"HTTP/1.1 200")


def test_nothing_is_lost_and_nobody_is_refused(installed, daemon):
    load = Load(daemon, kernels=3, lines=3000, per_second=300)  # longer than three upgrades
    before = {k["id"]: k["kmux"]["pid"] for k in daemon.get("kernels").json()}
    first, pid = version(daemon), daemon.process.pid
    with Knocking(daemon) as knocking:
        for to, put in ((NEXT, installed.put_next), (first, installed.put_back), (NEXT, installed.put_next)):
            put()
            before_it = [each.connections for each in load.readers]
            assert upgrade(daemon, to)["program"] == str(installed.bin / "kmuxd")
            # The next would be none to who has not come back from this one.
            wait_until(lambda: all(each.connections > n or each.is_over() for each, n in zip(load.readers, before_it)))
        count = knocking.answered
        wait_until(lambda: knocking.answered > count + 10)
    assert not knocking.refused
    assert daemon.process.pid == pid and daemon.process.poll() is None
    assert {k["id"]: k["kmux"]["pid"] for k in daemon.get("kernels").json()} == before
    load.finish(100)
    assert all(each.connections >= 4 for each in load.readers)


def test_two_builds_take_turns_on_one_directory(installed, daemon):
    """kill -9 and another build's start: the runtime and state directories are the same to both."""
    load = Load(daemon, kernels=2, lines=900, per_second=300)
    for put, expected in ((installed.put_next, NEXT), (installed.put_back, None), (installed.put_next, NEXT)):
        put()
        daemon.process.kill()
        daemon.process.wait()
        daemon.start()
        assert (version(daemon) == NEXT) == (expected == NEXT)
        assert all(k["kmux"]["restarts"] == 0 for k in daemon.get("kernels").json())
    load.finish(100)


def test_clients_are_told_to_come_back(installed, daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    channels.run("echo before")
    installed.put_next()
    assert daemon.post("upgrade").status_code == 202
    assert channels.until(lambda m: "closed" in m)[-1]["closed"] == 1012
    wait_until(lambda: version(daemon) == NEXT)
    again = daemon.channels(kernel, session=channels.session)
    assert again.text("echo after") == "after\n"


def test_a_signal_to_end_wins(installed, daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    channels.run("echo before")
    installed.put_next()
    host, port = daemon.url.split("/")[2].split(":")
    with socket.create_connection((host, int(port))) as waits:
        waits.sendall(b"GET /api HT")  # a request that has begun is waited for
        assert daemon.post("upgrade").status_code == 202
        assert daemon.stop() == 0
    assert "event=upgrade_given_up" in daemon.log.read_text() and not (daemon.runtime / "listen.json").exists()
    daemon.start()
    assert version(daemon) == NEXT
    assert daemon.channels(kernel, session=channels.session).text("echo after") == "after\n"


def test_a_signal_to_end_is_not_lost_between_the_programs(installed, daemon):
    """Nor does it end the new one before that knows what to do: it is the last that the old one sees, or the first of the new."""
    for _ in range(10):
        ended = daemon.log.read_text().count("event=ended")
        assert daemon.post("upgrade").status_code == 202
        wait_until(lambda: daemon.log.read_text().count("event=ended") > ended)
        assert daemon.stop() == 0
        assert not (daemon.runtime / "listen.json").exists()
        daemon.start()


@pytest.mark.parametrize("what", ["no program", "no kmuxd", "configuration"])
def test_what_cannot_take_over_changes_nothing(installed, daemon, what):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    if what == "no program":
        (installed.bin / "kmuxd").unlink()
    elif what == "no kmuxd":
        installed.put("/bin/false")
    else:
        daemon.config.write_text("[kernels]\necho = true\ncolour = 1\n")
    answer = daemon.post("upgrade")
    assert answer.status_code == 409, answer.text
    assert "Nothing was changed" in answer.json()["message"]
    if what == "configuration":
        assert "colour" in answer.json()["message"]
    assert channels.text("echo on") == "on\n"


def test_only_administrators_may(installed, make_daemon):
    daemon = make_daemon()
    daemon.allow("a alice token-of-alice")
    daemon.start()
    assert daemon.post("upgrade", token="token-of-alice").status_code == 403
    assert daemon.post("upgrade", token=None).status_code == 401


def test_a_kernel_dies_after_the_upgrade(installed, daemon):
    """It is still a child of this process: nothing is left of it, and its end is known exactly."""
    kernel = daemon.kernel()
    installed.put_next()
    upgrade(daemon, NEXT)
    pid = daemon.model(kernel)["kmux"]["pid"]
    os.kill(pid, signal.SIGSEGV)
    model = wait_until(lambda: (m := daemon.model(kernel))["kmux"]["restarts"] == 1 and m)
    assert model["kmux"]["exit"]["signal"] == signal.SIGSEGV
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), what="the end to be reaped")


def test_a_kernel_dies_during_the_upgrade(installed, daemon):
    kernels = [daemon.kernel() for _ in range(4)]
    pids = [daemon.model(kernel)["kmux"]["pid"] for kernel in kernels]
    installed.put_next()
    answer = daemon.post("upgrade")
    assert answer.status_code == 202
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: version(daemon) == NEXT)
    for kernel, pid in zip(kernels, pids):
        wait_until(lambda: daemon.model(kernel)["kmux"]["pid"] not in (pid, None) and daemon.model(kernel)["kmux"]["restarts"] == 1)
        assert not Path(f"/proc/{pid}").exists()
        assert daemon.channels(kernel).text("echo on") == "on\n"


def test_a_token_that_was_printed_stays_good(installed, daemon):
    kmuxd_alone = [installed.bin / "kmuxd", "--listen", "127.0.0.1:0", "--runtime-dir", daemon.directory / "other"]
    log = daemon.directory / "other.log"
    with open(log, "wb") as out:
        process = subprocess.Popen(kmuxd_alone, stderr=out, stdout=out, env=daemon.environment)
    try:
        wait_until(lambda: b"event=ready" in log.read_bytes())
        token = log.read_text().split("until kmuxd ends: ")[1].split()[0]
        url = next(u for u in log.read_text().split() if u.startswith("url=http://"))[4:]
        installed.put_next()
        first = daemon.url
        daemon.url = url
        assert daemon.post("upgrade", token=token).status_code == 202
        wait_until(lambda: version(daemon) == NEXT)
        assert daemon.get("kernels", token=token).status_code == 200
        daemon.url = first
        assert log.read_text().count("until kmuxd ends") == 1
    finally:
        process.terminate()
        assert process.wait(60) == 0


def test_sockets_of_the_service_manager(installed, daemon):
    """systemd's own activation: the socket is there before kmuxd is, which the first request starts."""
    home = daemon.directory / "activated"
    held, port = kmuxd.hold_port()
    path = daemon.directory / "front.sock"
    token_file = daemon.directory / "token"
    log = daemon.directory / "activated.log"
    with open(log, "wb") as out:
        process = subprocess.Popen(
            ["systemd-socket-activate", "-l", f"127.0.0.1:{port}", "-l", str(path), "--fdname=a:b", installed.bin / "kmuxd",
             "--listen", "127.0.0.1:0", "--runtime-dir", home, "--token-file", token_file],
            stderr=out, stdout=out, env=daemon.environment)
    try:
        wait_until(lambda: path.exists())
        first, daemon.url = daemon.url, f"http://127.0.0.1:{port}/"
        assert version(daemon) != NEXT
        urls = (home / "listen.json").read_text()
        assert f"http://127.0.0.1:{port}/" in urls and "front.sock" in urls
        installed.put_next()
        upgrade(daemon, NEXT)
        assert path.exists() and (home / "listen.json").read_text() == urls
        daemon.url = first
    finally:
        process.terminate()
        assert process.wait(60) == 0
        held.close()
    assert path.exists(), "it is the service manager's"
