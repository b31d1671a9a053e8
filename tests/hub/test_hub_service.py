"""kmux as a service of the Hub, as docs/jupyterhub/service.py has it."""

import contextlib
import json
import shutil
import signal
from pathlib import Path

import pytest
import requests
import websocket
from hubs import PYTHONS
from kmuxd import wait_until
from programs import node

HERE = Path(__file__).parent
pytestmark = pytest.mark.timeout(500)


@pytest.fixture
def hub(make_hub):
    hub = make_hub("service.py")
    yield hub
    with contextlib.suppress(OSError, ValueError):
        server = hub.service()
        alice = hub.token("alice")
        for each in server.get("kernels", token=alice).json():
            server.delete(f"kernels/{each['id']}", token=alice)


def kmuxd_log(hub):
    return hub.log.read_text()


def test_kernels_belong_to_the_hubs_users(hub):
    server = hub.service()
    alice, bob = hub.token("alice"), hub.token("bob")
    kernel = server.post("kernels", {"name": "echo"}, token=bob).json()
    assert kernel["kmux"]["owner"] == "bob"
    channels = server.channels(kernel["id"], token=bob)
    assert channels.text("echo through the proxy") == "through the proxy\n"
    assert server.get(f"kernels/{kernel['id']}", token=bob).status_code == 200
    mine = server.post("kernels", {"name": "echo"}, token=alice).json()
    assert server.get(f"kernels/{mine['id']}", token=bob).status_code == 404
    assert server.get("kernels", token="wrong-wrong-wrong").status_code == 401
    assert server.get("kernels", token=None).status_code == 401
    # The Hub's administrators are ours.
    assert server.get("drain", token=bob).status_code == 403
    assert server.get("drain", token=alice).status_code == 200
    service = server.get("me", token="a" * 40).json()
    assert service["identity"]["username"] == "service:admin-script" and service["kmux"]["scopes"] == "use"
    for each in server.get("kernels", token=bob).json():
        server.delete(f"kernels/{each['id']}", token=bob)


def test_the_hub_is_asked_once_and_its_tokens_end(hub):
    server = hub.service()
    token = hub.token("alice")
    for _ in range(20):
        assert server.get("kernels", token=token).status_code == 200
    asked = [line for line in kmuxd_log(hub).splitlines() if "/hub/api/user" in line and "200 GET" in line]
    assert len(asked) <= 1, asked
    short = hub.api("POST", "users/bob/tokens", json={"note": "x", "scopes": ["read:users!user"]})
    if short.status_code in (200, 201):  # a Hub that makes tokens with less than their user has
        refused = server.get("kernels", token=short.json()["token"])
        assert refused.status_code == 403 and "access:services!service=kmux" in refused.json()["message"]
    else:
        assert hub.version == "debian", short.text
    assert server.post("tokens", {"name": "x"}, token=hub.token("bob")).status_code == 403


def test_login_in_a_browser(hub):
    server = hub.service()
    stranger = requests.get(server.url + "api/kernels", headers={"Accept": "text/html"}, timeout=60, allow_redirects=False)
    assert stranger.status_code == 302 and "/hub/api/oauth2/authorize?" in stranger.headers["Location"]
    assert "code_challenge=" in stranger.headers["Location"] and "HttpOnly" in stranger.headers["Set-Cookie"]
    assert requests.get(server.url + "api/kernels", timeout=60, allow_redirects=False).status_code == 401

    browser = hub.login("bob")
    page = browser.get(server.url + "api/kernels", timeout=60)
    assert page.status_code == 200 and page.url == server.url + "api/kernels", page.text
    assert json.loads(page.text) == []
    browser.headers["Accept"] = "application/json"
    assert browser.get(server.url + "api/me", timeout=60).json()["identity"]["username"] == "bob"

    # What changes something must show that a page of ours sent it.
    ask = dict(json={"name": "echo"}, timeout=60)
    assert browser.post(server.url + "api/kernels", **ask).status_code == 403
    assert browser.post(server.url + "api/kernels", **ask, headers={"X-XSRFToken": "guess"}).status_code == 403
    xsrf = browser.cookies.get("_xsrf", path="/services/kmux/")
    assert browser.post(server.url + "api/kernels", **ask, headers={"X-XSRFToken": xsrf, "Origin": "https://evil.example"}).status_code == 403
    made = browser.post(server.url + "api/kernels", **ask, headers={"X-XSRFToken": xsrf})
    assert made.status_code == 201, made.text
    kernel = made.json()["id"]

    # WebSockets of another site's pages bring the cookie along, and do not get in.
    cookies = "; ".join(f"{c.name}={c.value}" for c in browser.cookies if c.path == "/services/kmux/")
    where = f"{server.ws}api/kernels/{kernel}/channels"
    for origin in ("https://evil.example", None):
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            websocket.create_connection(where, cookie=cookies, origin=origin, suppress_origin=origin is None, timeout=60)
        assert refused.value.status_code == 403
    ours = server.url.split("/services")[0]
    websocket.create_connection(where, cookie=cookies, origin=ours, timeout=60).close()

    assert browser.delete(server.url + f"api/kernels/{kernel}", headers={"X-XSRFToken": xsrf}, timeout=60).status_code == 204
    browser.get(server.url + "logout", timeout=60, allow_redirects=False)
    assert browser.get(server.url + "api/kernels", timeout=60).status_code == 401


def test_forged_logins(hub):
    server = hub.service()
    browser = hub.login("bob")
    for query in ("", "?code=x", "?code=x&state=y", "?state=y"):
        assert browser.get(server.url + "oauth_callback" + query, timeout=60).status_code == 400
    begun = browser.get(server.url + "api/kernels", timeout=60, allow_redirects=False)
    state = begun.headers["Location"].split("state=")[1].split("&")[0]
    answer = browser.get(server.url + f"oauth_callback?code=forged&state={state}", timeout=60)
    assert answer.status_code == 403, answer.text
    cookie = {"service-kmux": "forged", "_xsrf": "forged"}
    assert requests.get(server.url + "api/kernels", cookies=cookie, timeout=60).status_code == 401


def test_without_the_hub(hub):
    """Whom it knows goes on; others get an answer that says why, within a bounded time."""
    server = hub.service()
    alice = hub.token("alice")
    direct = f"http://127.0.0.1:{hub.ports[3]}/services/kmux/api/kernels"

    def ask(token):
        return requests.get(direct, headers={"Authorization": f"token {token}"}, timeout=60)

    kernel = server.post("kernels", {"name": "echo"}, token=alice).json()["id"]
    hub.process.send_signal(signal.SIGSTOP)
    try:
        assert [k["id"] for k in ask(alice).json()] == [kernel]
        late = ask("never-seen-before")
        assert late.status_code == 504 and "JupyterHub" in late.json()["message"] and "Retry-After" in late.headers
    finally:
        hub.process.send_signal(signal.SIGCONT)
    assert wait_until(lambda: ask("never-seen-before").status_code == 401)


def test_kernels_outlive_the_hub(hub):
    server = hub.service()
    alice = hub.token("alice")
    kernel = server.post("kernels", {"name": "echo"}, token=alice).json()["id"]
    assert server.channels(kernel, token=alice).text("set x 5") is not None
    for each in server.sockets:
        each.socket.shutdown()
    server.sockets.clear()
    hub.end()
    hub.start()
    server = hub.service()
    alice = hub.token("alice")
    assert [k["id"] for k in server.get("kernels", token=alice).json()] == [kernel]
    assert server.channels(kernel, token=alice).text("echo still") == "still\n"


@pytest.mark.parametrize("make_hub", ["newest"], indirect=True)
def test_jupyterlab_behind_the_hub(make_hub):
    hub = make_hub("service.py", config='[kernels]\nnative = ["python3"]\n[hub]\ntimeout = "15s"\n')
    hub.add_kernelspec("python3", [PYTHONS["newest"], "-m", "ipykernel_launcher", "-f", "{connection_file}"])
    server = hub.service()
    node(HERE / "lab.cjs", hub.url, "alice", shutil.which("chromium"), hub.directory)
    alice, bob = hub.token("alice"), hub.token("bob")
    (kernel,) = [k for k in server.get("kernels", token=alice).json()]
    assert kernel["kmux"]["owner"] == "alice" and kernel["name"] == "python3"
    assert server.get("kernels", token=bob).json() == []
    assert server.get(f"kernels/{kernel['id']}", token=bob).status_code == 404
    hub.api("DELETE", "users/alice/server")
    server.delete(f"kernels/{kernel['id']}", token=alice)
