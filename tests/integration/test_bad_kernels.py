"""What a kernel may do on its sockets, and must not harm: each cell is the attack."""

import os
import re
import sys
from pathlib import Path

import pytest
import websocket
from kmuxd import V1, wait_until

MIB = 1 << 20
GOOD = "session.send(iopub, 'stream', {'name': 'stdout', 'text': 'good'}, parent=parent)\n"
MESSAGE = "frames = session.serialize(session.msg('stream', {'name': 'stdout', 'text': 'bad'}, parent=parent))\n"

# What never reaches a client; the good message behind it does.
DROPPED = {
    "a bad signature": MESSAGE + "frames[1] = b'0' * 64\niopub.send_multipart([b't', *frames])",
    "no signature": MESSAGE + "frames[1] = b''\niopub.send_multipart([b't', *frames])",
    "content that was not signed": MESSAGE + "frames[5] = b'{}'\niopub.send_multipart([b't', *frames])",
    "the key of another": MESSAGE + "iopub.send_multipart([b't', *Session(key=b'other').serialize(session.msg('stream', {'text': 'bad'}))])",
    "no delimiter": MESSAGE + "iopub.send_multipart(frames[1:])",
    "too few frames": MESSAGE + "for n in range(1, 6): iopub.send_multipart([b't', *frames[:n]])",
    "empty frames": "for n in (1, 2, 7, 50): iopub.send_multipart([b''] * n)",
    "a million tiny frames": "iopub.send_multipart([b't', b'<IDS|MSG>', *[b'x'] * 1_000_000])",
    "a header that is none": """
import hmac, hashlib
def signed(header):
    parts = [header, b'{}', b'{}', b'{"text": "bad"}']
    mac = hmac.new(info['key'].encode(), b''.join(parts), hashlib.sha256).hexdigest().encode()
    iopub.send_multipart([b't', b'<IDS|MSG>', mac, *parts])
for header in (b'', b'[]', b'17', b'{', b'\\xff\\xfe', b'{"msg_id": 3}', b'[' * 100_000, b'{"a":' * 100_000 + b'1' + b'}' * 100_000):
    signed(header)""",
    "the reply of a client that is not there": "session.send(shell, 'execute_reply', {'text': 'bad'}, parent=parent, ident=[b'nobody'])",
}


def rss(daemon):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{daemon.process.pid}/status").read_text())[1]) << 10


def threads(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/task"))


def children(daemon):
    """The pids of its live and its unburied children."""
    return [c for t in os.listdir(f"/proc/{daemon.process.pid}/task")
            for c in Path(f"/proc/{daemon.process.pid}/task/{t}/children").read_text().split()]


def what_it_has(daemon):
    return daemon.descriptors(), threads(daemon), len(children(daemon))


@pytest.fixture
def other(daemon):
    kernel = daemon.kernel()
    wait_until(lambda: daemon.wired(kernel), what="all sockets of the neighbour")
    return daemon.channels(kernel)


@pytest.fixture
def kernel(daemon, other):
    """A hostile kernel; when it is gone, so is all that it had, and its neighbour never noticed."""
    daemon.add_kernelspec("hostile", [sys.executable, str(Path(__file__).parent / "hostile_kernel.py"), "{connection_file}"])
    assert other.text("echo before") == "before\n"
    # At most, not exactly: a request's connection may not have been closed yet.
    before = what_it_has(daemon)
    memory = rss(daemon)
    kernel = daemon.kernel("hostile")
    yield kernel
    assert other.text("echo after") == "after\n"
    for each in daemon.sockets:
        if each is not other:
            each.socket.shutdown()
    daemon.delete(f"kernels/{kernel}")
    wait_until(lambda: all(now <= then for now, then in zip(what_it_has(daemon), before)), what=f"all to be as before: {before}")
    wait_until(lambda: rss(daemon) < memory + 64 * MIB, what="the memory to be given back")


def told(messages):
    return [m["content"]["text"] for m in messages if "text" in m["content"]]


@pytest.mark.parametrize("attack", DROPPED)
def test_what_is_wrong_is_dropped(daemon, kernel, attack):
    assert told(daemon.channels(kernel).run(DROPPED[attack] + "\n" + GOOD)) == ["good"]


def test_a_message_again_is_dropped(daemon, kernel):
    code = MESSAGE.replace("bad", "once") + "for _ in range(3): iopub.send_multipart([b't', *frames])\n" + GOOD
    assert told(daemon.channels(kernel).run(code)) == ["once", "good"]


def test_a_frame_of_400_mb_arrives(daemon, kernel, other):
    channels = daemon.channels(kernel, timeout=120)
    cell = channels.execute("session.send(iopub, 'display_data', {'data': {}, 'metadata': {}, 'transient': {}}, "
                            "parent=parent, buffers=[bytes(400_000_000)])\n" + GOOD)
    assert other.text("echo meanwhile") == "meanwhile\n"
    messages = channels.finish(cell)
    (shown,) = (m for m in messages if m["msg_type"] == "display_data")
    assert len(shown["buffers"][0]) == 400_000_000 and told(messages) == ["good"]


def test_content_that_is_deep_arrives_as_it_is(daemon, kernel):
    depth = 100_000
    code = f"""
import hmac, hashlib
header = json.dumps(session.msg_header('deep'), default=str).encode()
parts = [header, json.dumps(parent['header'], default=str).encode(), b'{{}}', b'{{"a":' * {depth} + b'1' + b'}}' * {depth}]
mac = hmac.new(info['key'].encode(), b''.join(parts), hashlib.sha256).hexdigest().encode()
iopub.send_multipart([b't', b'<IDS|MSG>', mac, *parts])
""" + GOOD
    # Python's parser takes no such depth: look at the bytes, of both protocols.
    clients = [daemon.channels(kernel, protocol=V1), daemon.channels(kernel)]
    clients[0].execute(code)
    for each in clients:
        data = b""
        while b'"good"' not in data:
            opcode, frame = each.socket.recv_data()
            assert opcode in (websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY), frame
            data += frame
        assert b'{"a":' * depth + b"1" + b"}" * depth in data


def test_a_header_of_a_megabyte(daemon, kernel):
    code = "m = session.msg('stream', {'name': 'stdout', 'text': 'long'}, parent=parent)\nm['header']['username'] = 'u' * 1_000_000\n" \
           "session.send(iopub, m)\n" + GOOD
    assert told(daemon.channels(kernel).run(code))[-1] == "good"


def test_a_flood_to_a_client_that_has_gone(daemon, kernel, other):
    channels = daemon.channels(kernel)
    cell = channels.execute("for n in range(200_000): session.send(iopub, 'stream', {'name': 'stdout', 'text': str(n) * 20}, parent=parent)")
    channels.until(lambda m: "text" in m["content"])
    channels.socket.shutdown()
    assert other.text("echo meanwhile") == "meanwhile\n"
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "idle", 150)
    assert cell and told(daemon.channels(kernel).run(GOOD)) == ["good"]
