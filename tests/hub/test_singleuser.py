"""A kmuxd for each user, as docs/jupyterhub/singleuser.py has it."""

import datetime
import os
import subprocess

import pytest
from hubs import ADMIN, ROOT, Server
from kmuxd import has_ended, wait_until

pytestmark = pytest.mark.timeout(500)


@pytest.fixture
def hub(make_hub):
    hub = make_hub("singleuser.py")
    yield hub
    for user in ("alice", "bob"):
        hub.api("DELETE", f"users/{user}/server")
        wait_until(lambda user=user: not model(hub, user)["servers"], 120, f"the end of {user}'s server")


def model(hub, user):
    return hub.api("GET", f"users/{user}").json()


def start(hub, user):
    hub.api("POST", f"users/{user}")  # 409 where the Hub has them already
    assert hub.api("POST", f"users/{user}/server").status_code in (201, 202), hub.log.read_text()
    wait_until(lambda: model(hub, user).get("server"), 120, f"{user}'s server")
    return Server(hub, f"user/{user}/", f"run-{user}")


def last_activity(hub, user):
    return datetime.datetime.fromisoformat(model(hub, user)["last_activity"].replace("Z", "+00:00"))


def test_a_server_of_ones_own(hub):
    server = start(hub, "alice")
    alice, bob = hub.token("alice"), hub.token("bob")
    kernel = server.post("kernels", {"name": "echo"}, token=alice).json()
    assert kernel["kmux"]["owner"] == "alice"
    assert server.channels(kernel["id"], token=alice).text("echo mine") == "mine\n"
    assert server.get("kernels", token=bob).status_code == 403
    assert server.get("kernels", token=None).status_code == 401
    browser = hub.login("alice")
    assert browser.get(server.url + "api/kernels", timeout=60).json()[0]["id"] == kernel["id"]
    for each in server.sockets:
        each.socket.shutdown()
    pid = server.get(f"kernels/{kernel['id']}", token=alice).json()["kmux"]["pid"]
    hub.api("DELETE", "users/alice/server")
    wait_until(lambda: has_ended(pid), 60, "the kernel's end")


def test_the_hub_hears_of_activity_and_culls_who_is_idle(hub):
    """What is at work is not idle, even where it says nothing for long."""
    idle, busy = start(hub, "alice"), start(hub, "bob")
    bob = hub.token("bob")
    kernel = busy.post("kernels", {"name": "echo"}, token=bob).json()["id"]
    channels = busy.channels(kernel, token=bob)
    before = last_activity(hub, "bob")
    channels.execute("sleep 600")
    wait_until(lambda: busy.get(f"kernels/{kernel}", token=bob).json()["execution_state"] == "busy")
    wait_until(lambda: last_activity(hub, "bob") > before + datetime.timedelta(seconds=2), 60, "a report")
    for each in busy.sockets:
        each.socket.shutdown()
    environment = {**os.environ, "JUPYTERHUB_API_TOKEN": ADMIN, "JUPYTERHUB_API_URL": hub.url + "hub/api"}
    culler = subprocess.Popen(
        [str(ROOT / ".cache/hub/bin/python"), "-m", "jupyterhub_idle_culler", "--timeout=12", "--cull-every=1"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: not model(hub, "alice")["servers"], 60, "the end of alice's idle server")
        assert model(hub, "bob")["servers"] and busy.get("kernels", token=bob).status_code == 200
        busy.post(f"kernels/{kernel}/interrupt", token=bob)
        wait_until(lambda: not model(hub, "bob")["servers"], 60, "the end of bob's, idle now")
    finally:
        culler.terminate()
        culler.wait(60)
    assert idle.url
