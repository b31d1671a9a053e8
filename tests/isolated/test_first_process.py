"""kmuxd as process 1, as in a container."""

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from kmuxd import PROGRAM, has_ended, wait_until


def children(pid):
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class First:
    """A kmuxd in a process namespace of its own. `first` is its process 1, `other` the one that serves; both as
    they are seen from here."""

    def __init__(self, directory):
        self.run = directory / "run"
        environment = {"PATH": os.environ["PATH"], "HOME": str(directory)}
        self.outside = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--kill-child=KILL", PROGRAM, "--listen", f"unix:{directory}/http", "--runtime-dir", self.run],
            env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        assert wait_until(self._listening)["pid"] == 2
        (self.first,) = children(self.outside.pid)
        (self.other,) = children(self.first)

    def _listening(self):
        with contextlib.suppress(OSError, ValueError):
            return json.loads((self.run / "listen.json").read_text())


@pytest.fixture
def first(tmp_path):
    made = First(tmp_path)
    yield made
    made.outside.kill()
    made.outside.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_it_ends_the_daemon_in_order(first, number):
    os.kill(first.first, number)
    assert first.outside.wait(timeout=60) == 0
    assert not (first.run / "listen.json").exists()


def test_it_ends_as_the_daemon_does(first):
    os.kill(first.other, signal.SIGKILL)
    assert first.outside.wait(timeout=60) == 128 + signal.SIGKILL


def test_a_terminals_interrupt_comes_once(first):
    # Ctrl-C goes to all of a process group; two of them would end the daemon at once.
    assert os.getpgid(first.other) == first.other and os.getsid(first.other) == first.other


def test_it_waits_for_whatever_ends(first):
    subprocess.run(["nsenter", f"--pid=/proc/{first.first}/ns/pid", "sh", "-c", "sleep 1000 >/dev/null 2>&1 &"], check=True)
    (orphan,) = wait_until(lambda: [each for each in children(first.first) if each != first.other])
    os.kill(orphan, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{orphan}").exists(), what="it to be waited for")
    assert not has_ended(first.other)
