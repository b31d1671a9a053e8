"""Clients that are slow, silent, deaf or greedy, many at once, while another one works."""

import contextlib
import re
import socket
import struct
import threading
import time
from pathlib import Path

import pytest
import requests
from kmuxd import wait_until
from raw import connect, read_all, request, statuses

MANY = 500
MIB = 1 << 20


def rss(daemon):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{daemon.process.pid}/status").read_text())[1]) << 10


@contextlib.contextmanager
def crowd(daemon, count=MANY, begin=b""):
    """`begin`: what each says at once, before it could be cut off for its silence."""
    streams = []
    try:
        for _ in range(count):
            streams.append(connect(daemon))
            streams[-1].sendall(begin)
        yield streams
    finally:
        for each in streams:
            each.close()


@contextlib.contextmanager
def working(daemon):
    """Somebody who works meanwhile; at the end it must have got on."""
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    channels.text("echo 0")
    wait_until(lambda: daemon.wired(kernel), what="all that takes a descriptor")
    done, ending, failed = [0], threading.Event(), []

    def work():
        try:
            while not ending.is_set():
                assert channels.text(f"echo {done[0]}") == f"{done[0]}\n"
                assert daemon.get("kernels").status_code == 200
                done[0] += 1
        except Exception as e:  # told by whoever joins
            failed.append(e)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield lambda: done[0]
    finally:
        ending.set()
        thread.join()
        assert not failed, failed
        assert done[0] > 0


def goes_on(count):
    """Ten more rounds from now."""
    target = count() + 10
    wait_until(lambda: count() >= target, 60, "the other client")


#: They hold for whoever works meanwhile, too.
LIMITS = '[kernels]\necho = true\n[limits]\nheader_timeout = "5s"\nbody_timeout = "5s"\nidle_timeout = "8s"\n'


@pytest.mark.parametrize("begin, more, answered", [
    (b"GET /api HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n", True),                    # headers without an end
    (b"G", b"", True),                                                          # one byte
    (b"", b"", False),                                                          # none
    (b"POST /api/kernels HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", b"{", True),  # a body
], ids=["headers", "a byte", "silence", "body"])
def test_slow_requests_are_cut_off_while_another_client_works(make_daemon, begin, more, answered):
    daemon = make_daemon(LIMITS).start()
    with working(daemon) as count:
        before = daemon.descriptors()
        memory = rss(daemon)
        with crowd(daemon, begin=begin) as streams:
            goes_on(count)
            for each in streams:  # and still a little now and then
                with contextlib.suppress(ConnectionError):
                    each.sendall(more)
            goes_on(count)
            assert rss(daemon) < memory + 64 * MIB
            answers = [read_all(each) for each in streams]
        assert [statuses(a) for a in answers] == [[408] if answered else []] * MANY
        wait_until(lambda: daemon.descriptors() <= before + 2, 60, "the descriptors")
        goes_on(count)


def test_who_reads_nothing_costs_a_bounded_memory_and_is_let_go(make_daemon):
    daemon = make_daemon(LIMITS).start()
    with working(daemon) as count:
        before, memory = daemon.descriptors(), rss(daemon)
        one = request("GET", "/api/spec.yaml")
        with crowd(daemon, 50) as streams:
            for each in streams:
                each.settimeout(0)
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    each.sendall(one * 2000)  # answers of 40 MB
            goes_on(count)
            assert rss(daemon) < memory + 64 * MIB
            wait_until(lambda: daemon.descriptors() <= before + 2, 60, "the descriptors")
        goes_on(count)


def test_channels_that_are_not_read_cost_a_bounded_memory(make_daemon):
    daemon = make_daemon('[kernels]\necho = true\n[limits]\nclient_queue_bytes = "64KiB"\n').start()
    kernel = daemon.kernel()
    deaf = [daemon.channels(kernel) for _ in range(100)]
    quick = daemon.channels(kernel)
    memory = rss(daemon)
    for _ in range(3):  # 12 MB for each
        assert sum(m["msg_type"] == "stream" for m in quick.run("flood 200 20000")) == 200
    assert rss(daemon) < memory + 128 * MIB
    assert deaf
    with working(daemon) as count:
        goes_on(count)


def test_pings_that_are_not_read_cost_a_bounded_memory(make_daemon):
    """Each asks for a pong, which waits for a client that reads nothing."""
    daemon = make_daemon('[kernels]\necho = true\n').start()
    kernel = daemon.kernel()
    memory = rss(daemon)
    ping = b"\x89\xfd" + b"\0\0\0\0" + b"x" * 125
    with working(daemon) as count:
        rude = {daemon.channels(kernel).socket.sock: 0 for _ in range(10)}
        for each in rude:
            each.settimeout(0)
        until = time.monotonic() + 120
        for _ in range(100):  # rounds: 1 GB, if all of it is taken
            for each, sent in rude.items():
                with contextlib.suppress(BlockingIOError):
                    rude[each] = sent + each.send((ping * 8000)[sent % len(ping):])
            assert time.monotonic() < until
        goes_on(count)
        assert rss(daemon) < memory + 128 * MIB


def test_greedy_bodies_cost_a_bounded_memory(make_daemon):
    """Without a token, and nearly whole: together they would be 3 GB."""
    daemon = make_daemon('[kernels]\necho = true\n').start()
    memory = rss(daemon)
    with working(daemon) as count, crowd(daemon, 200) as streams:
        head = b"POST /api/kernels HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (16 * MIB)
        piece = bytes(MIB)
        for each in streams:
            each.settimeout(5)
            with contextlib.suppress(OSError):
                each.sendall(head)
                for _ in range(15):
                    each.sendall(piece)
            assert rss(daemon) < memory + 512 * MIB
        goes_on(count)


def test_greedy_messages_cost_a_bounded_memory(make_daemon):
    """Messages of 64 MiB whose ends do not come."""
    daemon = make_daemon('[kernels]\necho = true\n').start()
    kernel = daemon.kernel()
    memory = rss(daemon)
    with working(daemon) as count:
        for _ in range(20):
            each = daemon.channels(kernel).socket.sock
            each.settimeout(5)
            with contextlib.suppress(OSError):
                each.sendall(b"\x02\xff" + struct.pack(">Q", 50 * MIB) + b"\0\0\0\0")
                for _ in range(49):
                    each.sendall(bytes(MIB))
            assert rss(daemon) < memory + 512 * MIB
        goes_on(count)


def test_connections_that_come_and_go_at_once(make_daemon):
    """With a reset, before, in and after a request."""
    daemon = make_daemon(LIMITS).start()
    with working(daemon) as count:
        before = daemon.descriptors()
        for begin in (b"", b"GET", request("GET", "/api/kernels"), request("GET", "/api/kernels") * 20):
            for _ in range(MANY // 4):
                with connect(daemon) as stream:
                    stream.sendall(begin)
                    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        goes_on(count)
        wait_until(lambda: daemon.descriptors() <= before + 2, 60, "the descriptors")


def test_more_connections_than_may_be_are_refused_and_the_others_go_on(make_daemon):
    daemon = make_daemon('[kernels]\necho = true\n[limits]\nmax_connections = 300\n').start()
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    with crowd(daemon) as streams:
        wait_until(lambda: sum(map(looks_refused, streams)) >= MANY - 300, what="the refusals")
        assert channels.text("echo still here") == "still here\n"
    wait_until(lambda: is_served(daemon))


def is_served(daemon):
    try:
        return daemon.get("kernels").status_code == 200
    except requests.ConnectionError:  # refused, which may be a reset to who is just asking
        return False


def looks_refused(stream):
    stream.settimeout(0)
    try:
        return stream.recv(100, socket.MSG_PEEK).startswith(b"HTTP/1.1 503 ")
    except BlockingIOError:
        return False
