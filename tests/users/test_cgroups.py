"""Kernels in cgroups of their own. The system lets root alone move processes from one user's cgroup to another's."""

import os
import subprocess
from pathlib import Path

import pytest
from kmuxd import has_ended, wait_until
from limits import BASE, builtin_python, dead, shell_kernel


def cgroup2():
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(where)
    return None


@pytest.fixture
def root(tmp_path):
    """Where cgroups (v2) are; mounted for the test where they are not."""
    if (there := cgroup2()) is not None:
        yield there
        return
    here = tmp_path / "cgroup"
    here.mkdir()
    subprocess.run(["mount", "-t", "cgroup2", "none", here], check=True)
    yield here
    subprocess.run(["umount", here], check=True)


@pytest.fixture
def place(root):
    """A cgroup to make others in."""
    mine = root / f"kmux-tests-{os.getpid()}"
    mine.mkdir()
    yield mine
    left = [each for each in mine.iterdir() if each.is_dir()]
    for each in left:
        each.rmdir()
    mine.rmdir()
    assert not left


def members(cgroup):
    return {int(each) for each in (cgroup / "cgroup.procs").read_text().split()}


def test_a_kernel_has_a_cgroup_of_its_own(place, make_daemon):
    daemon = make_daemon(BASE + f'cgroup = "{place}"\n').start()
    kernel = shell_kernel(daemon, "sleep 1000 & exec sleep 1000")
    mine = place / f"kmux-{kernel}"
    pid = daemon.model(kernel)["kmux"]["pid"]
    # Relay, kernel, and what that has started.
    pids = wait_until(lambda: len(found := members(mine)) == 3 and found)
    assert pid in pids
    assert f'"cgroup":"{mine}"' in (daemon.runtime / "kernels" / kernel / "record.json").read_text()
    daemon.process.kill()
    daemon.process.wait()
    daemon.start()
    assert daemon.model(kernel)["kmux"]["pid"] == pid
    assert "cgroup_lost" not in daemon.log.read_text()
    assert daemon.delete(f"kernels/{kernel}").status_code == 204
    assert all(map(has_ended, pids)) and not mine.exists()


def test_a_kernel_in_a_cgroup_leaves_nothing_behind_when_it_crashes(place, make_daemon):
    daemon = make_daemon(BASE + f'python = "/usr/bin/python3"\ncgroup = "{place}"\n').start()
    kernel = builtin_python(daemon)
    channels = daemon.channels(kernel)
    # No session, no parent and no environment of the kernel's; and deaf to SIGTERM.
    pid = int(channels.text(
        "import subprocess\n"
        "script = \"trap '' TERM; setsid sleep 1000 > /dev/null & echo $!\"\n"
        "print(subprocess.check_output(['env', '-i', '/bin/sh', '-c', script]).decode())"))
    assert not has_ended(pid)
    channels.execute("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    dead(daemon, kernel)
    assert has_ended(pid)
    assert not (place / f"kmux-{kernel}").exists()
    assert daemon.post(f"kernels/{kernel}/restart").status_code == 200
    assert daemon.model(kernel)["kmux"]["pid"] in members(place / f"kmux-{kernel}")


@pytest.mark.parametrize("leaf", ["", "kmuxd"])
def test_the_daemons_own_cgroup_is_divided(place, make_daemon, leaf):
    """As a service manager starts it: in the cgroup that is its to divide, or in the leaf already."""
    line = next(each for each in Path("/proc/self/cgroup").read_text().splitlines() if each.startswith("0::"))
    home = Path(f"{cgroup2()}{line[3:]}")
    start = place / leaf
    start.mkdir(exist_ok=True)
    (start / "cgroup.procs").write_text(str(os.getpid()))
    try:
        daemon = make_daemon(BASE).start()
    finally:
        (home / "cgroup.procs").write_text(str(os.getpid()))
    assert members(place / "kmuxd") == {daemon.process.pid}
    assert f"event=cgroups_on place={place}" in daemon.log.read_text()
    kernel = daemon.kernel()
    assert daemon.model(kernel)["kmux"]["pid"] in members(place / f"kmux-{kernel}")
    daemon.end()
    daemon.process = None
    assert not (place / f"kmux-{kernel}").exists()
    (place / "kmuxd").rmdir()
