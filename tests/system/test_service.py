"""systemd/kmuxd.service under a real systemd, with cgroup v2 and its controllers."""

import pytest
from guest import run_in_guest

pytestmark = pytest.mark.timeout(800)


def test_a_kernel_that_takes_too_much_is_ended_and_the_reason_is_said(tmp_path):
    said = run_in_guest(tmp_path, "memory_limit.sh")
    assert said["cgroups"].startswith("event=cgroups_on place=/sys/fs/cgroup/system.slice/kmuxd.service "), said
    assert said["hog"] == "out_of_memory, killed: out of memory (limit 96MiB)"
    assert said["good"] == "idle", "another kernel is not concerned"
    assert said["memory.max"] == str(96 << 20) and said["pids.max"] == "40" and said["cpu.max"] == "50000 100000"
    assert said["members"] == said["pid"]
    assert said["left"] == "0" and said["secrets"] == "0"


def test_kernels_outlive_the_service(tmp_path):
    said = run_in_guest(tmp_path, "service.sh")
    assert said["user"] == "kmux" and said["status"] == "serving, kernels: 1"
    assert said["restart"] == "0 restarts, 1 cgroup"
    assert said["killed"] == "1 restarts of the service"
    assert said["watchdog"] == "2 restarts of the service"
    assert said["upgrade"] == "the same process"
    assert said["reload"] == "3", "there is no such kernelspec any more"
    assert said["stopped"] == "it lives" and said["drained"] == "0 left"
    assert said["socket"] == said["socket, upgraded"] == "HTTP/1.1 200 OK"


def test_a_host_that_three_users_share(tmp_path):
    said = run_in_guest(tmp_path, "shared.sh")
    assert said["before"] == "inactive inactive" and said["after"] == "active active", said
    assert said["first request"] == "200"
    assert said["owners"] == "ann bob eve"
    assert said["cgroups"] == "True" and said["limits"] == f"{64 << 20} 50"
    assert said["kmuxd"] == "kmux 0000000000000000"
    assert said["journal"] == "True" and said["journal of another"] == "False"
    assert said["restarts"] == "nothing lost" and said["killed"] == "True"
    assert said["restart of a kernel"] == "ann"
    assert said["fork bomb"] == said["others of the bomb"] == said["watchdog"] == "True"
    assert said["hog"] == "out_of_memory" and said["others"] == "True"
    assert said["left"] == "-9"
    assert said["stopped"] == said["started"] == "2"
    assert said["slice stopped"] == "0 kernels, 0 scopes, active"
    assert said["drained"] == "0"
    assert said["shutdown"] == "in time"
    assert said["shutdown, kernels"] == "0" and said["shutdown, journal"] == "1"
