"""What a client may put into messages, and what is not its to say."""

import json
import struct

import pytest
from kmuxd import V1, encode_v1, wait_until
from test_slow import MIB, goes_on, rss, working

PARTS = [json.dumps({"msg_id": "m", "msg_type": "comm_msg", "session": "s"}).encode(), b"{}", b"{}", b"{}"]


def offsets(*numbers, tail=b""):
    return struct.pack(f"<{len(numbers)}Q", *numbers) + tail


V1_FRAMES = {
    "count 0": offsets(0), "count 1": offsets(1, 16), "count 2^61": offsets(2**61, 8), "count 2^63": offsets(2**63), "count -1": offsets(2**64 - 1),
    "as many as the frame is long": offsets(*[100_000] * 100), "too many buffers": encode_v1("shell", PARTS, [b""] * 5000),
    "offset 0": offsets(6, 0, 0, 0, 0, 0, 0), "all the same": offsets(6, *[56] * 6), "backwards": offsets(6, 56, 61, 60, 59, 58, 57, tail=b"x" * 40),
    "overlapping": offsets(6, 56, 90, 60, 95, 95, 96, tail=b"x" * 40), "beyond the end": offsets(6, 56, 57, 58, 59, 60, 10_000, tail=b"x" * 40),
    "before the end": encode_v1("shell", PARTS) + b"trailing", "into the table": offsets(6, 8, 16, 24, 32, 40, 56),
    "wrapping": offsets(6, 56, 2**64 - 8, 57, 58, 59, 60, tail=b"x" * 40), "unaligned": b"\6" + bytes(7) + b"\x38",
    **{f"channel {name[:12]!r}": encode_v1(name, PARTS) for name in ("", "hb", "SHELL", "shell\0", "shell ", "../shell", "iopub2", "x" * MIB)},
}
LEGACY_FRAMES = {
    "count 0": struct.pack(">I", 0), "count 2^31": struct.pack(">2I", 2**31, 8), "count -1": struct.pack(">2I", 2**32 - 1, 8), "an offset into the table": struct.pack(">3I", 2, 4, 12) + b"{}",
    "backwards": struct.pack(">4I", 3, 40, 20, 30) + b"{}" * 20, "beyond": struct.pack(">3I", 2, 12, 2**32 - 1) + b"{}",
    "too many buffers": struct.pack(">5002I", 5001, *[20_008] * 5001) + b"{}",
}


@pytest.mark.parametrize("name", V1_FRAMES)
def test_v1_frames_that_lie(daemon, name):
    refused(daemon, V1_FRAMES[name], V1)


@pytest.mark.parametrize("name", LEGACY_FRAMES)
def test_legacy_frames_that_lie(daemon, name):
    refused(daemon, LEGACY_FRAMES[name], None)


def refused(daemon, data, protocol):
    kernel = daemon.kernel()
    bystander = daemon.channels(kernel)
    channels = daemon.channels(kernel, protocol=protocol)
    channels.socket.send_binary(data)
    assert channels.until(lambda m: "closed" in m)[-1]["closed"] == 1007
    assert bystander.text("echo fine") == "fine\n"


def test_as_many_buffers_as_there_may_be(daemon):
    channels = daemon.channels(daemon.kernel(), protocol=V1)
    assert channels.request("kernel_info_request", {}, buffers=[b"x"] * 4096)["status"] == "ok"


@pytest.mark.parametrize("protocol", [None, V1])
def test_who_claims_anothers_session_does_not_get_its_replies(daemon, protocol):
    kernel = daemon.kernel()
    victim = daemon.channels(kernel, session="victim", protocol=protocol)
    assert victim.text("echo before") == "before\n"
    thief = daemon.channels(kernel, session="thief", protocol=protocol)
    thief.session = "victim"  # in its headers
    asked = victim.execute("sleep 0.5\necho done")
    for _ in range(20):
        thief.send("kernel_info_request", {})
    # The reply is the victim's, and so are those to what the thief has asked in its name.
    assert [m["content"]["text"] for m in victim.finish(asked) if m["msg_type"] == "stream"] == ["done\n"]
    thief.session = "thief"
    seen = thief.until(lambda m: m["msg_type"] == "kernel_info_reply" and m["parent_header"]["session"] == "thief") if thief.send("kernel_info_request", {}) else []
    assert not any(m["msg_type"].endswith("_reply") and m["parent_header"].get("session") == "victim" for m in seen)


def test_a_header_makes_nobody_another(make_daemon):
    """Neither user name nor session say who somebody is: the token does."""
    daemon = make_daemon()
    daemon.allow("a alice token-of-alice", "b bob token-of-bob")
    daemon.start()
    kernels = {who: daemon.post("kernels", {"name": "echo", "env": {"KERNEL_USERNAME": "alice"}}, token=f"token-of-{who}").json() for who in ("alice", "bob")}
    assert {who: k["kmux"]["owner"] for who, k in kernels.items()} == {"alice": "alice", "bob": "bob"}
    alice = daemon.channels(kernels["alice"]["id"], session="same", token="token-of-alice")
    bob = daemon.channels(kernels["bob"]["id"], session="same", token="token-of-bob")
    seen_by_bob = bob.run("echo of bob")
    assert all(m["parent_header"].get("session") == "same" for m in seen_by_bob if m["msg_type"] == "stream")
    assert alice.text("echo of alice") == "of alice\n"
    for path in ("", "/messages", "/executions"):
        assert daemon.get(f"kernels/{kernels['alice']['id']}{path}", token="token-of-bob").status_code == 404
    assert daemon.post("sessions", {"path": "x", "kernel": {"id": kernels["alice"]["id"]}}, token="token-of-bob").status_code in (404, 409)
    assert [s for s in daemon.get("sessions", token="token-of-bob").json()] == []


def test_a_flood_of_tiny_messages(daemon):
    kernel = daemon.kernel()
    memory = rss(daemon)
    ignored = encode_v1("iopub", PARTS)
    with working(daemon) as count:
        flooder = daemon.channels(kernel, protocol=V1)
        for n in range(20_000):
            flooder.socket.send_binary(ignored if n % 2 else encode_v1("shell", [PARTS[0].replace(b'"m"', b'"%d"' % n), *PARTS[1:]]))
        goes_on(count)
        assert flooder.request("kernel_info_request", {})["status"] == "ok"
    assert rss(daemon) < memory + 128 * MIB


@pytest.mark.parametrize("protocol", [None, V1])
def test_a_session_with_too_long_a_name(daemon, protocol):
    channels = daemon.channels(daemon.kernel(), protocol=protocol)
    channels.session = "s" * 1024
    assert channels.request("kernel_info_request", {})["status"] == "ok"
    channels.session = "s" * 1025
    channels.send("kernel_info_request", {})
    assert channels.until(lambda m: "closed" in m)[-1]["closed"] == 1007


def test_many_sessions_on_one_socket(daemon):
    """Each is noted, so that replies find their way; and no more than a bounded number of them."""
    kernel = daemon.kernel()
    channels = daemon.channels(kernel, protocol=V1)
    channels.request("kernel_info_request", {})
    memory = rss(daemon)
    for n in range(15_000):
        channels.socket.send_binary(encode_v1("iopub" if n % 100 else "shell", [PARTS[0].replace(b'"s"', b'"%0200d"' % n), *PARTS[1:]]))
    assert channels.text("echo fine") == "fine\n"
    assert rss(daemon) < memory + 64 * MIB
    channels.close()
    wait_until(lambda: daemon.model(kernel)["connections"] == 0)
