"""A real Jupyter server with --gateway-url in front of kmuxd: what JupyterLab does."""

import json
import socket
import subprocess
import sys

import pytest
from kmuxd import TOKEN, Daemon, wait_until

IPYKERNEL = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]


class Front(Daemon):
    """The server in front answers as kmuxd does, so the same client serves."""

    def __init__(self, url):
        self.url, self.ws, self.sockets = url, url.replace("http", "ws"), []


@pytest.fixture
def front(daemon):
    daemon.add_kernelspec("python3", IPYKERNEL)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = open(daemon.directory / "server.log", "wb")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
         f"--ServerApp.port={port}", f"--IdentityProvider.token={TOKEN}", f"--gateway-url={daemon.url}",
         f"--GatewayClient.auth_token={TOKEN}", f"--ServerApp.root_dir={daemon.directory}"],
        env=daemon.environment, stdout=log, stderr=log)
    front = Front(f"http://127.0.0.1:{port}/")

    def up():
        assert server.poll() is None, (daemon.directory / "server.log").read_text()
        try:
            return front.get("status").ok
        except OSError:
            return False

    wait_until(up, 60)
    yield front
    for each in front.sockets:
        each.socket.shutdown()
    server.terminate()
    server.wait(30)
    log.close()


def test_a_notebook_through_a_jupyter_server(daemon, front):
    assert "python3" in front.get("kernelspecs").json()["kernelspecs"]
    session = front.post("sessions", {"path": "n.ipynb", "name": "n", "type": "notebook", "kernel": {"name": "python3"}}).json()
    kernel = session["kernel"]["id"]
    assert [k["id"] for k in daemon.get("kernels").json()] == [kernel]
    one, two = front.channels(kernel), front.channels(kernel)
    assert one.text("x = 41; print(x + 1)") == "42\n"
    assert two.text("print(x)") == "41\n"
    msg_id = one.execute("import time\nprint('go', flush=True)\ntime.sleep(100)", stop_on_error=False)
    one.until(lambda m: m["content"].get("text") == "go\n")
    assert front.post(f"kernels/{kernel}/interrupt", {}).status_code == 204
    reply = next(m for m in one.finish(msg_id) if m["msg_type"] == "execute_reply")
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    one.socket.shutdown()
    again = front.channels(kernel, session=one.session)
    assert again.text("print(x)") == "41\n"
    assert front.post(f"kernels/{kernel}/restart", {}).status_code == 200
    assert again.text("print('x' in globals())") == "False\n"
    assert front.delete(f"kernels/{kernel}").status_code == 204
    assert daemon.get("kernels").json() == []
    assert json.loads(json.dumps(front.get("kernels").json())) == []
