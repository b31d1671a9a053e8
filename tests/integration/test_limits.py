"""What kernels may use, and what is said of one that used more."""

import re
import signal
from pathlib import Path

import pytest
from kmuxd import wait_until
from limits import BASE, builtin_python, dead, shell_kernel


def limits_of(text):
    """Soft and hard limits by name, of /proc/PID/limits."""
    return {m[1]: (m[2], m[3]) for m in re.finditer(r"^(Max [a-z ]+?)  +(\S+) +(\S+)", text, re.M)}


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


def test_a_path_that_is_no_cgroup_is_refused(make_daemon):
    daemon = make_daemon(BASE + 'cgroup = "/tmp"\n')
    with pytest.raises(AssertionError, match="kernels.cgroup: /tmp"):
        daemon.start()
    daemon.process.wait()
    daemon.process = None
