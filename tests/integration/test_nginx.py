"""The example of nginx in front, with a real one."""

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest
from kmuxd import hold_port, wait_until
from test_tls import Authority

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs/examples/nginx.conf"
NGINX = ROOT / ".cache/programs/nginx"

AROUND = """
daemon off;
pid {place}/pid;
error_log {place}/error.log;
{user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
{example}
}}
"""


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def front(make_daemon, tmp_path):
    """The daemon as a client finds it behind nginx."""
    daemon = make_daemon('[kernels]\necho = true\n[server]\nbase_url = "/kmux/"\nhosts = ["kernels.example.org"]\nproxies = ["127.0.0.1"]\n').start()
    cert, key = Authority(tmp_path / "tls").issue("kernels.example.org")
    held, port = hold_port()
    example = EXAMPLE.read_text()
    for ours, there in ((f"127.0.0.1:{port} ssl", "443 ssl"), (cert, "/etc/ssl/certs/kernels.example.org.pem"),
                        (key, "/etc/ssl/private/kernels.example.org.key"), (daemon.url.split("/")[2], "127.0.0.1:8888;")):
        assert there in example
        example = example.replace(there, str(ours) + (";" if there.endswith(";") else ""))
    place = tmp_path / "nginx"
    place.mkdir()
    user = "user root;" if os.geteuid() == 0 else ""
    (place / "nginx.conf").write_text(AROUND.format(place=place, example=example, user=user))
    server = subprocess.Popen([NGINX, "-p", place, "-e", place / "error.log", "-c", place / "nginx.conf"], stderr=subprocess.PIPE)
    wait_until(lambda: listens(port) or server.poll() is not None)
    assert server.poll() is None, server.stderr.read()
    inside = daemon.url, daemon.ws
    daemon.url = f"https://127.0.0.1:{port}/kmux/"
    daemon.ws = daemon.url.replace("http", "ws")
    daemon.tls = {"verify": str(tmp_path / "tls/ca.pem")}
    yield daemon
    daemon.url, daemon.ws = inside
    daemon.tls = {}
    server.terminate()
    server.wait(60)
    held.close()


def test_kernels_behind_nginx(front):
    kernel = front.kernel()
    channels = front.channels(kernel)
    assert channels.text("echo hello") == "hello\n"
    assert len(channels.text("flood 2000 1024")) == 2000 * 1024
    assert front.call("GET", "api/me").json()["identity"]["username"]


def test_what_is_followed_comes_as_it_is_said(front):
    kernel = front.kernel()
    channels = front.channels(kernel)
    followed = front.get(f"kernels/{kernel}/messages?follow=1&type=stream", stream=True)
    lines = followed.iter_lines()
    for word in ("one", "two"):
        channels.run(f"echo {word}")
        line = next(line for line in lines if line)
        assert json.loads(line)["content"]["text"] == word + "\n"
    followed.close()


def test_a_client_gets_what_it_missed_through_nginx_too(front):
    kernel = front.kernel()
    channels = front.channels(kernel, session="mine")
    channels.text("echo before")
    channels.socket.shutdown()
    front.channels(kernel).text("echo meanwhile")
    again = front.channels(kernel, session="mine")
    assert again.until(lambda m: m["content"].get("text") == "meanwhile\n")


def test_who_guesses_is_known_by_its_own_address(front):
    assert front.get("me", token="a-wrong-token-of-theirs").status_code == 401
    audit = [json.loads(line) for line in (front.runtime / "state/audit.log").read_text().splitlines()]
    assert [a["address"] for a in audit if a["status"] == 401] == ["127.0.0.1:0"]


def test_another_host_is_not_served(front):
    assert front.call("GET", "api", token=None, headers={"Host": "evil.example.org"}).status_code == 403
    assert front.call("GET", "api", token=None, headers={"Host": "kernels.example.org"}).status_code == 200
