"""Disks that are full, and then are not; directories that cannot be written to."""

import json
import re
import signal

import pytest
from faults import fill, mounted, run
from kmuxd import V1, wait_until
from manual import Duty

ECHO = "[kernels]\necho = true\n"


def start_with(make_daemon, which, disk):
    """A kmuxd whose runtime or state directory is on that disk, and the other beside it."""
    daemon = make_daemon(ECHO)
    if which == "runtime":
        daemon.runtime = disk / "run"
    daemon.flags += ["--state-dir", str(disk if which == "state" else disk.parent / "state")]
    return daemon.start()


def journal_of(daemon, kernel):
    return daemon.model(kernel)["kmux"]["journal"]


def failing_journals(daemon):
    return re.search(r"^kmux_journals_failing (\d+)$", daemon.call("GET", "metrics").text, re.M)[1]


def test_the_journals_disk_is_full_and_then_is_not(make_daemon, tmp_path):
    with mounted(tmp_path / "state", "3m") as resize:
        daemon = make_daemon(ECHO, flags=["--state-dir", str(tmp_path / "state")]).start()
        kernel = daemon.kernel()
        live = daemon.channels(kernel, protocol=V1, resume=0)
        live.run("echo first")
        assert journal_of(daemon, kernel) == "recording"
        lines = [m for m in live.run("flood 8000 1024") if m["msg_type"] == "stream" and m["content"]["name"] == "stdout"]
        text = "".join(m["content"]["text"] for m in lines)
        assert len(text) == 8000 * 1024, "who is there gets all of it"
        said = live.run("echo still here")
        assert "still here\n" in [m["content"].get("text") for m in said]
        # What is short may find room again where long lines did not, and later none: not for each message.
        log = daemon.log.read_text()
        assert f"event=journal_fails kernel={kernel}" in log and log.count("event=journal_fails") < 100
        stdio = (tmp_path / "state/kernels" / kernel / "stdio.log").read_text()
        assert "No space left on device" in stdio or stdio == "", "there was room for it, or none"

        resize("64m")
        wait_until(lambda: "again\n" in live.text("echo again") and journal_of(daemon, kernel) == "recording")
        assert f"event=journal_goes_on kernel={kernel}" in daemon.log.read_text()
        live.run("echo last")
        counting = daemon.channels(kernel, protocol=V1, resume=0).until(lambda m: m["content"].get("text") == "last\n")
        texts = [m["content"].get("text") for m in counting]
        gaps = [m["content"] for m in counting if m["msg_type"] == "kmux_gap"]
        assert "first\n" in texts and gaps
        numbers = [m["metadata"]["kmux"]["seq"] for m in counting if "kmux" in m["metadata"]]
        assert numbers == sorted(set(numbers))
        missing = {n for gap in gaps for n in range(gap["first"], gap["last"] + 1)}
        assert missing | set(numbers) >= {m["metadata"]["kmux"]["seq"] for m in lines}, "what is missing is said, to the number"
        assert not missing & set(numbers)
        daemon.end()


def test_clients_are_told_that_nothing_is_kept(make_daemon, tmp_path):
    with mounted(tmp_path / "state", "3m"):
        daemon = make_daemon(ECHO, flags=["--state-dir", str(tmp_path / "state")]).start()
        kernel = daemon.kernel()
        live = daemon.channels(kernel)
        live.run("echo first")
        fill(tmp_path / "state")
        cell = live.execute("flood 100 1024\necho end")
        messages = live.until(lambda m: m["content"].get("name") == "stderr")
        assert "not being kept" in messages[-1]["content"]["text"]
        assert messages[0]["parent_header"]["msg_id"] == cell
        wait_until(lambda: failing_journals(daemon) == "1")
        (tmp_path / "state/filler").unlink()
        told = []

        def kept_again():
            told.extend(live.run("echo on"))
            return journal_of(daemon, kernel) == "recording"

        wait_until(kept_again)
        assert failing_journals(daemon) == "0"
        daemon.end()


def test_the_manual_says_what_to_do(make_daemon, tmp_path):
    with mounted(tmp_path / "state", "3m"):
        daemon = make_daemon(ECHO, flags=["--state-dir", str(tmp_path / "state")]).start()
        kernel = daemon.kernel()
        channels = daemon.channels(kernel)
        fill(tmp_path / "state")
        wait_until(lambda: (channels.run("echo on"), journal_of(daemon, kernel) == "failing")[1])
        duty = Duty(daemon, "The disk is full")
        assert kernel[:8] in duty.next("ps")
        duty.next("rm --all")
        (tmp_path / "state/filler").unlink()
        wait_until(lambda: (channels.run("echo on"), journal_of(daemon, kernel) == "recording")[1])
        assert "ready" in duty.next("status")
        duty.done()
        daemon.end()


def test_events_go_on_without_a_disk_and_no_number_is_given_twice(make_daemon, tmp_path):
    def events(query=""):
        return [json.loads(line) for line in daemon.get(f"events?{query}").text.splitlines()]

    with mounted(tmp_path / "state", "1m"):
        daemon = make_daemon(ECHO, flags=["--state-dir", str(tmp_path / "state")]).start()
        kernel = daemon.kernel()
        before = events()
        fill(tmp_path / "state")

        def said(name="events_not_written"):
            daemon.post(f"kernels/{kernel}/pin")
            return [e for e in events() if e["event"] == name]

        (told,) = wait_until(said)
        assert "No space left" in told["error"]
        for _ in range(50):
            daemon.post(f"kernels/{kernel}/pin")
        everything = events()
        assert everything[:len(before)] == before and len(said()) == 1, "told once"
        assert [e["number"] for e in everything] == list(range(1, len(everything) + 1))
        last = events()[-1]["number"]
        daemon.stop(signal.SIGKILL)
        (tmp_path / "state/filler").unlink()
        daemon.start()
        gap, *rest = [e for e in events("after=0") if e["event"] == "events_dropped" or e.get("number", 0) > last]
        assert gap["event"] == "events_dropped" and gap["last"] == last and rest[0]["number"] == last + 1
        fill(tmp_path / "state")
        wait_until(said)
        (tmp_path / "state/filler").unlink()
        wait_until(lambda: said("events_written_again"))
        lines = (tmp_path / "state/events.jsonl").read_text().splitlines()
        stored = [json.loads(line) for line in lines if line.endswith("}")]
        assert events(f"after={last}") == [e for e in stored if e["number"] > last], "what was in memory was written"
        daemon.end()


@pytest.mark.parametrize("which", ["runtime", "state"])
def test_no_room_for_a_new_kernel(make_daemon, tmp_path, which):
    with mounted(tmp_path / "small", "2m") as resize:
        daemon = start_with(make_daemon, which, tmp_path / "small")
        kernel = daemon.kernel()
        channels = daemon.channels(kernel)
        fill(tmp_path / "small")
        if which == "runtime":
            answer = daemon.post("kernels", {"name": "echo"})
            assert answer.status_code == 500 and "No space left" in answer.json()["message"], answer.text
            assert len(daemon.get("kernels").json()) == 1
        wait_until(lambda: daemon.call("GET", "readyz", token=None).status_code == 503)
        # Where it is the journal's disk, notices may come in this cell, before it or behind it, or later.
        assert "on\n" in channels.text("echo on")
        resize("8m")
        wait_until(lambda: daemon.call("GET", "readyz", token=None).status_code == 200)
        assert daemon.channels(daemon.kernel()).text("echo new") == "new\n"
        daemon.end()


@pytest.mark.parametrize("which", ["runtime", "state"])
def test_a_directory_becomes_read_only(make_daemon, tmp_path, which):
    with mounted(tmp_path / "disk", "16m"):
        daemon = start_with(make_daemon, which, tmp_path / "disk")
        kernel = daemon.kernel()
        channels = daemon.channels(kernel)
        assert channels.text("echo before") == "before\n"
        # Open descriptors go on writing to a disk that is remounted read-only by force of a bind mount.
        run("mount", "--bind", tmp_path / "disk", tmp_path / "disk")
        run("mount", "-o", "remount,bind,ro", tmp_path / "disk")
        try:
            answer = daemon.post("kernels", {"name": "echo"})
            assert answer.status_code == 500 and "Read-only file system" in answer.json()["message"], answer.text
            assert daemon.call("GET", "readyz", token=None).status_code == 503
            assert channels.text("echo on") == "on\n"
            assert json.loads(daemon.get("kernels").text)[0]["id"] == kernel
        finally:
            run("umount", tmp_path / "disk")
        assert daemon.channels(daemon.kernel()).text("echo new") == "new\n"
        daemon.end()


def test_a_start_on_a_read_only_directory(make_daemon, tmp_path):
    with mounted(tmp_path / "disk", "1m"):
        run("mount", "-o", "remount,ro", tmp_path / "disk")
        daemon = make_daemon(ECHO)
        daemon.runtime = tmp_path / "disk/run"
        with pytest.raises(AssertionError) as said:
            daemon.start()
        assert "Read-only file system" in str(said.value) and str(tmp_path / "disk/run") in str(said.value)
        assert daemon.process.wait(60) == 1
