"""The WebSocket: both protocols, who gets what, and how it ends."""

import contextlib
import struct
import uuid

import pytest
import websocket
from kmuxd import V1, encode_v1, wait_until

BOTH = pytest.mark.parametrize("protocol", [V1, None], ids=["v1", "legacy"])


@pytest.fixture
def kernel(daemon):
    return daemon.kernel()


@BOTH
def test_one_cell(daemon, kernel, protocol):
    channels = daemon.channels(kernel, protocol=protocol)
    assert (channels.socket.getsubprotocol() or None) == protocol
    messages = channels.run("echo hello\nresult 5")
    iopub = [m["msg_type"] for m in messages if m["channel"] == "iopub"]
    assert iopub == ["status", "execute_input", "stream", "execute_result", "status"]
    reply = next(m for m in messages if m["channel"] == "shell")
    assert reply["content"]["status"] == "ok" and reply["content"]["execution_count"] == 1
    assert all(m["header"]["msg_id"] == m["msg_id"] for m in messages)


@BOTH
def test_buffers_both_ways(daemon, kernel, protocol):
    channels = daemon.channels(kernel, protocol=protocol)
    displayed = next(m for m in channels.run("buffers 3 5") if m["msg_type"] == "display_data")
    assert displayed["buffers"] == [b"bbbbb"] * 3
    opened = next(m for m in channels.run("comm target") if m["msg_type"] == "comm_open")
    sent = [bytes(range(256)), b"", b"\x00" * 100_000]
    channels.send("comm_msg", {"comm_id": opened["content"]["comm_id"], "data": {"x": 1}}, buffers=sent)
    back = channels.until(lambda m: m["msg_type"] == "comm_msg")[-1]
    assert back["buffers"] == sent and back["content"]["data"] == {"x": 1}


@BOTH
def test_input(daemon, kernel, protocol):
    channels = daemon.channels(kernel, protocol=protocol)
    msg_id = channels.execute("input who?")
    asked = channels.until(lambda m: m["msg_type"] == "input_request")[-1]
    assert asked["channel"] == "stdin" and asked["content"]["prompt"] == "who?"
    channels.send("input_reply", {"value": "me"}, "stdin", parent=asked["header"])
    assert any(m["content"].get("text") == "me\n" for m in channels.finish(msg_id))


def test_bytes_of_a_kernel_arrive_unchanged(daemon, kernel):
    channels = daemon.channels(kernel, protocol=V1)
    shown = None
    msg_id = channels.execute("nan")
    while shown is None:
        message = channels.receive()
        if message["parent_header"].get("msg_id") == msg_id and message["msg_type"] == "display_data":
            shown = message["raw_content"]
    assert shown == b'{"data": {"application/json": NaN}, "metadata": {}, "transient": {}}'


def test_replies_go_to_who_asked_and_iopub_to_all(daemon, kernel):
    one, two = daemon.channels(kernel), daemon.channels(kernel, protocol=V1)
    msg_id = one.execute("echo seen by both")
    mine = one.finish(msg_id)
    others = two.until(lambda m: m["parent_header"].get("msg_id") == msg_id
                       and m["content"].get("execution_state") == "idle")
    assert [m for m in mine if m["msg_type"] == "execute_reply"]
    assert not [m for m in others if m["channel"] != "iopub"]
    assert any(m["content"].get("text") == "seen by both\n" for m in others)
    assert two.request("kernel_info_request", {})["implementation"] == "kmux-echo"


def test_a_session_that_differs_from_the_address_gets_its_replies(daemon, kernel):
    channels = daemon.channels(kernel)
    channels.session = "another-session-than-in-the-address"
    assert channels.text("echo x") == "x\n"


def test_the_same_session_replaces_the_older_connection(daemon, kernel):
    one = daemon.channels(kernel, session="same")
    two = daemon.channels(kernel, session="same")
    closed = one.until(lambda m: "closed" in m)[-1]
    assert closed["closed"] == 4001 and "again" in closed["reason"]
    assert two.text("echo still here") == "still here\n"
    wait_until(lambda: daemon.model(kernel)["connections"] == 1)


def test_connections_and_state_are_true(daemon, kernel):
    channels = daemon.channels(kernel)
    wait_until(lambda: daemon.model(kernel)["connections"] == 1)
    before = daemon.model(kernel)["last_activity"]
    msg_id = channels.execute("sleep 30")
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "busy")
    assert channels.request("kernel_info_request", {}, "control")["execution_state"] == "busy"
    assert daemon.model(kernel)["execution_state"] == "busy"
    daemon.post(f"kernels/{kernel}/interrupt")
    channels.finish(msg_id)
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "idle")
    assert channels.request("kernel_info_request", {})["execution_state"] == "idle"
    assert daemon.model(kernel)["last_activity"] > before
    channels.close()
    wait_until(lambda: daemon.model(kernel)["connections"] == 0)


def test_usage_is_told_while_a_cell_runs(daemon, kernel):
    """As ipykernel tells it, for jupyter-resource-usage."""
    channels = daemon.channels(kernel)
    cell = channels.execute("echo go\nspin 60")
    channels.until(lambda m: m["content"].get("text") == "go\n")
    first = channels.request("usage_request", {}, "control")
    assert first["pid"] == daemon.model(kernel)["kmux"]["pid"] and first["hostname"] and first["cpu_count"] >= 1
    assert 100_000 < first["kernel_memory"] < 100_000_000 and "host_cpu_percent" not in first
    assert 0 < first["host_virtual_memory"]["available"] < first["host_virtual_memory"]["total"]

    def busy():
        # The host's is counted in hundredths of a second: between two quick questions there may be none.
        now = channels.request("usage_request", {}, "control")
        assert now.get("host_cpu_percent", 0) <= 100
        return now["kernel_cpu"] > 20 and now.get("host_cpu_percent", 0) > 0

    wait_until(busy)
    daemon.post(f"kernels/{kernel}/interrupt")
    channels.finish(cell)


def test_delete_closes_sockets_and_says_so(daemon, kernel):
    channels = daemon.channels(kernel)
    daemon.delete(f"kernels/{kernel}")
    assert channels.until(lambda m: "closed" in m)[-1]["closed"] == 4404


def test_the_end_of_the_daemon_closes_sockets_and_says_so(daemon, kernel):
    channels = daemon.channels(kernel)
    assert daemon.stop() == 0
    assert channels.until(lambda m: "closed" in m)[-1]["closed"] == 1012
    daemon.start()


def test_what_is_sent_before_the_kernel_is_ready_is_answered(daemon):
    channels = daemon.channels(daemon.kernel())
    assert channels.text("echo early") == "early\n"


def test_handshake_errors_are_http_with_json(daemon, kernel):
    for path, status in ((f"kernels/{kernel}/channels", 426), ("kernels/none/channels", 404)):
        answer = daemon.get(path)
        assert answer.status_code == status and answer.json()["message"]
    for token, path, status in (("wrong-token", kernel, 401), (None, uuid.uuid4(), 404)):
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            daemon.channels(path, **({"token": token} if token else {}))
        assert refused.value.status_code == status


HEADER = b'{"msg_id":"1","msg_type":"execute_request","session":"s"}'


@pytest.mark.parametrize("frame", [
    b"", b"\x00" * 7, struct.pack("<Q", 6), struct.pack("<Q", 2**63), struct.pack("<3Q", 2, 24, 24),
    struct.pack("<8Q", 6, 56, 0, 0, 0, 0, 0, 0), struct.pack("<7Q", 6, 56, 60, 55, 70, 71, 72) + b"x" * 30,
    struct.pack("<7Q", 6, 56, 2**64 - 1, 57, 58, 59, 60) + b"x" * 30,
    encode_v1("nowhere", [HEADER, b"{}", b"{}", b"{}"]), encode_v1("shell", [b"[]", b"{}", b"{}", b"{}"]),
    encode_v1("shell", [b"", b"{}", b"{}", b"{}"]), encode_v1("shell", [b"\xff", b"{}", b"{}", b"{}"]),
    encode_v1("shell", [b"{}", b"{}", b"{}", b"{}"]), encode_v1("shell", [HEADER + b"x", b"{}", b"{}", b"{}"]),
    encode_v1("shell", [b'{"a":' * 100_000, b"{}", b"{}", b"{}"]),
    encode_v1("shell", [b'{"msg_id":"' + b"1" * 70_000 + b'"}', b"{}", b"{}", b"{}"]),
], ids=range(16))
def test_malformed_v1_frames(daemon, kernel, frame):
    channels = daemon.channels(kernel, protocol=V1)
    channels.socket.send_binary(frame)
    closed = channels.until(lambda m: "closed" in m)[-1]
    assert closed["closed"] == 1007 and closed["reason"]
    assert daemon.channels(kernel).text("echo fine") == "fine\n"


@pytest.mark.parametrize("text", [
    "", "{", "[]", "5", "null", '"x"', "{}", '{"header": []}', '{"header": {}}', '{"header": 5}', "[" * 100_000,
    '{"header": {"msg_id": "1", "msg_type": "x"}, "channel": "nowhere"}',
    '{"header": {"msg_id": "1", "msg_type": 5}}', '{"header": {"msg_id": "1", "msg_type": "x"}, "content": []}',
    '{"header": {"msg_id": "1", "msg_type": "x"}} trailing',
    '{"header": {"msg_id": "1", "msg_type": "x"}, "content": ' + '{"a":' * 100_000,
], ids=range(16))
def test_malformed_legacy_text(daemon, kernel, text):
    channels = daemon.channels(kernel)
    channels.socket.send(text)
    assert channels.until(lambda m: "closed" in m)[-1]["closed"] == 1007
    assert daemon.channels(kernel).text("echo fine") == "fine\n"


@pytest.mark.parametrize("frame", [
    b"", b"\x00", struct.pack(">I", 0), struct.pack(">I", 2**32 - 1), struct.pack(">2I", 1, 0) + b"{}",
    struct.pack(">3I", 2, 12, 4) + b"{}", struct.pack(">3I", 2, 12, 1000) + b"{}", struct.pack(">2I", 1, 8) + b"{",
], ids=range(8))
def test_malformed_legacy_frames(daemon, kernel, frame):
    channels = daemon.channels(kernel)
    channels.socket.send_binary(frame)
    assert channels.until(lambda m: "closed" in m)[-1]["closed"] == 1007


def test_text_that_is_not_utf8_and_what_is_too_large(make_daemon):
    daemon = make_daemon('[kernels]\necho = true\n[limits]\nmax_message_from_client = "100KiB"\n').start()
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    channels.socket.send(b"\xff\xfe", websocket.ABNF.OPCODE_TEXT)
    assert channels.until(lambda m: "closed" in m)[-1]["closed"] == 1007
    channels = daemon.channels(kernel)
    with contextlib.suppress(ConnectionError):  # it may be told before it has sent everything
        channels.execute("echo " + "x" * 200_000)
    assert channels.until(lambda m: "closed" in m)[-1]["closed"] == 1009
    assert daemon.channels(kernel).text("echo fine") == "fine\n"


def test_a_client_that_disappears_in_a_frame(daemon, kernel):
    wait_until(lambda: daemon.wired(kernel))
    before = daemon.descriptors()
    channels = daemon.channels(kernel)
    channels.socket.sock.sendall(b"\x82\xfe\xff\xff1234only the beginning")
    channels.socket.sock.close()
    wait_until(lambda: daemon.model(kernel)["connections"] == 0)
    wait_until(lambda: daemon.descriptors() <= before)


def test_without_a_journal_a_slow_client_is_closed_and_another_is_not_held_up(make_daemon):
    daemon = make_daemon('[kernels]\necho = true\n[limits]\nclient_queue_bytes = "8MiB"\n[journal]\nmax_bytes = "0"\n').start()
    kernel = daemon.kernel()
    slow, quick = daemon.channels(kernel), daemon.channels(kernel, protocol=V1)
    rounds = 0
    while "event=client_closed" not in daemon.log.read_text():  # it must read that soon after
        assert sum(m["msg_type"] == "stream" for m in quick.run("flood 5000 200")) == 5000
        assert (rounds := rounds + 1) < 100
    assert slow.until(lambda m: "closed" in m)[-1]["closed"] == 1008


def test_a_silent_client_is_pinged_and_then_let_go(make_daemon):
    daemon = make_daemon('[kernels]\necho = true\n[limits]\nws_ping_interval = "200ms"\nws_ping_timeout = "5s"\n').start()
    kernel = daemon.kernel()
    silent = daemon.channels(kernel)  # reads nothing, and so answers no ping
    lively = daemon.channels(kernel)
    opcode, frame = lively.socket.recv_data_frame(control_frame=True)
    while opcode != websocket.ABNF.OPCODE_PING:
        opcode, frame = lively.socket.recv_data_frame(control_frame=True)

    def read_lively():
        lively.socket.settimeout(0.05)
        try:
            lively.socket.recv_data_frame(control_frame=True)
        except websocket.WebSocketTimeoutException:
            pass
        return daemon.model(kernel)["connections"] == 1

    wait_until(read_lively)
    silent.close()


def test_a_large_message_arrives_whole(daemon, kernel):
    channels = daemon.channels(kernel, protocol=V1)
    shown = [m for m in channels.run("big 70\nbig 70") if m["msg_type"] == "display_data"]
    assert [len(m["content"]["data"]["text/plain"]) for m in shown] == [70_000_000] * 2
