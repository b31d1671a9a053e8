"""A real Hub with its proxy and two users, Debian's version and today's."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import requests

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))

from kmuxd import PROGRAM, Daemon, wait_until  # noqa: E402
from programs import NODE_MODULES, free_port  # noqa: E402

PYTHONS = {"debian": "/usr/bin/python3", "newest": str(ROOT / ".cache/hub/bin/python")}
ADMIN = "a" * 40


class Server(Daemon):
    """kmuxd behind the Hub answers as it does by itself."""

    def __init__(self, url):
        self.url, self.ws, self.sockets, self.tls = url, url.replace("http", "ws"), [], {}


class Hub:
    def __init__(self, directory, version, example, config="[kernels]\necho = true\n"):
        self.directory, self.version = directory, version
        self.ports = [free_port() for _ in range(4)]
        self.url = f"http://127.0.0.1:{self.ports[0]}/"
        self.log = directory / "hub.log"
        (directory / "kmuxd.toml").write_text(config)
        (directory / "home").mkdir()
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("KMUX_", "JUPYTERHUB_"))}
        self.environment = {
            **keep, "HUBDIR": str(directory), "HUB_PORTS": " ".join(map(str, self.ports)), "HOME": str(directory),
            "HUB_EXAMPLE": str(ROOT / "docs/jupyterhub" / example), "KMUX_PROGRAM": str(PROGRAM),
            "CHP": str(NODE_MODULES / ".bin/configurable-http-proxy"), "JUPYTER_PATH": str(directory / "jupyter"),
        }
        self.process = None
        self.start()

    def start(self):
        # A SIGINT that is ignored here would be in what the Hub starts.
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [PYTHONS[self.version], "-m", "jupyterhub", "-f", str(Path(__file__).parent / "hub_config.py")],
                env=self.environment, cwd=self.directory, stdout=log, stderr=log,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
        wait_until(lambda: self.answers("hub/api"), 60, "the Hub")

    def answers(self, path, **more):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return requests.get(self.url + path, timeout=10, **more).status_code == 200
        except OSError:
            return False

    def api(self, method, path, token=ADMIN, **more):
        return requests.request(method, self.url + "hub/api/" + path, timeout=60,
                                headers={"Authorization": f"token {token}"}, **more)

    def token(self, user, **more):
        made = self.api("POST", f"users/{user}/tokens", json={"note": "test", **more})
        assert made.status_code in (200, 201), made.text
        return made.json()["token"]

    def login(self, user):
        """A browser's session, logged in at the Hub."""
        browser = requests.Session()
        browser.headers["Accept"] = "text/html"
        browser.get(self.url + "hub/login", timeout=30)
        form = {"username": user, "password": "pw", "_xsrf": browser.cookies.get("_xsrf", path="/hub/")
                or browser.cookies.get("_xsrf") or ""}
        done = browser.post(self.url + "hub/login", data=form, timeout=60, allow_redirects=False)
        assert done.status_code == 302, done.text
        return browser

    def add_kernelspec(self, name, argv):
        place = self.directory / "jupyter/kernels" / name
        place.mkdir(parents=True)
        spec = {"argv": argv, "display_name": name, "language": "python"}
        (place / "kernel.json").write_text(json.dumps(spec))

    def service(self):
        server = Server(self.url + "services/kmux/")
        wait_until(lambda: requests.get(server.url + "api", timeout=10).status_code == 200, 60, "kmuxd")
        return server

    def end(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
