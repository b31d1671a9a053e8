"""Requests that a proxy in front might read in another way than we do.

Each form is followed by a request with a good token that would start a kernel: whoever gives it one
refusal and closes has not read it, and no kernel is there.
"""

import json

import pytest
from kmuxd import TOKEN
from raw import connect, exchange, read_all, request, statuses

SMUGGLED = request("POST", "/api/kernels", b'{"name": "echo"}')
HOST = b"Host: x\r\n"
AUTH = f"Authorization: token {TOKEN}\r\n".encode()
LAST_CHUNK = b"0\r\n\r\n"


def post(lines, body=b"", line=b"POST /api/kernels HTTP/1.1"):
    return line + b"\r\n" + HOST + AUTH + lines + b"\r\n" + body


def te(lines, body=LAST_CHUNK):
    return post(lines, body)


CL = b"Content-Length: %d\r\n"
TE = b"Transfer-Encoding: chunked\r\n"

#: name: (bytes, statuses that are right)
REFUSED = {
    # both lengths
    "CL.TE": (post(CL % 6 + TE, LAST_CHUNK + b"G"), [501]),
    "TE.CL": (post(TE + CL % 4, b"5c\r\nGPOST / HTTP/1.1\r\n\r\n" + LAST_CHUNK), [501]),
    "TE alone": (te(TE), [501]),
    "TE in HTTP/1.0": (post(TE, LAST_CHUNK, b"POST /api/kernels HTTP/1.0"), [501]),
    # obfuscations of Transfer-Encoding, as published lists have them
    **{f"TE {n}": (te(lines), [status]) for n, (lines, status) in enumerate([
        (b"Transfer-Encoding : chunked\r\n", 400), (b"Transfer-Encoding\t: chunked\r\n", 400),
        (b"Transfer-Encoding:\tchunked\r\n", 501), (b"Transfer-Encoding:chunked\r\n", 501),
        (b"Transfer-Encoding:  chunked\r\n", 501), (b"Transfer-Encoding: chunked \r\n", 501),
        (b"Transfer-Encoding: chunked\t\r\n", 501), (b"TRANSFER-ENCODING: CHUNKED\r\n", 501),
        (b"tRANSFER-eNCODING: cHunked\r\n", 501), (b"Transfer-Encoding: xchunked\r\n", 501),
        (b"Transfer-Encoding: x chunked\r\n", 501), (b"Transfer-Encoding: chunked, identity\r\n", 501),
        (b"Transfer-Encoding: identity, chunked\r\n", 501), (b"Transfer-Encoding: identity\r\n" + CL % 3, 501),
        (b"Transfer-Encoding: chunked;q=1\r\n", 501), (b'Transfer-Encoding: "chunked"\r\n', 501),
        (b"Transfer-Encoding: 'chunked'\r\n", 501), (b"Transfer-Encoding: \\chunked\r\n", 501),
        (b"Transfer-Encoding: gzip, chunked\r\n", 501), (b"Transfer-Encoding: chunked, chunked\r\n", 501),
        (b"Transfer-Encoding:\r\n" + CL % 3, 501), (b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", 501),
        (b"Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n", 501),
        (b"Transfer-Encoding:\r\n chunked\r\n", 400), (b"Transfer-Encoding: \r\n\tchunked\r\n", 400),
        (b"Transfer-Encoding\r\n : chunked\r\n", 400), (b" Transfer-Encoding: chunked\r\n", 400),
        (b"\tTransfer-Encoding: chunked\r\n", 400), (b"X: y\r\n Transfer-Encoding: chunked\r\n", 400),
        (b"X: y\rTransfer-Encoding: chunked\r\n", 400), (b"X: y\nTransfer-Encoding: chunked\r\n", 400),
        (b"X: y\n\rTransfer-Encoding: chunked\r\n", 400), (b"X: y\r\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Transfer-Encoding: \x0bchunked\r\n", 400), (b"Transfer-Encoding:\x0cchunked\r\n", 400),
        (b"Transfer-Encoding: \x00chunked\r\n", 400), (b"Transfer-Encoding: chunked\x00\r\n", 400),
        (b"Transfer-Encoding\x00: chunked\r\n", 400), (b"\x00Transfer-Encoding: chunked\r\n", 400),
        (b"Transfer-Encoding: \x01chunked\r\n", 400), (b"Transfer-Encoding: chunked\x7f\r\n", 400),
        (b"Transfer-Encoding: \xffchunked\r\n", 400), (b"Transfer-Encoding: chun\xe2\x84\xaaed\r\n", 501),
        (b"Transfer-Encoding\xa0: chunked\r\n", 400), (b"Transfer-\xc4\x90ncoding: chunked\r\n", 400),
        (b"Transfer Encoding: chunked\r\n", 400), (b"Transfer-Encoding chunked\r\n", 400),
        (b"Transfer-Encoding; chunked\r\n", 400), (b"Transfer-Encoding: chunked\n", 400),
        (b"Transfer-Encoding: chunked\r", 400), (b"Foo: bar\x85Transfer-Encoding: chunked\r\n", 400),
    ])},
    # chunks that parsers read in their own ways: never looked at
    **{f"chunk {n}": (te(TE, chunk), [501]) for n, chunk in enumerate([
        b"5;a=b\r\nhello\r\n" + LAST_CHUNK, b"5 ;\nx\r\nhello\r\n" + LAST_CHUNK, b"0x5\r\nhello\r\n" + LAST_CHUNK,
        b"+5\r\nhello\r\n" + LAST_CHUNK, b"05\r\nhello\r\n" + LAST_CHUNK, b"5\nhello\n0\n\n", b"5\rhello\r0\r\r",
        b"ffffffffffffffff1\r\nhello\r\n" + LAST_CHUNK, b"-1\r\n\r\n", b"0_5\r\nhello\r\n" + LAST_CHUNK,
        b"0\r\nContent-Length: 9\r\nX: y\r\n\r\n", b"0\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n", b"\r\n\r\n",
    ])},
    # lengths
    **{f"CL {n}": (post(lines, b"hello"), [status]) for n, (lines, status) in enumerate([
        (b"Content-Length: 5\r\nContent-Length: 6\r\n", 400), (b"Content-Length: 5\r\nContent-Length: 5\r\n", 400),
        (b"Content-Length: 0\r\nContent-Length: 5\r\n", 400), (b"content-length: 5\r\nCONTENT-LENGTH: 0\r\n", 400),
        (b"Content-Length: 5, 5\r\n", 400), (b"Content-Length: 5,\r\n", 400), (b"Content-Length: ,5\r\n", 400),
        (b"Content-Length: 0, 5\r\n", 400), (b"Content-Length: 5;x\r\n", 400), (b"Content-Length: +5\r\n", 400),
        (b"Content-Length: -5\r\n", 400), (b"Content-Length: -0\r\n", 400), (b"Content-Length: 0x5\r\n", 400),
        (b"Content-Length: 5.0\r\n", 400), (b"Content-Length: 5e0\r\n", 400), (b"Content-Length: 5_0\r\n", 400),
        (b"Content-Length: 5 0\r\n", 400), (b'Content-Length: "5"\r\n', 400), (b"Content-Length: five\r\n", 400),
        (b"Content-Length:\r\n", 400), (b"Content-Length: \r\n", 400), (b"Content-Length: 5L\r\n", 400),
        (b"Content-Length: \xef\xbc\x95\r\n", 400), (b"Content-Length: \xc2\xb2\r\n", 400),
        (b"Content-Length: 4294967301\r\n", 413), (b"Content-Length: 9223372036854775807\r\n", 413),
        (b"Content-Length: 9223372036854775808\r\n", 413), (b"Content-Length: 18446744073709551615\r\n", 413),
        (b"Content-Length: 18446744073709551616\r\n", 400), (b"Content-Length: 18446744073709551621\r\n", 400),
        (b"Content-Length: " + b"9" * 400 + b"\r\n", 400), (b"Content-Length : 5\r\n", 400), (b"Content-Length\t: 5\r\n", 400),
        (b"Content-Length: 5\r\n 0\r\n", 400), (b"Content-Length:\r\n 5\r\n", 400), (b" Content-Length: 5\r\n", 400),
        (b"X: y\nContent-Length: 5\r\n", 400), (b"X: y\rContent-Length: 5\r\n", 400), (b"Content-Length: 5\x00\r\n", 400),
        (b"Content-Length: \x0b5\r\n", 400), (b"\x00Content-Length: 5\r\n", 400), (b"Content-Length: 5\n", 400),
        (b"Content-Length 5\r\n", 400), (b"Content Length: 5\r\n", 400),
    ])},
    # request lines: other hosts, other versions, other ends
    **{f"line {n}": (post(b"", b"", line), [status]) for n, (line, status) in enumerate([
        (b"GET http://other/api HTTP/1.1", 400), (b"GET http://x/api HTTP/1.1", 400), (b"GET https://x:1/api HTTP/1.1", 400),
        (b"GET //x@other/api\\ HTTP/1.1 ", 400), (b"GET other:80 HTTP/1.1", 400), (b"CONNECT other:80 HTTP/1.1", 400),
        (b"CONNECT / HTTP/1.1", 501), (b"CONNECT /api HTTP/1.1", 501), (b"OPTIONS * HTTP/1.1", 400), (b"GET * HTTP/1.1", 400),
        (b"GET ?x HTTP/1.1", 400), (b"GET \\api HTTP/1.1", 400), (b"GET @other/api HTTP/1.1", 400),
        (b"PRI * HTTP/2.0", 505), (b"GET /api HTTP/2", 505), (b"GET /api HTTP/1.2", 505), (b"GET /api HTTP/0.9", 505),
        (b"GET /api", 400), (b"GET /api HTTP/1.1 HTTP/1.1", 400), (b"GET /api HTTP/1.1\x00", 400), (b"GET /a b HTTP/1.1", 400),
        (b"GET /api\tHTTP/1.1", 400), (b"GET\x0b/api HTTP/1.1", 400), (b"GET /api\x00 HTTP/1.1", 400), (b"GET /api HTTP/1.1\r", 400),
        (b" GET /api HTTP/1.1", 400), (b"\x00GET /api HTTP/1.1", 400), (b"GET /\xff HTTP/1.1", 400), (b"GET /api# HTTP/1.1\x85", 505),
        (b"GE\x00T /api HTTP/1.1", 400), (b"GET:/api HTTP/1.1", 400), (b"", 400), (b"\r\nGET /api HTTP/1.1", 400),
        (b"\n\nGET /api HTTP/1.1", 400), (b"GET /api HTTP/1.1\n", 400), (b"GET /api HTTP/1.1\nX: y", 400),
    ])},
    # Host, which decides where it goes
    **{f"Host {n}": (b"GET /api HTTP/1.1\r\n" + AUTH + lines + b"\r\n", [400]) for n, lines in enumerate([
        b"", HOST + HOST, b"Host: x\r\nHost: other\r\n", b"Host: x\r\nhost: x\r\n", b"Host : x\r\n", b" Host: x\r\n",
        b"X: y\r\n Host: x\r\n", b"Host: x\r\n\tother\r\n", b"Host: x\x00other\r\n", b"Host: x\nHost: other\r\n",
    ])},
    # header lines
    **{f"header {n}": (post(lines), [400]) for n, lines in enumerate([
        b"X: a\r\n b\r\n", b"X: a\r\n\tb\r\n", b"X: a\r\n \r\n", b"X\r\n", b": a\r\n", b"X: a\x00b\r\n", b"X\x00: a\r\n",
        b"X: a\x1fb\r\n", b"X: \xff\xfe\r\n", b"X: \xc0\xaf\r\n", b"X: \xed\xa0\x80\r\n", b"X: a\rb\r\n", b"X: a\nb: c\r\n", b"X(y): a\r\n", b"{}: a\r\n",
        b"X[]: a\r\n", b"X@: a\r\n", b"X/: a\r\n", b"X\\: a\r\n", b'X": a\r\n', b"X,: a\r\n", b"X;: a\r\n", b"X=: a\r\n", b"X?: a\r\n",
    ])},
    # expectations
    **{f"Expect {n}": (post(b"Expect: " + value + b"\r\n" + CL % 5, b"hello"), [417]) for n, value in enumerate([
        b"", b"y", b"100-continue, y", b"100-continue 100-continue", b"200-ok", b"100-continue;x"])},
    "Expect and too much": (post(b"Expect: 100-continue\r\n" + CL % 999_999_999), [413]),
    "Expect and TE": (post(b"Expect: 100-continue\r\n" + TE), [501]),
    # heads that have no end, or are no HTTP
    "head too long": (post(b"X: " + b"y" * 20_000 + b"\r\n"), [431]),
    "too many headers": (post(b"X: y\r\n" * 200), [431]),
    "target too long": (post(b"", b"", b"GET /" + b"y" * 9000 + b" HTTP/1.1"), [414]),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", [400]),
    "ICY": (b"ICY 200 OK\r\n\r\n", [400, 505]),
    "a response": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", [400]),
    "PROXY": (b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n\r\n", [400]),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", [505]),
}


def check_refusal(answer, wanted):
    found = statuses(answer)
    assert len(found) == 1 and found[0] in wanted, answer[:1000]
    head, body = answer.split(b"\r\n\r\n", 1)
    assert b"\r\nConnection: close" in head
    told = json.loads(body)
    assert set(told) == {"reason", "message"} and told["message"]
    assert TOKEN not in body.decode()


def test_each_ambiguous_form_gets_one_refusal_and_nothing_behind_it_is_read(daemon):
    for name, (data, wanted) in REFUSED.items():
        try:
            check_refusal(exchange(daemon, data + SMUGGLED), wanted)
            # On a connection that is open already, as a proxy's are.
            answer = exchange(daemon, request("GET", "/api/status") + data + SMUGGLED)
            assert statuses(answer)[0] == 200
            check_refusal(answer[answer.index(b"HTTP/1.1 ", 1):], wanted)
        except AssertionError as e:
            raise AssertionError(f"{name}: {data[:200]!r}: {e}") from e
    assert daemon.get("kernels").json() == []


@pytest.mark.parametrize("name", ["CL.TE", "TE 0", "TE 23", "CL 0", "line 0", "line 32", "header 0", "Host 7", "chunk 1"])
@pytest.mark.parametrize("piece", [1, 2, 3, 7])
def test_the_same_in_pieces(daemon, name, piece):
    data, wanted = REFUSED[name]
    check_refusal(exchange(daemon, data + SMUGGLED, piece), wanted)
    assert daemon.get("kernels").json() == []


# A request in the body of another is a body, whatever the method and whatever the answer.
@pytest.mark.parametrize("method, path, status", [
    ("GET", "/api/kernels", 200), ("GET", "/api", 200), ("HEAD", "/api/kernels", 200), ("OPTIONS", "/api/kernels", 204), ("DELETE", "/api/kernels/x", 404),
    ("GET", "/nothing", 404), ("PUT", "/api/kernels", 405), ("TRACE", "/api", 405), ("POST", "/api/kernels", 400), ("GET", "/%ff", 400),
    ("POST", "/api/sessions", 400), ("POST", "/api/kernels/x/restart", 404), ("GET", "/kernelspecs/x/y", 404), ("BREW", "/api", 405),
])
@pytest.mark.parametrize("more", [[], ["Content-Encoding: chunked"], ["Transfer_Encoding: chunked"], ["X-Transfer-Encoding: chunked"],
                                  ["Connection: Content-Length"], ["Trailer: Content-Length"], ["TE: trailers, chunked"],
                                  ["Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__"]])
def test_a_body_is_nothing_but_a_body(daemon, method, path, status, more):
    first = request(method, path, SMUGGLED, more)
    answer = exchange(daemon, first + b"GET /api HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    upgrade = "Upgrade: h2c" in more
    assert statuses(answer) == ([status] if upgrade else [status, 200]), answer
    assert daemon.get("kernels").json() == []


def test_without_a_token_a_body_is_a_body_too(daemon):
    first = b"POST /api/kernels HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED
    answer = exchange(daemon, first + b"GET /api HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert statuses(answer)[0] == 401 and 201 not in statuses(answer)
    assert daemon.get("kernels").json() == []


def test_a_body_that_is_promised_and_does_not_come_is_waited_for(daemon):
    with connect(daemon) as stream:
        stream.sendall(post(b"Content-Length: 1000\r\n", SMUGGLED))
        stream.shutdown(1)
        assert read_all(stream) == b""
    assert daemon.get("kernels").json() == []


def test_continue_is_said_once_and_the_body_is_a_body(daemon):
    body = SMUGGLED
    with connect(daemon) as stream:
        stream.sendall(post(b"Expect: 100-continue\r\nConnection: close\r\n" + CL % len(body)))
        assert stream.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        stream.sendall(body)
        assert statuses(read_all(stream)) == [400]
    assert daemon.get("kernels").json() == []


def test_an_expectation_without_a_body_is_not_answered_twice(daemon):
    answer = exchange(daemon, b"GET /api HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
    assert statuses(answer) == [200]


# A proxy that takes a tunnel for granted would pass on whatever its client says next.
@pytest.mark.parametrize("lines, status", [
    (["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 777", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="], 426),
    (["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"], 426),
    (["Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__"], 426),
    (["Upgrade: TLS/1.0", "Connection: Upgrade"], 426),
])
def test_after_an_upgrade_that_was_refused_nothing_is_read(daemon, lines, status):
    kernel = daemon.kernel()
    answer = exchange(daemon, request("GET", f"/api/kernels/{kernel}/channels", headers=lines) + SMUGGLED)
    check_refusal(answer, [status])
    assert len(daemon.get("kernels").json()) == 1
    answer = exchange(daemon, request("GET", "/api/status", headers=lines) + SMUGGLED)
    assert statuses(answer) == [200] and len(daemon.get("kernels").json()) == 1


def test_what_is_behind_a_handshake_is_frames_and_no_request(daemon):
    kernel = daemon.kernel()
    lines = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    answer = exchange(daemon, request("GET", f"/api/kernels/{kernel}/channels", headers=lines) + SMUGGLED)
    assert statuses(answer) == [101] and b"\x88\x02\x03\xea" in answer  # close, 1002
    assert len(daemon.get("kernels").json()) == 1


def test_pipelined_requests_behind_a_refusal_of_another_kind_go_on(daemon):
    """The framing is not in doubt: 404 and 401 end nothing."""
    answer = exchange(daemon, request("GET", "/nothing") * 50 + b"GET /api/kernels HTTP/1.1\r\nHost: localhost\r\n\r\n"
                      + request("GET", "/api/kernels", headers=["Connection: close"]) + SMUGGLED)
    assert statuses(answer) == [404] * 50 + [401, 200]
    assert daemon.get("kernels").json() == []


def test_no_header_of_an_answer_is_the_clients_to_write(daemon):
    """Response splitting: what is repeated of a request has no line of its own."""
    for path in ("/api/kernels/%0d%0aX-Mine:%201", "/x%0d%0aX-Mine:%201%0d%0a%0d%0abody", "/api/kernelspecs/a%0d%0aX-Mine:1"):
        answer = exchange(daemon, request("GET", path, headers=["Connection: close", "Origin: http://a\tb"]))
        assert b"\r\nX-Mine" not in answer and statuses(answer) == [404], answer
    name = "n%0d%0aX-Mine: 1\r\nX-Mine: 1"
    body = json.dumps({"path": name, "name": name, "kernel": {"name": "echo"}}).encode()
    answer = exchange(daemon, request("POST", "/api/sessions", body, ["Connection: close"]))
    assert statuses(answer) == [201] and b"\r\nX-Mine" not in answer
