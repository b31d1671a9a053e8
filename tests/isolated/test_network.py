"""Packets are lost, late, or answered with a reset; every message arrives all the same, once, in order."""

from contextlib import contextmanager

import pytest
from faults import run
from history import Load
from kmuxd import wait_until

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def daemon(make_daemon):
    daemon = make_daemon('[kernels]\necho = true\n[limits]\nws_ping_interval = "1s"\nws_ping_timeout = "3s"\n').start()
    daemon.port = daemon.url.rstrip("/").rsplit(":", 1)[1]
    run("nft", "add", "table", "inet", "faults")
    run("nft", "add", "chain", "inet", "faults", "in", "{ type filter hook input priority 0; }")
    yield daemon
    run("nft", "delete", "table", "inet", "faults")


@contextmanager
def fault(daemon, *what):
    """In both directions."""
    for port in ("dport", "sport"):
        run("nft", "add", "rule", "inet", "faults", "in", "tcp", port, daemon.port, *what)
    try:
        yield
    finally:
        run("nft", "flush", "chain", "inet", "faults", "in")


def disconnections(daemon):
    return daemon.log.read_text().count("event=client_disconnected")


def least_received(load):
    return min(len(each.text) for each in load.readers)


def test_a_third_of_all_packets_is_lost(daemon):
    load = Load(daemon, kernels=2, lines=600, per_second=200)
    with fault(daemon, "numgen", "random", "mod", "100", "<", "33", "drop"):
        wait_until(lambda: least_received(load) > 400, 300)
    load.finish(120)


def test_the_line_is_dead_now_and_then(daemon):
    """For longer than pings wait, so that both sides give the connection up."""
    load = Load(daemon, kernels=2, lines=3000, per_second=200)
    for cut in range(1, 3):
        with fault(daemon, "drop"):
            wait_until(lambda: disconnections(daemon) >= cut * len(load.readers), 60)
        wait_until(lambda: all(each.connections > cut or each.ended.is_set() for each in load.readers), 120)
    load.finish(120)


def reset(daemon, load):
    before = [each.connections for each in load.readers]
    run("ss", "--kill", "--no-header", "state", "established", "sport", "=", f":{daemon.port}")  # both ends
    wait_until(lambda: all(each.connections > n or each.ended.is_set() for each, n in zip(load.readers, before)))


def test_a_thousand_resets(daemon):
    resets = 0
    while resets < 1000:  # where it takes longer than all is said, it is said again
        load = Load(daemon, kernels=3, lines=12_000, per_second=400)
        while resets < 1000 and not any(each.ended.is_set() for each in load.readers):
            reset(daemon, load)
            resets += sum(not each.ended.is_set() for each in load.readers)
        load.finish(120)


def test_a_line_that_is_too_thin(daemon):
    """More is said than it carries, and what it carries is late: clients fall behind and catch up."""
    load = Load(daemon, kernels=2, lines=1500, per_second=300)
    run("ip", "link", "set", "lo", "mtu", "1500")
    run("tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", "2mbit", "burst", "16kb", "latency", "300ms")
    try:
        before = least_received(load)
        wait_until(lambda: least_received(load) > before + 50, 120)
    finally:
        run("tc", "qdisc", "del", "dev", "lo", "root")
        run("ip", "link", "set", "lo", "mtu", "65536")
    load.finish(120)
