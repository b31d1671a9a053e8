"""Kernels run as their owners, by a kmuxd without privilege, and live as all others do."""

import os
import signal
from pathlib import Path

import pytest
from conftest import CONFIG, RUNTIME, STATE, USERS, processes_of
from kmuxd import TOKEN, has_ended, wait_until


def test_the_shortest_way(daemon):
    kernel = daemon.kernel_of("ann", "echo")
    channels = daemon.channels_of("ann", kernel)
    assert channels.text("echo hello") == "hello\n"
    assert Path(f"/proc/{daemon.pid(kernel)}").owner() == "ann"
    assert Path(f"/proc/{daemon.process.pid}").owner() == "kmux"


@pytest.mark.parametrize("user", USERS)
def test_a_kernel_is_a_login_of_its_owner(daemon, user):
    channels = daemon.channels_of(user, daemon.kernel_of(user))
    said = channels.text("""
import getpass, grp, os
print(getpass.getuser(), os.getuid() == os.geteuid(), os.path.expanduser("~"), os.getcwd())
print(sorted(grp.getgrgid(g).gr_name for g in os.getgroups()))
print({k: os.environ.get(k) for k in ("HOME", "USER", "LOGNAME", "SHELL")})
print(oct(os.umask(0o22)), open("/proc/self/status").read().split("CapEff:")[1].split()[0])
open("made", "w").write("x")
""").splitlines()
    home = f"/home/{user}"
    assert said[0] == f"{user} True {home} {home}"
    assert said[1] == str(sorted([user, "jupyter"]))
    assert said[2] == str({"HOME": home, "USER": user, "LOGNAME": user, "SHELL": "/bin/bash"})
    assert said[3] == "0o22 0000000000000000"
    assert Path(home, "made").owner() == user
