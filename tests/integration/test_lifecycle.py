"""Kernels that crash, hang, never start, or leave something behind; and the daemon's own end."""

import contextlib
import fcntl
import json
import os
import re
import signal
import stat
import sys
import threading
import uuid
from pathlib import Path

import pytest
from kmuxd import QUICK_STOP, has_ended, wait_until

QUICK = f"""
[kernels]
echo = true
restart_first_delay = "20ms"
restart_limit = 2
{QUICK_STOP}"""


@pytest.fixture
def daemon(make_daemon):
    return make_daemon(QUICK).start()


def state(daemon, kernel, wanted):
    return wait_until(lambda: (m := daemon.model(kernel))["execution_state"] == wanted and m, what=wanted)


def status_of(channels, wanted):
    return channels.until(lambda m: m["msg_type"] == "status" and m["content"]["execution_state"] == wanted)[-1]


def test_a_crash_is_told_and_the_kernel_starts_again(daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    old = daemon.model(kernel)["kmux"]["pid"]
    channels.execute("raw last words\ncrash")
    told = status_of(channels, "restarting")["content"]
    assert "SIGSEGV" in told["reason"] and "last words" in told["stderr_tail"]
    assert channels.text("echo back") == "back\n"
    model = daemon.model(kernel)
    assert model["kmux"]["pid"] != old and model["kmux"]["restarts"] == 1
    assert model["kmux"]["exit"]["cause"] == "signaled" and model["kmux"]["exit"]["signal"] == signal.SIGSEGV


def test_a_crash_loop_ends_dead_with_its_cause(daemon):
    daemon.add_kernelspec("loop", ["/bin/sh", "-c", "echo no such luck >&2; exit 7"])
    kernel = daemon.kernel("loop")
    channels = daemon.channels(kernel)
    model = state(daemon, kernel, "dead")
    assert model["kmux"]["exit"] == {"cause": "exited", "code": 7, "signal": 0, "detail": "exited with code 7",
                                     "stderr_tail": "\n".join(["no such luck"] * 3)}
    assert model["reason"] and model["kmux"]["restarts"] == 2 and model["kmux"]["pid"] is None
    told = status_of(channels, "dead")["content"]
    assert "no such luck" in told["stderr_tail"]
    assert daemon.post(f"kernels/{kernel}/interrupt").status_code == 409
    assert daemon.post(f"kernels/{kernel}/restart").status_code == 500
    assert daemon.delete(f"kernels/{kernel}").status_code == 204


def test_a_missing_program_is_said_at_once(daemon):
    daemon.add_kernelspec("missing", ["no-such-program", "{connection_file}"])
    answer = daemon.post("kernels", {"name": "missing"})
    assert answer.status_code == 500 and "no-such-program" in answer.json()["message"]
    assert daemon.get("kernels").json() == []


def test_there_is_no_kernel_without_a_record(daemon):
    """The next kmuxd would not know of it."""
    kernel = str(uuid.uuid4())
    runtime = daemon.runtime / "kernels" / kernel
    (runtime / "record.json.new/in the way").mkdir(parents=True)
    runtime.chmod(0o700)
    answer = daemon.post("kernels", {"name": "echo", "kernel_id": kernel})
    assert answer.status_code == 500 and "record.json.new" in answer.json()["message"]
    assert daemon.get("kernels").json() == []
    assert "event=kernel_launched" not in daemon.log.read_text()
    wait_until(lambda: not runtime.exists())


def test_a_kernel_that_never_binds_is_given_up(make_daemon):
    daemon = make_daemon(QUICK + 'connect_timeout = "1s"\n').start()
    daemon.add_kernelspec("mute", ["/bin/sleep", "1000"])
    kernel = daemon.kernel("mute")
    state(daemon, kernel, "dead")


def test_a_kernel_that_binds_late_is_waited_for(make_daemon):
    daemon = make_daemon().start()
    child = Path(os.readlink(f"/proc/{daemon.process.pid}/exe")).parent / "kmux-child"
    go = daemon.directory / "go"
    daemon.add_kernelspec("late", ["/bin/sh", "-c", f'while [ ! -e {go} ]; do /bin/sleep 0.1; done; exec {child} echo -f "$0"', "{connection_file}"])
    kernel = daemon.kernel("late")
    channels = daemon.channels(kernel)
    msg_id = channels.execute("echo at last")
    assert daemon.model(kernel)["execution_state"] == "starting"
    go.touch()
    assert any(m["content"].get("text") == "at last\n" for m in channels.finish(msg_id))


def test_binary_rubbish_on_stdout_is_kept_and_bounded(make_daemon):
    daemon = make_daemon('[kernels]\nstdio_limit = "64KiB"\nrestart = false\n').start()
    daemon.add_kernelspec("rubbish", ["/bin/sh", "-c", "head -c 3000000 /dev/urandom; echo the end"])
    kernel = daemon.kernel("rubbish")
    model = state(daemon, kernel, "dead")
    log = daemon.runtime / "state/kernels" / kernel / "stdio.log"
    assert log.stat().st_size <= 64 << 10 and stat.S_IMODE(log.stat().st_mode) == 0o600
    assert model["kmux"]["exit"]["stderr_tail"].endswith("the end")


def test_restart_keeps_id_and_clients(daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    def connection():
        read = json.loads((daemon.runtime / "kernels" / kernel / "connection.json").read_text())
        return {name: value for name, value in read.items() if name != "kmux_journal"}

    before = connection()
    assert channels.run("echo 1")[-1] and channels.run("echo 2")
    answer = daemon.post(f"kernels/{kernel}/restart", {})
    assert answer.status_code == 200 and answer.json()["id"] == kernel
    reply = next(m for m in channels.run("echo 3") if m["msg_type"] == "execute_reply")
    assert reply["content"]["execution_count"] == 1
    assert connection() == before


def test_a_dead_kernel_can_be_restarted(daemon):
    flag = daemon.directory / "flag"
    child = Path(os.readlink(f"/proc/{daemon.process.pid}/exe")).parent / "kmux-child"
    daemon.add_kernelspec("mended", ["/bin/sh", "-c", f'[ -e {flag} ] && exec {child} echo -f "$0"; exit 1', "{connection_file}"])
    kernel = daemon.kernel("mended")
    state(daemon, kernel, "dead")
    flag.touch()
    assert daemon.post(f"kernels/{kernel}/restart").status_code == 200
    assert daemon.channels(kernel).text("echo alive") == "alive\n"


def test_a_kernel_that_ignores_everything_is_killed(daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    pid = daemon.model(kernel)["kmux"]["pid"]
    channels.execute("echo going deaf\nhang")
    channels.until(lambda m: m["msg_type"] == "stream")
    os.kill(pid, signal.SIGSTOP)
    assert daemon.delete(f"kernels/{kernel}").status_code == 204
    assert has_ended(pid)


def test_what_a_kernel_left_behind_ends_with_it(daemon):
    note = daemon.directory / "left"
    daemon.add_kernelspec("parent", ["/bin/sh", "-c", f"/bin/sleep 1000 & echo $! > {note}.new; mv {note}.new {note}; wait"])
    kernel = daemon.kernel("parent")
    left = int(wait_until(lambda: note.exists() and note.read_text()))
    daemon.delete(f"kernels/{kernel}")
    wait_until(lambda: has_ended(left))


def test_one_interrupt_is_one_sigint(daemon):
    note = daemon.directory / "caught"
    child = Path(os.readlink(f"/proc/{daemon.process.pid}/exe")).parent / "kmux-child"
    program = ("import os,signal,subprocess,sys\n"
               f"signal.signal(signal.SIGINT, lambda *_: os.write(os.open({str(note)!r}, os.O_CREAT|os.O_APPEND|os.O_WRONLY), b'x'))\n"
               f"p = subprocess.Popen([{str(child)!r}, 'echo', '-f', sys.argv[1]])\n"
               "while p.poll() is None:\n    signal.pause()\n")
    daemon.add_kernelspec("counting", [sys.executable, "-c", program, "{connection_file}"])
    kernel = daemon.kernel("counting")
    channels = daemon.channels(kernel)
    for count in range(1, 4):
        msg_id = channels.execute("echo now\nsleep 60")
        channels.until(lambda m: m["msg_type"] == "stream")
        assert daemon.post(f"kernels/{kernel}/interrupt").status_code == 204
        reply = next(m for m in channels.finish(msg_id) if m["msg_type"] == "execute_reply")
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        wait_until(lambda: note.exists() and note.read_text() == "x" * count)
    channels.request("interrupt_request", {}, "control")
    wait_until(lambda: note.read_text() == "x" * 4)


def test_kernels_start_with_signals_as_they_should_be(make_daemon):
    daemon = make_daemon()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        daemon.start()
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    out = daemon.directory / "status"
    daemon.add_kernelspec("plain", ["/bin/sh", "-c", f"grep Sig /proc/self/status > {out}.new; mv {out}.new {out}; ls -l /proc/self/fd >> {out}; exec sleep 1000"])
    kernel = daemon.kernel("plain")
    lines = wait_until(lambda: out.exists() and out.read_text())
    masks = {name: int(value, 16) for name, value in re.findall(r"(Sig\w+):\t([0-9a-f]{16})$", lines, re.M)}
    ours_to_set = (1 << 31) - 1  # 32 and 33 are the C library's own
    assert masks["SigBlk"] & ours_to_set == 0 and masks["SigIgn"] & ours_to_set == 0
    daemon.delete(f"kernels/{kernel}")


def test_shutdown_request_of_a_client_ends_the_kernel(daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    channels.send("shutdown_request", {"restart": False}, "control")
    assert channels.until(lambda m: "closed" in m)[-1]["closed"] == 4404
    assert daemon.get(f"kernels/{kernel}").status_code == 404


def test_shutdown_request_with_restart_restarts(daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    channels.send("shutdown_request", {"restart": True}, "control")
    # Not "restarting": that would say that it died.
    told = channels.until(lambda m: m["msg_type"] == "status" and "reason" in m["content"])[-1]["content"]
    assert told["execution_state"] == "starting" and told["reason"] == "a client asked for a restart"
    assert channels.text("echo again") == "again\n"


def test_a_killed_daemon_leaves_no_socket_directory_to_the_next(make_daemon):
    """RUNTIME/admin.sock is a link where its path would be too long."""
    daemon = make_daemon()
    daemon.runtime = daemon.directory / ("r" * 100)
    daemon.start()
    first = (daemon.runtime / "admin.sock").readlink()
    daemon.process.kill()
    daemon.process.wait()
    daemon.start()
    assert not first.parent.exists()
    second = (daemon.runtime / "admin.sock").readlink()
    assert daemon.stop() == 0
    assert not second.parent.exists()


def test_on_exit_stop(make_daemon):
    daemon = make_daemon(QUICK + '[server]\non_exit = "stop"\n').start()
    pids = [daemon.model(daemon.kernel())["kmux"]["pid"] for _ in range(3)]
    assert daemon.stop() == 0
    assert all(map(has_ended, pids))


def test_one_daemon_a_directory(daemon, make_daemon):
    second = make_daemon()
    second.runtime = daemon.runtime
    with pytest.raises(AssertionError, match=str(daemon.process.pid)):
        second.start()
    second.process.wait()
    second.process = None


def has_open(pid, file):
    with contextlib.suppress(OSError):  # it, or one of its descriptors, may be gone meanwhile
        return str(file) in [os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()]


def test_a_lock_that_a_child_of_a_killed_daemon_still_has_is_waited_for(daemon):
    """Between fork and exec a kernel's process has all that its kmuxd had open, and may be slow."""
    killed = daemon.process.pid
    daemon.process.kill()
    daemon.process.wait()
    file = daemon.runtime / "kmux.lock"
    with open(file) as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        starting = threading.Thread(target=daemon.start)
        starting.start()
        wait_until(lambda: not starting.is_alive() or (daemon.process.pid != killed and has_open(daemon.process.pid, file)))
    starting.join(60)
    assert daemon.process.poll() is None, daemon.log.read_text()
    assert daemon.get("kernels").status_code == 200


def test_reload(daemon):
    daemon.config.write_text(QUICK.replace("echo = true", "echo = false"))
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "echo" not in daemon.get("kernelspecs").json()["kernelspecs"])
    daemon.config.write_text("[kernels]\necho = maybe\n")
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "reload_refused" in daemon.log.read_text())
    assert daemon.get("kernels").status_code == 200


def test_files_are_private(daemon):
    kernel = daemon.kernel()
    daemon.channels(kernel).text("echo here")  # and nothing is made or renamed any more
    for path in daemon.runtime.rglob("*"):
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert mode & 0o077 == 0, f"{path} {mode:o}"
    assert (daemon.runtime / "kernels" / kernel / "connection.json").exists()
