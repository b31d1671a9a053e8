"""A real Hub with its proxy and two users, Debian's version and today's."""

import contextlib
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
    """kmuxd behind the Hub answers as it does by itself; what it logs is in the Hub's log."""

    def __init__(self, hub, path, runtime, flags=()):
        self.url = hub.url + path
        self.ws, self.sockets, self.tls, self.flags = self.url.replace("http", "ws"), [], {}, flags
        self.runtime, self.log = hub.directory / runtime, hub.log
        hub.servers.append(self)

    def written(self, log):
        """The Hub says itself whose cookies have which _xsrf."""
        return "\n".join(line for line in super().written(log).splitlines() if line.startswith(("time=", "kmuxd")) or log != self.log)

    def hide_api_token(self):
        with contextlib.suppress(OSError, ValueError):  # it has ended
            pid = json.loads((self.runtime / "listen.json").read_text())["pid"]
            environment = Path(f"/proc/{pid}/environ").read_text().split("\0")
            self.hide(*(each.partition("=")[2] for each in environment if each.startswith("JUPYTERHUB_API_TOKEN=")))


class Hub:
    def __init__(self, directory, version, example, config="[kernels]\necho = true\n[hub]\ntimeout = \"15s\"\n"):
        self.directory, self.version = directory, version
        self.ports = [free_port() for _ in range(4)]
        self.url = f"http://127.0.0.1:{self.ports[0]}/"
        self.log = directory / "hub.log"
        self.servers, self.browsers, self.tokens = [], [], [ADMIN]
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
        wait_until(lambda: self.answers("hub/api"), 120, "the Hub")

    def answers(self, path, **more):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return requests.get(self.url + path, timeout=60, **more).status_code == 200
        except OSError:
            return False

    def api(self, method, path, token=ADMIN, **more):
        return requests.request(method, self.url + "hub/api/" + path, timeout=60,
                                headers={"Authorization": f"token {token}"}, **more)

    def token(self, user, **more):
        made = self.api("POST", f"users/{user}/tokens", json={"note": "test", **more})
        assert made.status_code in (200, 201), made.text
        self.tokens.append(made.json()["token"])
        return self.tokens[-1]

    def login(self, user):
        """A browser's session, logged in at the Hub."""
        browser = requests.Session()
        self.browsers.append(browser)
        browser.headers["Accept"] = "text/html"
        browser.get(self.url + "hub/login", timeout=60)
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
        server = Server(self, "services/kmux/", "run", ["--state-dir", self.directory / "state"])
        wait_until(lambda: self.answers("services/kmux/api"), 120, "kmuxd")
        return server

    def end(self):
        if self.process is None or self.process.poll() is not None:
            return
        for each in self.servers:
            each.hide_keys()
            each.hide_api_token()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(100)
        for each in self.servers:
            each.hide(*self.tokens, *(cookie.value for browser in self.browsers for cookie in browser.cookies))
            each.check_logs()
