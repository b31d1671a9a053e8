"""Limits by cgroup v2, with its controllers, under a real systemd."""

import pytest
from guest import run_in_guest


@pytest.mark.timeout(240)
def test_a_kernel_that_takes_too_much_is_ended_and_the_reason_is_said(tmp_path):
    said = run_in_guest(tmp_path, "memory_limit.sh")
    assert said["hog"] == "out_of_memory, killed: out of memory (limit 96MiB)"
    assert said["good"] == "idle", "another kernel is not concerned"
    assert said["memory.max"] == str(96 << 20) and said["pids.max"] == "40" and said["cpu.max"] == "50000 100000"
    assert said["members"] == said["pid"]
    assert said["left"] == "0" and said["secrets"] == "0"
