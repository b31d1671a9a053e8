"""What a new kmuxd finds: kernels that live, that have died, that were being started or deleted."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from kmuxd import has_ended, wait_until
from test_lifecycle import state


def test_kernels_outlive_a_killed_daemon(daemon):
    kernel = daemon.kernel()
    session = daemon.post("sessions", {"path": "n.ipynb", "kernel": {"id": kernel}}).json()["id"]
    channels = daemon.channels(kernel)
    channels.run("echo 1")
    pid = daemon.model(kernel)["kmux"]["pid"]
    daemon.process.kill()
    daemon.process.wait()
    assert Path(f"/proc/{pid}").exists()
    daemon.start()
    state(daemon, kernel, "idle")
    assert daemon.model(kernel)["kmux"]["pid"] == pid
    assert daemon.get(f"sessions/{session}").json()["kernel"]["id"] == kernel
    channels = daemon.channels(kernel)
    reply = next(m for m in channels.run("echo 2") if m["msg_type"] == "execute_reply")
    assert reply["content"]["execution_count"] == 2
    msg_id = channels.execute("echo go\nsleep 60")
    channels.until(lambda m: m["msg_type"] == "stream")
    daemon.post(f"kernels/{kernel}/interrupt")
    channels.finish(msg_id)
    assert daemon.post(f"kernels/{kernel}/restart").status_code == 200
    assert channels.text("echo restarted") == "restarted\n"
    assert daemon.delete(f"kernels/{kernel}").status_code == 204


def test_a_busy_kernel_is_adopted_as_busy(daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    channels.execute("echo go\nsleep 1000")
    channels.until(lambda m: m["msg_type"] == "stream")
    assert daemon.stop() == 0
    daemon.start()
    state(daemon, kernel, "busy")
    daemon.post(f"kernels/{kernel}/interrupt")
    state(daemon, kernel, "idle")


def test_a_kernel_that_died_meanwhile_is_found_dead(daemon):
    kernel = daemon.kernel()
    pid = daemon.model(kernel)["kmux"]["pid"]
    daemon.stop()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: has_ended(pid))
    daemon.start()
    assert daemon.model(kernel)["execution_state"] == "dead"
    assert daemon.post(f"kernels/{kernel}/restart").status_code == 200


def test_a_record_that_cannot_be_read_is_put_aside(daemon):
    kernel = daemon.kernel()
    pid = daemon.model(kernel)["kmux"]["pid"]
    daemon.stop()
    record = daemon.runtime / "kernels" / kernel / "record.json"
    sockets = Path(json.loads(record.read_text())["socket_prefix"]).parent
    record.write_text("{")
    daemon.start()
    assert daemon.get("kernels").json() == []
    assert list((daemon.runtime / "kernels").glob(f".quarantine-{kernel}-*"))
    assert "quarantine" in daemon.log.read_text()
    os.kill(pid, signal.SIGKILL)
    if sockets.parent == Path("/tmp"):
        shutil.rmtree(sockets)


def files_of(daemon, kernel):
    return daemon.runtime / "kernels" / kernel, daemon.runtime / "state/kernels" / kernel


def test_a_kernel_that_a_killed_daemon_had_not_begun_is_no_kernel(daemon):
    """Its directories and connection file are made first, the record while the child waits at its gate."""
    kernel = daemon.kernel()
    runtime, state_ = files_of(daemon, kernel)
    daemon.delete(f"kernels/{kernel}")
    daemon.process.kill()
    daemon.process.wait()
    for each in (runtime, state_):
        each.mkdir(mode=0o700)
    for name in ("connection.json", "record.json.new"):
        (runtime / name).write_text("{")
    (state_ / "stdio.log").touch()
    waits = subprocess.Popen(["sleep", "1000"], env={"KERNEL_ID": kernel, "KMUX_KERNEL_DIR": str(runtime)})
    daemon.start()
    assert daemon.get("kernels").json() == []
    assert os.listdir(runtime.parent) == os.listdir(state_.parent) == []
    assert waits.wait(60) == -signal.SIGTERM
    assert f"event=kernel_dropped kernel={kernel}" in daemon.log.read_text()
    assert daemon.kernel(kernel_id=kernel) == kernel
    assert daemon.channels(kernel).text("echo again") == "again\n"


def test_what_a_killed_daemon_was_deleting_is_deleted(daemon):
    """State goes first, the record last: it says that nobody wants the kernel."""
    begun, nearly = daemon.kernel(), daemon.kernel()
    daemon.stop()
    for kernel in (begun, nearly):
        runtime, state_ = files_of(daemon, kernel)
        record = json.loads((runtime / "record.json").read_text())
        os.kill(record["pid"], signal.SIGKILL)
        wait_until(lambda: has_ended(record["pid"]))
        (runtime / "record.json").write_text(json.dumps({**record, "wanted": "stopped"}))
        shutil.rmtree(state_)
    (files_of(daemon, nearly)[0] / "record.json").unlink()
    daemon.start()
    wait_until(lambda: daemon.get("kernels").json() == [])
    wait_until(lambda: os.listdir(daemon.runtime / "kernels") == [])
    assert os.listdir(daemon.runtime / "state/kernels") == []


def test_a_record_that_was_taken_away_from_a_kernel_is_no_deletion(daemon):
    kernel = daemon.kernel()
    pid = daemon.model(kernel)["kmux"]["pid"]
    daemon.stop()
    runtime, _ = files_of(daemon, kernel)
    (runtime / "record.json").unlink()
    daemon.start()
    assert list(runtime.parent.glob(f".quarantine-{kernel}-*"))
    assert not has_ended(pid)
    os.kill(pid, signal.SIGKILL)


def test_a_pid_that_is_used_anew_is_nobodys_lie(daemon):
    """Pids come round within minutes on a busy host: the number of a dead kernel may be another one's now."""
    dead, alive = daemon.kernel(), daemon.kernel()
    pid = daemon.model(alive)["kmux"]["pid"]
    daemon.stop()
    record = files_of(daemon, dead)[0] / "record.json"
    was = json.loads(record.read_text())
    os.kill(was["pid"], signal.SIGKILL)
    wait_until(lambda: has_ended(was["pid"]))
    record.write_text(json.dumps({**was, "pid": pid, "start_ticks": was["start_ticks"] - 1}))
    daemon.start()
    assert daemon.model(dead)["execution_state"] == "dead"
    assert daemon.model(alive)["kmux"]["pid"] == pid
    assert daemon.channels(alive).text("echo lives") == "lives\n"
