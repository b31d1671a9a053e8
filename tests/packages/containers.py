"""Containers of the image that ./dev test has built, by podman and runc."""

import contextlib
import json
import os
import subprocess
import uuid
from pathlib import Path

import requests
from kmuxd import TOKEN, Daemon, wait_until

STORAGE = Path(__file__).parents[2] / "build/containers"
IMAGE = "localhost/kmux"
SUDO = [] if os.geteuid() == 0 else ["sudo", "-n"]
IN_STORAGE = [*SUDO, "env", f"CONTAINERS_STORAGE_CONF={STORAGE}/storage.conf"]
PODMAN = [*IN_STORAGE, "podman", "--runtime", "runc", "--cgroup-manager=cgroupfs", "--events-backend=file"]
POLICY = f"--signature-policy={STORAGE}/policy.json"
#: As locked up as the documentation has it. podman would raise limits that it may not raise everywhere.
STRICT = ["--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges",
          "--ulimit=nofile=4096:4096", "--ulimit=nproc=20000:20000", "--no-healthcheck"]


def podman(*words, check=True):
    ran = subprocess.run([*PODMAN, *map(str, words)], capture_output=True, text=True)
    assert not check or ran.returncode == 0, ran.stderr
    return ran.stdout


def buildah(command, *words):
    ran = subprocess.run([*IN_STORAGE, "buildah", command, *map(str, words)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.strip()


def build(directory, tag):
    """An image of what a Dockerfile installs, through whatever stands between this machine and the network."""
    certificates = "/etc/this-machines-certificates.crt"
    registries = {name: os.environ[name] for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "NPM_CONFIG_REGISTRY") if name in os.environ}
    base = buildah("from", "--pull=never", POLICY, "localhost/base")
    buildah("copy", "--quiet", base, "/etc/ssl/certs/ca-certificates.crt", certificates)
    for name, value in {"PIP_CERT": certificates, "NODE_EXTRA_CA_CERTS": certificates, **registries}.items():
        buildah("config", f"--env={name}={value}", base)
    buildah("commit", "--quiet", POLICY, "--rm", base, "localhost/base-here")
    buildah("build", "--isolation=chroot", "--format=docker", "--network=host", POLICY, "--build-arg=BASE=localhost/base-here",
            f"--tag={tag}", directory)


class Container(Daemon):
    """A running kmuxd in one. It answers as it does by itself."""

    def __init__(self, *flags, host_network=True):
        self.sockets, self.tls, self.within_reach = [], {}, host_network
        self.name = f"kmux-test-{uuid.uuid4().hex[:8]}"
        network = ["--network=host", "--env=KMUX_SERVER_LISTEN=127.0.0.1:0"] if host_network else ["--network=none"]
        podman("run", "--detach", "--name", self.name, *STRICT, *network, f"--env=KMUX_AUTH_TOKEN={TOKEN}", *flags, IMAGE)
        self.wait_for_url()

    def wait_for_url(self):
        self.url = wait_until(self._url, 120, "listen.json")
        self.ws = self.url.replace("http", "ws")

    def _url(self):
        assert self.state("Running") == "true", self.said()
        with contextlib.suppress(ValueError, OSError):
            urls = json.loads(self.exec("cat", "/tmp/kmux/listen.json", check=False))["urls"]
            url = next(url for url in urls if url.startswith("http://"))
            # One that was killed has left its own, which nobody listens at any more.
            return url if not self.within_reach or requests.get(url + "api", timeout=60).ok else None

    def state(self, name):
        return podman("inspect", "--format", "{{.State.%s}}" % name, self.name).strip()

    def said(self):
        ran = subprocess.run([*PODMAN, "logs", self.name], capture_output=True, text=True)
        return ran.stdout + ran.stderr

    def hide_keys(self, kernel="*"):
        """Its runtime directory is its own."""

    def exec(self, *words, check=True):
        return podman("exec", self.name, *words, check=check)

    def end(self):
        podman("rm", "--force", "--time=0", self.name)
