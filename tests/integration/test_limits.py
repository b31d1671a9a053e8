"""What kernels may use, and what is said of one that used more."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from kmuxd import QUICK_STOP, has_ended, wait_until

BASE = f"""
[kernels]
echo = true
restart = false
{QUICK_STOP}"""


def dead(daemon, kernel):
    return wait_until(lambda: (m := daemon.model(kernel))["execution_state"] == "dead" and m, what="dead")


def limits_of(text):
    """Soft and hard limits by name, of /proc/PID/limits."""
    return {m[1]: (m[2], m[3]) for m in re.finditer(r"^(Max [a-z ]+?)  +(\S+) +(\S+)", text, re.M)}


def shell_kernel(daemon, script, name="shell"):
    daemon.add_kernelspec(name, ["/bin/sh", "-c", script])
    return daemon.kernel(name)


def builtin_python(daemon):
    specs = daemon.get("kernelspecs").json()["kernelspecs"]
    return daemon.kernel(next(n for n in specs if specs[n]["spec"]["display_name"] == "Python 3 (kmux)"))


def test_a_kernel_behind_a_relay_has_its_limits_and_the_relay_has_not(make_daemon):
    daemon = make_daemon(BASE + 'limit_memory = "512MiB"\nlimit_processes = 12345\nlimit_cpu = "100s"\nlimit_files = 77\n'
                         'limit_file_size = "3MiB"\nnice = 7\n').start()
    out = daemon.directory / "limits"
    kernel = shell_kernel(daemon, f"cat /proc/self/limits > {out}.new; cut -d' ' -f19 /proc/self/stat >> {out}.new; mv {out}.new {out}; exec sleep 1000")
    text = wait_until(lambda: out.exists() and out.read_text())
    found = limits_of(text)
    assert found["Max data size"] == (str(512 << 20),) * 2
    assert found["Max processes"] == ("12345", "12345")
    assert found["Max cpu time"] == ("100", "105")
    assert found["Max open files"] == ("77", "77")
    assert found["Max file size"] == (str(3 << 20),) * 2
    assert found["Max core file size"] == ("0", "0")
    assert text.splitlines()[-1] == "7"
    pid = daemon.model(kernel)["kmux"]["pid"]
    relay = limits_of(Path(f"/proc/{pid}/limits").read_text())
    assert relay["Max core file size"] == ("0", "0")
    assert relay["Max data size"] == ("unlimited",) * 2 and relay["Max open files"] != ("77", "77")
    assert Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[16] == "7"


def test_without_options_only_core_dumps_are_forbidden(make_daemon):
    daemon = make_daemon(BASE).start()
    kernel = daemon.kernel()
    daemon.channels(kernel).text("echo here")
    found = limits_of(Path(f"/proc/{daemon.model(kernel)['kmux']['pid']}/limits").read_text())
    ours = limits_of(Path("/proc/self/limits").read_text())
    assert found.pop("Max core file size") == ("0", "0")
    for each in ("Max data size", "Max processes", "Max cpu time", "Max file size"):
        assert found[each] == ours[each]


def test_processor_time_is_the_cause(make_daemon):
    daemon = make_daemon(BASE + 'limit_cpu = "1s"\n').start()
    model = dead(daemon, shell_kernel(daemon, "while :; do :; done"))
    assert model["kmux"]["exit"]["signal"] == signal.SIGXCPU
    assert "kernels.limit_cpu" in model["reason"]


def test_a_files_size_is_the_cause(make_daemon):
    daemon = make_daemon(BASE + 'limit_file_size = "1MiB"\n').start()
    model = dead(daemon, shell_kernel(daemon, f"exec head -c 10000000 /dev/zero > {daemon.directory}/large"))
    assert model["kmux"]["exit"]["signal"] == signal.SIGXFSZ
    assert "kernels.limit_file_size" in model["reason"]


def test_a_cell_that_wants_too_much_memory_gets_an_error(make_daemon):
    daemon = make_daemon(BASE + 'python = "/usr/bin/python3"\nlimit_memory = "700MiB"\n').start()
    channels = daemon.channels(builtin_python(daemon))
    reply = next(m for m in channels.run("x = bytearray(10**9)") if m["msg_type"] == "execute_reply")["content"]
    assert reply["ename"] == "MemoryError"
    assert channels.text("print(len(bytearray(10**7)))") == "10000000\n"


def cgroup2():
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(where)
    return None


@pytest.fixture
def root(tmp_path):
    """Where cgroups (v2) are; mounted for the test where they are not."""
    if os.geteuid() != 0:
        pytest.skip("the system lets root alone move processes from one user's cgroup to another's")
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


def test_a_path_that_is_no_cgroup_is_refused(make_daemon):
    daemon = make_daemon(BASE + 'cgroup = "/tmp"\n')
    with pytest.raises(AssertionError, match="kernels.cgroup: /tmp"):
        daemon.start()
    daemon.process.wait()
    daemon.process = None
