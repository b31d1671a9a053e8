"""Small things that want to become large ones: headers, JSON, queries."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from kmuxd import V1, encode_v1
from raw import connect, exchange, read_all, request, statuses
from test_slow import MIB, goes_on, rss, working

MILLION = 1_000_000

#: What a body of JSON can be; none of these starts a kernel.
JSON = {
    "deep arrays": "[" * MILLION,
    "deep arrays, closed": "[" * MILLION + "]" * MILLION,
    "deep objects": '{"a":' * MILLION + "1" + "}" * MILLION,
    "deep in a member": '{"name": "nothing", "x": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "many values": '{"name": "nothing", "x": [' + "0," * 7 * MILLION + "0]}",
    "many objects": '{"name": "nothing", "x": [' + "{}," * 4 * MILLION + "{}]}",
    "many keys": '{"name": "nothing", ' + ",".join(f'"k{n}": 0' for n in range(MILLION)) + "}",
    "the same key": '{"name": "nothing"' + ', "a": 0' * MILLION + "}",
    "a long key": '{"name": "nothing", "' + "k" * 15 * MIB + '": 0}',
    "a long name": json.dumps({"name": "n" * 10 * MIB}),
    "a long path": json.dumps({"name": "nothing", "path": "p/" * 5 * MIB}),
    "a long id": json.dumps({"name": "nothing", "kernel_id": "a-" * MILLION}),
    "many variables": json.dumps({"name": "nothing", "env": {f"V{n}": "" for n in range(500_000)}}),
    "one variable often": '{"name": "nothing", "env": {' + ",".join(['"A": "b"'] * MILLION) + "}}",
    "a long number": '{"name": ' + "9" * 15 * MIB + "}",
    "a number beyond all": '{"name": "nothing", "x": 1e999999999}',
    "a small number": '{"name": "nothing", "x": 1e-' + "9" * MILLION + "}",
    "a long fraction": '{"name": "nothing", "x": 0.' + "1" * 10 * MILLION + "}",
    "escapes": '{"name": "' + "\\u0041" * 2 * MILLION + '"}',
    "a lone surrogate": '{"name": "\\ud800"}',
    "the wrong surrogate": '{"name": "\\udc00\\ud800"}',
    "a surrogate's bytes": b'{"name": "\xed\xa0\x80"}',
    "an overlong slash": b'{"name": "\xc0\xaf"}',
    "a null": '{"name": "a\\u0000b"}',
    "white space": " " * 15 * MIB,
    "white space and more": '{"name": "nothing"' + " " * 15 * MIB + "}",
    "a comment": '{"name": "nothing" /* */}', "NaN": '{"name": NaN}', "a trailing comma": '{"name": "nothing",}',
    "two values": "{}{}", "a BOM": b'\xef\xbb\xbf{"name": "nothing"}', "UTF-16": '{"name": "nothing"}'.encode("utf-16"),
    "gzip": b"\x1f\x8b\x08\x00" + bytes(1000),
}


@pytest.mark.parametrize("where", ["kernels", "sessions"])
def test_no_body_starts_a_kernel_or_costs_much(daemon, where):
    memory = rss(daemon)
    with working(daemon) as count:
        for name, body in JSON.items():
            answer = daemon.call("POST", "api/" + where, data=body)
            # White space is an empty body, which means the default kernel: not for these.
            if name == "white space" and where == "kernels":
                assert answer.status_code == 201
                continue
            assert answer.status_code in (400, 404), (name, answer.status_code, answer.text[:300])
            told = answer.json()
            assert set(told) == {"reason", "message"} and len(answer.content) < 64 << 10, name
        goes_on(count)
    assert rss(daemon) < memory + 256 * MIB


def test_many_bombs_at_once(daemon):
    """What one body becomes is bounded, and so is how many are open at a time."""
    memory = rss(daemon)
    with working(daemon) as count, ThreadPoolExecutor(16) as pool:
        bodies = [JSON["many values"], JSON["many objects"], JSON["the same key"], JSON["many values"]] * 4
        answers = list(pool.map(lambda body: daemon.call("POST", "api/kernels", data=body).status_code, bodies))
        assert set(answers) <= {400, 404, 503}
        goes_on(count)
        assert rss(daemon) < memory + 1024 * MIB


def test_headers_that_are_many_or_long(daemon):
    memory = rss(daemon)
    with working(daemon) as count:
        for lines in (b"X: y\r\n" * MILLION, b"X: " + b"y" * 10 * MIB, b"Cookie: " + b"a=b; " * MILLION, b"y" * 10 * MIB,
                      b"Authorization: token " + b"y" * 10 * MIB, b"Connection: " + b"a," * 5000 + b"\r\nX: " + b"," * 20_000,
                      b"Accept-Encoding: " + b"gzip;q=0.1, " * 100_000, b"Range: bytes=" + b"0-," * 100_000):
            answer = exchange(daemon, b"GET /api HTTP/1.1\r\nHost: x\r\n" + lines)
            assert statuses(answer) == [431], lines[:30]
        goes_on(count)
    assert rss(daemon) < memory + 64 * MIB


def test_headers_at_the_limit_are_cheap(daemon):
    """A hundred of them, each a list of thousands of words."""
    for name in ("Connection", "Sec-WebSocket-Protocol", "If-None-Match", "Upgrade", "Accept"):
        answer = exchange(daemon, request("GET", "/api/kernels", headers=[f"{name}: " + "a," * 7000, "Connection: close"]))
        assert statuses(answer) == [200]


def test_queries_that_are_many_or_long(daemon):
    kernel = daemon.kernel()
    for query in ("a=b&" * 2000, "&" * 8000, "=" * 8000, "a" * 8000, "%41" * 2500, "token=x&" * 900 + "a", "session_id=" + "x" * 7000):
        answer = exchange(daemon, request("GET", f"/api/kernels/{kernel}?{query}", headers=["Connection: close"]))
        assert statuses(answer) in ([200], [401]), query[:20]
    for query in ("%", "%4", "%zz", "%00", "%ff", "%c0%af", "%ed%a0%80", "a=%", "%u0041", "a=b&%=c"):
        answer = exchange(daemon, request("GET", f"/api/kernels?{query}", headers=["Connection: close"]))
        assert statuses(answer) == [400], query
    for path in ("after=-1", "after=18446744073709551616", "after=x", "after=1e3", "limit=-1", "limit=x", "after= 1", "after=%2b1"):
        assert daemon.get(f"kernels/{kernel}/messages?{path}").status_code == 400, path
    for path in ("after=18446744073709551615", "limit=18446744073709551615", "after=0&parent=" + "x" * 7000, "after=1&after=x"):
        assert daemon.get(f"kernels/{kernel}/messages?{path}").status_code == 200, path
    for resume in ("-1", "x", "18446744073709551616", "1.5", " 1", ""):
        answer = exchange(daemon, request("GET", f"/api/kernels/{kernel}/channels?resume={resume.replace(' ', '%20')}", headers=[
            "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]))
        assert statuses(answer) == [400], resume


HEADER = {"msg_id": "m", "msg_type": "execute_request", "session": "s"}
#: Of a message's header: none of them may reach the kernel.
BAD_HEADERS = [
    '{"a":' * 30_000, "[" * 60_000, '{"msg_id": "m", "msg_type": "x", "x": ' + "[" * 30_000 + "]" * 30_000,
    '{"msg_id": "' + "m" * 100_000 + '", "msg_type": "x"}', '{"msg_id": "\\ud800"}', '{"msg_id": "m", "msg_type": ["x"]}',
    '{"msg_id": {"a": 1}, "msg_type": "x"}', '{"msg_id": 1e999, "msg_type": "x"}', '{"msg_id": "m", "msg_type": "x"}{}',
    '{"msg_type": "x"}', '{"msg_id": "", "msg_type": "x"}', '{"msg_id": "m", "msg_type": ""}', "null", "17", '"x"', "true", "",
]


@pytest.mark.parametrize("which", range(len(BAD_HEADERS)))
def test_bombs_in_a_messages_header(daemon, which):
    kernel = daemon.kernel()
    bomb = BAD_HEADERS[which]
    first = daemon.channels(kernel, protocol=V1)
    first.socket.send_binary(encode_v1("shell", [bomb.encode(), b"{}", b"{}", b"{}"]))
    assert first.until(lambda m: "closed" in m)[-1]["closed"] == 1007
    second = daemon.channels(kernel)
    second.socket.send(f'{{"channel": "shell", "header": {bomb or "x"}, "parent_header": {{}}, "metadata": {{}}, "content": {{}}}}')
    assert second.until(lambda m: "closed" in m)[-1]["closed"] == 1007
    assert daemon.channels(kernel).text("echo fine") == "fine\n"


@pytest.mark.parametrize("protocol", [None, V1])
def test_bombs_in_content_are_the_kernels_to_judge(daemon, protocol):
    """The daemon does not look into it: neither time nor memory grow with what it would become."""
    kernel = daemon.kernel()
    channels = daemon.channels(kernel, protocol=protocol)
    assert channels.text("echo before") == "before\n"
    memory = rss(daemon)
    header = json.dumps({**HEADER, "msg_type": "comm_msg"}).encode()
    for content in (b'{"x": [' + b"0," * 5 * MILLION + b"0]}", b'{"x": ' + b"[" * 900 + b"]" * 900 + b"}", b'{"x": 1' + b"0" * 300 + b"}",
                    b'{"x": "' + b"\\u0041" * 5 * MILLION + b'"}', b'{"x": {' + b'"a": 0, ' * MILLION + b'"a": 0}}'):
        if protocol == V1:
            channels.socket.send_binary(encode_v1("shell", [header, b"{}", b"{}", content]))
        else:
            channels.socket.send(b'{"channel": "shell", "header": ' + header + b', "parent_header": {}, "metadata": {}, "content": ' + content + b"}")
    assert channels.text("echo after") == "after\n"
    assert rss(daemon) < memory + 128 * MIB


@pytest.mark.parametrize("content", ['{"a":' * 1000 + "1" + "}" * 1000, '{"x": ' + "9" * 1000 + "}", '{"x": ' + "9" * 10 * MILLION + "}"],
                         ids=["deep", "a number", "a long number"])
def test_content_that_the_legacy_framing_cannot_carry_closes_that_socket_alone(daemon, content):
    """There the whole message is one JSON value, and has to be read to be cut up."""
    kernel = daemon.kernel()
    memory = rss(daemon)
    text = f'{{"channel": "shell", "header": {json.dumps(HEADER)}, "parent_header": {{}}, "metadata": {{}}, "content": {content}}}'
    channels = daemon.channels(kernel)
    channels.socket.send(text)
    assert channels.until(lambda m: "closed" in m)[-1]["closed"] == 1007
    assert daemon.channels(kernel).text("echo fine") == "fine\n"
    assert rss(daemon) < memory + 128 * MIB


def test_a_request_that_comes_a_million_times_smaller(daemon):
    """Requests in one piece: answered one after the other, and others have their turn."""
    with working(daemon) as count, connect(daemon) as stream:
        stream.sendall(b"GET /api HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2000 + b"GET /api HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        goes_on(count)
        assert statuses(read_all(stream)) == [200] * 2001
