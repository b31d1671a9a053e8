"""kmux events: as kmuxd tells, and as its files do where it does not run."""

import json
import re
import select
import signal

import cli
import pytest
from cli import NOT_FOUND, UNREACHABLE, USAGE, kmux
from kmuxd import TOKEN, wait_until


def columns(text):
    return [re.split(r" {2,}", line.strip()) for line in text.splitlines()]


def as_json(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def kernel(daemon, at):
    return at("start", "echo", "--wait").strip()


def test_what_has_happened(daemon, at, kernel):
    everything = as_json(at("events", "-o", "json"))
    assert everything == [json.loads(line) for line in daemon.get("events").text.splitlines()]
    assert [row[2] for row in columns(at("events"))] == [e["event"] for e in everything]
    launched = next(row for row in columns(at("events")) if row[2] == "kernel_launched")
    assert launched[3] == kernel[:8] and launched[5] == "spec=echo" and re.fullmatch(r"pid=\d+", launched[6])
    assert as_json(at("events", "--type", "ready,kernel_launched", "-o", "json"))[-1]["kernel"] == kernel
    assert as_json(at("events", "-n", "1", "-o", "json")) == everything[-1:]
    assert as_json(at("events", "--after", "2", "-o", "json")) == everything[2:]
    assert as_json(at("events", "--since", "1h", "-o", "json")) == everything and at("events", "--since", "0s") == ""
    assert kmux("--url", daemon.url, "events", "-n", "1", environment={"KMUX_TOKEN": TOKEN}).split()[0] == str(everything[-1]["number"])
    described = at("describe", kernel).split("Last events:\n")[1]
    assert len(described.splitlines()) <= 5 and "kernel_state" in described


def test_of_one_kernel_also_when_it_is_gone(at, kernel):
    other = at("start", "echo", "--wait").strip()
    assert {e["kernel"] for e in as_json(at("events", "--kernel", kernel[:6], "-o", "json"))} == {kernel}
    assert {e["kernel"] for e in as_json(at("events", "--kernel", "@last", "-o", "json"))} == {other}
    at("stop", kernel)
    assert as_json(at("events", "--kernel", kernel, "-o", "json"))[-1]["event"] == "kernel_deleted"
    assert "whole id" in at("events", "--kernel", kernel[:6], code=NOT_FOUND)


def test_wrong_words(at, daemon):
    assert "a number" in at("events", "--after", "x", code=USAGE)
    assert "one of them" in at("events", "--after", "1", "-n", "1", code=USAGE)
    assert "names of events" in at("events", "--type", "A B", code=USAGE)


def test_following(daemon):
    with cli.start("--runtime-dir", daemon.runtime, "events", "-f", "-n", "0", "--type", "kernel_launched,stopping", "-o", "json") as follower:
        # What has happened before it came is not asked for: so until one is seen.
        wait_until(lambda: daemon.kernel() and select.select([follower.stdout], [], [], 0.2)[0])
        daemon.stop()
        rest = follower.stdout.read()
        assert follower.wait(60) == 0
    assert json.loads(rest.splitlines()[-1])["event"] == "stopping"


def test_without_a_daemon(daemon, at, kernel):
    while_it_ran = at("events", "-o", "json")
    daemon.stop(signal.SIGKILL)
    command = ["--runtime-dir", daemon.runtime, "events"]
    ran = cli.run(*command, "-o", "json")
    assert (ran.returncode, ran.stdout) == (0, while_it_ran) and "no kmuxd answers" in ran.stderr
    assert as_json(cli.run(*command, "--kernel", kernel, "-n", "2", "-o", "json").stdout) == [
        e for e in as_json(while_it_ran) if e.get("kernel") == kernel][-2:]
    assert as_json(cli.run(*command, "--after", "1", "--type", "kernel_launched", "-o", "json").stdout)[0]["kernel"] == kernel
    file = daemon.runtime / "state/events.jsonl"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], "nonsense \x1b[31m", *lines[3:]]) + '\n{"number": 99, "time')
    ran = cli.run(*command, "--after", "0")
    assert ran.returncode == 0 and "1 lines of" in ran.stderr and "\x1b" not in ran.stdout
    assert "events_dropped" in ran.stdout.splitlines()[1] and "first=2  last=3" in ran.stdout
    file.unlink()
    assert cli.run(*command).returncode == UNREACHABLE
    daemon.start()
    assert as_json(at("events", "-o", "json"))[0]["number"] == len(lines) + 1, "numbers go on"
