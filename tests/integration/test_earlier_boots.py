"""Kernels of which only the state directory tells: after a boot, or without the runtime directory."""

import json
import os
import shutil
import signal

import pytest
from kmuxd import QUICK_STOP, has_ended, wait_until

QUICK = f"""
[kernels]
echo = true
restart = false
{QUICK_STOP}"""


@pytest.fixture
def daemon(make_daemon):
    return make_daemon(QUICK).start()


def summary_file(daemon, kernel):
    return daemon.runtime / "state/kernels" / kernel / "summary.json"


def summary(daemon, kernel, **changes):
    file = summary_file(daemon, kernel)
    found = json.loads(file.read_text())
    if changes:
        file.write_text(json.dumps({**found, **changes}))
    return found


def boot_again(daemon, kernel):
    """As after a new start of the machine: no process, no runtime directory, another boot id."""
    pid = daemon.model(kernel)["kmux"]["pid"]
    daemon.process.kill()
    daemon.process.wait()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: has_ended(pid))
    shutil.rmtree(daemon.runtime / "kernels")
    summary(daemon, kernel, boot_id="another")
    daemon.start()


def test_the_summary_is_written_at_the_start_and_at_the_end(daemon):
    kernel = daemon.kernel(path="a/b")
    channels = daemon.channels(kernel)
    channels.text("echo here")
    first = summary(daemon, kernel)
    assert first["id"] == kernel and first["kernelspec"] == "echo" and first["path"] == "a/b" and first["owner"]
    assert first["pid"] == daemon.model(kernel)["kmux"]["pid"] and first["created"] and first["ended"] == ""
    channels.execute("crash")
    last = wait_until(lambda: (s := summary(daemon, kernel))["ended"] and s)
    assert last["exit"]["signal"] == signal.SIGSEGV and last["created"] == first["created"]
    daemon.delete(f"kernels/{kernel}")
    assert not summary_file(daemon, kernel).exists()


def test_the_summary_of_one_that_ends_under_a_later_daemon_names_its_process(daemon):
    kernel = daemon.kernel()
    first = summary(daemon, kernel)
    daemon.process.kill()
    daemon.process.wait()
    daemon.start()
    os.kill(first["pid"], signal.SIGKILL)
    last = wait_until(lambda: (s := summary(daemon, kernel))["ended"] and s)
    assert [last[name] for name in ("pid", "start_ticks", "boot_id")] == [first[name] for name in ("pid", "start_ticks", "boot_id")]


def test_after_a_boot_it_is_dead_and_can_be_read_restarted_and_deleted(daemon):
    kernel = daemon.kernel(path="a/b")
    daemon.channels(kernel).text("echo before the boot")
    boot_again(daemon, kernel)
    model = daemon.model(kernel)
    assert model["execution_state"] == "dead" and model["reason"] == "the machine was started again"
    assert model["kmux"]["pid"] is None and model["kmux"]["exit"] is None and model["kmux"]["seq"] > 0
    assert "before the boot" in daemon.get(f"kernels/{kernel}/messages").text
    answer = daemon.post(f"kernels/{kernel}/restart")
    assert answer.status_code == 200 and answer.json()["id"] == kernel
    assert daemon.channels(kernel).text("echo after it") == "after it\n"
    journal = daemon.get(f"kernels/{kernel}/messages").text
    assert "before the boot" in journal and "after it" in journal
    numbers = [json.loads(line)["seq"] for line in journal.splitlines() if line]
    assert numbers == sorted(set(numbers))
    assert daemon.delete(f"kernels/{kernel}").status_code == 204
    assert daemon.get(f"kernels/{kernel}").status_code == 404
    assert not summary_file(daemon, kernel).parent.exists()


def test_it_is_still_there_after_another_start_and_can_be_deleted(daemon):
    kernel = daemon.kernel()
    boot_again(daemon, kernel)
    assert daemon.stop() == 0
    daemon.start()
    assert daemon.model(kernel)["reason"] == "the machine was started again"
    assert daemon.channels(kernel).until(lambda m: m["msg_type"] == "status")[-1]["content"]["execution_state"] == "dead"
    assert daemon.delete(f"kernels/{kernel}").status_code == 204
    assert not summary_file(daemon, kernel).parent.exists()


def test_a_record_of_another_boot_is_never_alive(daemon):
    kernel = daemon.kernel()
    pid = daemon.model(kernel)["kmux"]["pid"]
    daemon.stop()
    record = daemon.runtime / "kernels" / kernel / "record.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "boot_id": "another"}))
    daemon.start()
    model = daemon.model(kernel)
    assert model["execution_state"] == "dead" and model["reason"] == "the machine was started again"
    assert not has_ended(pid), "by that record nobody is signalled"
    os.kill(pid, signal.SIGKILL)


def test_a_lost_runtime_directory_ends_the_process(daemon):
    kernel = daemon.kernel()
    pid = daemon.model(kernel)["kmux"]["pid"]
    daemon.process.kill()
    daemon.process.wait()
    shutil.rmtree(daemon.runtime / "kernels")
    daemon.start()
    assert daemon.model(kernel)["reason"] == "its runtime directory was lost"
    assert has_ended(pid)


def test_another_daemons_kernel_is_left_alone(daemon, make_daemon):
    kernel = daemon.kernel()
    pid = daemon.model(kernel)["kmux"]["pid"]
    other = make_daemon(QUICK, flags=["--state-dir", str(daemon.runtime / "state")]).start()
    assert other.get("kernels").json() == []
    assert not has_ended(pid) and daemon.model(kernel)["execution_state"] != "dead"


def test_an_old_one_goes_by_itself(make_daemon):
    daemon = make_daemon(QUICK + '[journal]\nmax_age = "1s"\n').start()
    kernel = daemon.kernel()
    file = summary_file(daemon, kernel)
    boot_again(daemon, kernel)
    wait_until(lambda: daemon.get("kernels").json() == [])
    assert not file.parent.exists()
    assert "kernel_dropped" in daemon.log.read_text()


@pytest.mark.parametrize("text", ['{"schema": 2, "id": "ID", "kernelspec": "echo", "owner": "me"}', "", '{"schema": 1, "id": "ID"}'])
def test_a_summary_that_is_not_known_is_put_aside(daemon, text):
    kernel = daemon.kernel()
    boot_again(daemon, kernel)
    daemon.stop()
    summary_file(daemon, kernel).write_text(text.replace("ID", kernel))
    daemon.start()
    assert daemon.get("kernels").json() == []
    assert list((daemon.runtime / "state/kernels").glob(f".quarantine-{kernel}-*"))
    assert "kernel_quarantined" in daemon.log.read_text()


def test_they_do_not_count_for_the_limit_of_kernels(make_daemon):
    daemon = make_daemon(QUICK + "max_kernels = 1\n").start()
    boot_again(daemon, daemon.kernel())
    assert daemon.kernel()
