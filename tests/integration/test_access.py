"""Who may come in, and what HTTP is accepted at all."""

import contextlib
import json
import os
import re
import socket
import threading

import pytest
from cli import kmux
from kmuxd import TOKEN, wait_until


@pytest.mark.parametrize("header", [f"token {TOKEN}", f"Token {TOKEN}", f"bearer {TOKEN}", f"Bearer {TOKEN}"])
def test_schemes(daemon, header):
    assert daemon.call("GET", "api/kernels", token=None, headers={"Authorization": header}).status_code == 200


@pytest.mark.parametrize("header", ["", "token", "token ", f"Basic {TOKEN}", f"token {TOKEN}x", f"token {TOKEN[:-1]}", TOKEN])
def test_wrong_tokens(daemon, header):
    answer = daemon.call("GET", "api/kernels", token=None, headers={"Authorization": header})
    assert answer.status_code == 401
    assert "oken" in answer.json()["message"] and TOKEN not in answer.text


def test_only_the_health_check_answers_without_a_token(daemon):
    assert daemon.call("GET", "api", token=None).json()["version"]
    for path in ("api/kernels", "api/nothing", "nothing", "kernelspecs/echo/x", "api/spec.yaml"):
        assert daemon.call("GET", path, token=None).status_code == 401


def test_owners_see_their_own(make_daemon):
    daemon = make_daemon()
    daemon.allow("a alice token-of-alice", "b bob token-of-bob", "r root token-of-root admin")
    daemon.start()
    kernel = daemon.post("kernels", {"name": "echo"}, token="token-of-alice").json()
    assert kernel["kmux"]["owner"] == "alice"
    path = f"kernels/{kernel['id']}"
    assert daemon.get(path, token="token-of-alice").status_code == 200
    assert daemon.get(path, token="token-of-root").status_code == 200
    for method, where in (("GET", path), ("DELETE", path), ("POST", path + "/restart"), ("POST", path + "/interrupt")):
        assert daemon.call(method, "api/" + where, token="token-of-bob").status_code == 404
    assert daemon.get("kernels", token="token-of-bob").json() == []
    taken = daemon.post("kernels", {"name": "echo", "kernel_id": kernel["id"]}, token="token-of-bob")
    assert taken.status_code == 409


def ask_unix(daemon, path):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(daemon.runtime / "admin.sock"))
        peer.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: peer.recv(65536), b""))


def test_a_unix_peer_needs_no_token(daemon):
    assert ask_unix(daemon, "/api/me").startswith(b"HTTP/1.1 200 ")


def test_a_unix_peer_need_not_know_what_addresses_begin_with(make_daemon):
    """A proxy does: kmux and scripts on this host are the same with one and without."""
    daemon = make_daemon('[kernels]\necho = true\n[server]\nbase_url = "/services/kmux/"\n').start()
    for path in ("/api/me", "/services/kmux/api/me"):
        assert ask_unix(daemon, path).startswith(b"HTTP/1.1 200 "), path
    kernel = kmux("--runtime-dir", daemon.runtime, "start", "echo", "--wait").strip()
    assert kmux("--runtime-dir", daemon.runtime, "exec", kernel, "-c", "echo hello") == "hello\n"
    assert "ready" in kmux("--runtime-dir", daemon.runtime, "status")


def test_a_long_runtime_directory(make_daemon):
    daemon = make_daemon()
    daemon.runtime = daemon.directory / ("long" * 30)
    daemon.start()
    with daemon_channels(daemon) as channels:
        assert channels.text("echo far away") == "far away\n"


class daemon_channels:
    def __init__(self, daemon):
        self.channels = daemon.channels(daemon.kernel())

    def __enter__(self):
        return self.channels

    def __exit__(self, *_):
        self.channels.close()


def raw(daemon, data, timeout=60):
    host, port = daemon.url.removeprefix("http://").split("/")[0].split(":")
    with socket.create_connection((host, int(port)), timeout=timeout) as stream:
        answer = b""
        # Where it has been refused before it has sent all, a reset follows the answer.
        with contextlib.suppress(ConnectionError):
            stream.sendall(data)
        with contextlib.suppress(ConnectionError):
            while piece := stream.recv(65536):
                answer += piece
        return answer


HEAD = b"GET /api HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize("data, status", [
    (b"GET /api HTTP/1.1\r\n\r\n", 400),                                          # no Host
    (HEAD + b"Host: y\r\n\r\n", 400),                                             # two
    (HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
    (HEAD + b"Content-Length: 5, 5\r\n\r\nhello", 400),
    (HEAD + b"Content-Length: +5\r\n\r\nhello", 400),
    (HEAD + b"Content-Length: 0x5\r\n\r\nhello", 400),
    (HEAD + b"Content-Length: -1\r\n\r\n", 400),
    (HEAD + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
    (HEAD + b"Content-Length: 999999999\r\n\r\n", 413),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
    (HEAD + b"Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc", 501),
    (HEAD + b"Transfer-Encoding : chunked\r\n\r\n", 400),                         # space before colon
    (HEAD + b"X: a\r\n b\r\n\r\n", 400),                                          # folded
    (HEAD + b"X: a\nY: b\r\n\r\n", 400),                                          # bare LF
    (HEAD + b"X: a\rY: b\r\n\r\n", 400),                                          # bare CR
    (HEAD + b"X: a\x00b\r\n\r\n", 400),
    (HEAD + b"X: \xff\xfe\r\n\r\n", 400),                                         # not UTF-8
    (HEAD + b": empty\r\n\r\n", 400),
    (b"GET  /api HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /api\r\nHost: x\r\n\r\n", 400),
    (b"GET http://x/api HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /api HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    (b"G@T /api HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /api%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
    (b"GET /api%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    (HEAD + b"X: " + b"a" * 20000 + b"\r\n\r\n", 431),
    (HEAD + b"X: a\r\n" * 101 + b"\r\n", 431),
    (HEAD + b"Expect: a miracle\r\n\r\n", 417),
])
def test_ambiguous_requests_get_an_error_and_the_connection_closes(daemon, data, status):
    answer = raw(daemon, data)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    assert len(re.findall(rb"^HTTP/1.1 ", answer, re.M)) == 1
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["message"]
    assert daemon.call("GET", "api").status_code == 200


def test_pipelined_requests_are_answered_in_order(daemon):
    answer = raw(daemon, HEAD + b"\r\n" + HEAD + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200") == 2


def test_a_slow_head_is_cut_off(make_daemon):
    # The same is allowed for its first byte: who sends none is not answered.
    daemon = make_daemon('[limits]\nheader_timeout = "3s"\n').start()
    assert raw(daemon, b"GET /api HTTP/1.1\r\nHost").startswith(b"HTTP/1.1 408 ")


def test_connections_are_limited(make_daemon):
    daemon = make_daemon("[limits]\nmax_connections = 3\n").start()
    host, port = daemon.url.removeprefix("http://").split("/")[0].split(":")
    held = [socket.create_connection((host, int(port))) for _ in range(3)]
    assert wait_until(lambda: raw(daemon, b"").startswith(b"HTTP/1.1 503 "))
    for each in held:
        each.close()
    wait_until(lambda: raw(daemon, HEAD + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 200 "))


def test_ten_thousand_connects_and_leaves(daemon):
    host, port = daemon.url.removeprefix("http://").split("/")[0].split(":")
    daemon.call("GET", "api")
    before = daemon.descriptors()

    def come_and_go():
        for i in range(1250):
            with socket.create_connection((host, int(port))) as stream:
                stream.sendall(b"GET /api/kernels HTTP/1.1\r\nHost"[: i % 34])

    threads = [threading.Thread(target=come_and_go) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    wait_until(lambda: daemon.descriptors() <= before)
    assert daemon.call("GET", "api").status_code == 200
    assert len(os.listdir(f"/proc/{daemon.process.pid}/task")) <= 5
