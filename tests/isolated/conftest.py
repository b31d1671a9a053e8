"""Tests that break the network and the disks: only those of namespaces of their own.

./dev test runs them as `unshare --map-root-user --net --mount pytest …`, which needs no privilege.
"""

import pytest
from faults import run


@pytest.fixture(scope="session", autouse=True)
def isolated():
    with open("/proc/net/dev") as devices:
        own = {line.split(":")[0].strip() for line in devices if ":" in line}
    assert own == {"lo"}, f"these tests want a network namespace of their own, not one with {sorted(own)}: use ./dev test"
    run("ip", "link", "set", "lo", "up")
