"""What happens in shared.sh's guest, seen by clients; prints "NAME: VALUE" lines."""

import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, "/opt/kmux/tests")
import requests  # noqa: E402
from history import Load  # noqa: E402
from kmuxd import Daemon, has_ended, wait_until  # noqa: E402

USERS = ("ann", "bob", "eve")


class Service(Daemon):
    """The kmuxd that systemd runs."""

    def __init__(self):
        self.url, self.ws, self.sockets, self.tls = "http://127.0.0.1:8888/", "ws://127.0.0.1:8888/", [], {}
        self.runtime, self.owner = Path("/run/kmux"), iter(USERS * 10)

    def kernel(self, name="echo", **more):
        return super().kernel(name, token=f"the-token-of-{next(self.owner)}", **more)


def run(*words, **more):
    return subprocess.run(words, check=True, capture_output=True, text=True, **more).stdout.strip()


def show(unit, what):
    return run("systemctl", "show", "-P", what, unit)


def say(name, value):
    print(f"{name}: {value}\nat {time.monotonic():.0f} {name}", flush=True)


def scopes():
    return run("systemctl", "list-units", "--no-legend", "--plain", "--state=running", "kmux-*.scope").splitlines()


daemon = Service()
# The first request starts kmuxd, and waits; the first kernel starts kmux-spawn.
say("before", f"{show('kmuxd', 'ActiveState')} {show('kmux-spawn', 'ActiveState')}")
say("first request", requests.get(daemon.url + "api", timeout=60).status_code)
kernels = [daemon.kernel() for _ in USERS]
say("after", f"{show('kmuxd', 'ActiveState')} {show('kmux-spawn', 'ActiveState')}")
pids = [daemon.model(kernel)["kmux"]["pid"] for kernel in kernels]
say("owners", " ".join(Path(f"/proc/{pid}").owner() for pid in pids))
for kernel in kernels:
    assert daemon.channels(kernel).text("echo hello") == "hello\n"
groups = [Path(f"/proc/{pid}/cgroup").read_text().strip().removeprefix("0::") for pid in pids]
say("cgroups", all(g == f"/kmux.slice/kmux-kernels.slice/kmux-{k}-{p}.scope" for g, k, p in zip(groups, kernels, pids)))
limits = Path("/sys/fs/cgroup" + groups[0])
say("limits", f"{(limits / 'memory.max').read_text().strip()} {(limits / 'pids.max').read_text().strip()}")
status = Path(f"/proc/{show('kmuxd', 'MainPID')}/status").read_text()
say("kmuxd", f"{Path('/proc/' + show('kmuxd', 'MainPID')).owner()} {status.split('CapBnd:')[1].split()[0]}")
# What is in the journal comes there in its own time.
say("journal", wait_until(lambda: sum(kernels[0] in line for line in run("journalctl", f"KMUX_KERNEL={kernels[0]}", "-o", "cat").splitlines()) > 2))
say("journal of another", kernels[1] in run("journalctl", f"KMUX_KERNEL={kernels[0]}", "-o", "cat"))

# Restarts of both under load: nothing is lost.
load = Load(daemon, kernels=2, lines=300, per_second=60)
waits = []
for unit in ("kmuxd", "kmux-spawn", "kmuxd"):
    begun = time.monotonic()
    run("systemctl", "restart", unit)
    wait_until(lambda: requests.get(daemon.url + "api", timeout=60).status_code == 200)
    waits.append(time.monotonic() - begun)
load.finish(60)
say("restarts", "nothing lost")
print(f"restart took {[f'{w:.2f}' for w in waits]} s", file=sys.stderr)
run("systemctl", "kill", "-s", "KILL", "kmuxd", "kmux-spawn")
wait_until(lambda: show("kmuxd", "ActiveState") == "active", 60)
wait_until(lambda: [daemon.model(kernel).get("execution_state") for kernel in kernels] == ["idle"] * 3, 60)
say("killed", [daemon.model(kernel)["kmux"]["pid"] for kernel in kernels] == pids)
daemon.sockets.clear()
assert daemon.post(f"kernels/{kernels[0]}/restart").status_code == 200
say("restart of a kernel", Path(f"/proc/{daemon.model(kernels[0])['kmux']['pid']}").owner())

Path("/etc/kmux/kmuxd.toml").write_text(Path("/etc/kmux/kmuxd.toml").read_text().replace("echo = true", "echo = false"))
run("systemctl", "reload", "kmuxd")
wait_until(lambda: daemon.post("kernels", {"name": "echo"}).status_code == 404, what="the reload")
Path("/etc/kmux/kmuxd.toml").write_text(Path("/etc/kmux/kmuxd.toml").read_text().replace("echo = false", "echo = true"))
run("systemctl", "reload", "kmuxd")
wait_until(lambda: "echo" in daemon.get("kernelspecs").json()["kernelspecs"])

# A fork bomb has its kernel's 50 processes, and nobody else notices.
bomb = daemon.kernel()
pid = daemon.model(bomb)["kmux"]["pid"]
group = Path("/sys/fs/cgroup" + Path(f"/proc/{pid}/cgroup").read_text().strip()[3:])
owner = Path(f"/proc/{pid}").owner()
subprocess.Popen(["sh", "-c", f"echo $$ > {group}/cgroup.procs; exec setpriv --reuid={owner} --clear-groups sh -c 'f() {{ f | f & f; }}; f'"],
                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
wait_until(lambda: "max 0" not in (group / "pids.events").read_text(), 60, "a fork that fails")
say("fork bomb", int((group / "pids.current").read_text()) <= 50)
say("others of the bomb", [daemon.channels(kernel).text("echo here") for kernel in kernels] == ["here\n"] * 3)
assert daemon.delete(f"kernels/{bomb}").status_code == 204
wait_until(lambda: not group.exists(), 60, "an end of all of them")

# A kmuxd that does nothing any more is started again, and finds its kernels.
pids = [daemon.model(kernel)["kmux"]["pid"] for kernel in kernels]
restarts = int(show("kmuxd", "NRestarts"))
run("systemctl", "kill", "-s", "STOP", "kmuxd")
wait_until(lambda: int(show("kmuxd", "NRestarts")) > restarts, 120, "the watchdog")
wait_until(lambda: show("kmuxd", "ActiveState") == "active", 60)
wait_until(lambda: [daemon.model(kernel).get("execution_state") for kernel in kernels] == ["idle"] * 3, 60)
say("watchdog", [daemon.model(kernel)["kmux"]["pid"] for kernel in kernels] == pids)

# One that is over its memory takes nothing else with it.
hog = daemon.kernel()
pid = daemon.model(hog)["kmux"]["pid"]
subprocess.Popen(["sh", "-c", f"echo $$ > /sys/fs/cgroup{Path(f'/proc/{pid}/cgroup').read_text().strip()[3:]}/cgroup.procs; exec tail /dev/zero"])
wait_until(lambda: has_ended(pid), 60, "its end")
model = wait_until(lambda: (m := daemon.model(hog)).get("kmux", {}).get("exit") and m, 60)
say("hog", model["kmux"]["exit"]["cause"])
say("others", all(daemon.model(kernel)["execution_state"] == "idle" for kernel in kernels))
daemon.delete(f"kernels/{hog}")

# What a kernel leaves behind as somebody else goes with its scope.
pids = [daemon.model(kernel)["kmux"]["pid"] for kernel in kernels]
left = subprocess.Popen(["sh", "-c", f"echo $$ > /sys/fs/cgroup{Path(f'/proc/{pids[0]}/cgroup').read_text().strip()[3:]}/cgroup.procs; exec sleep 600"])
wait_until(lambda: ".scope" in Path(f"/proc/{left.pid}/cgroup").read_text(), what="its place in the scope")
daemon.delete(f"kernels/{kernels[0]}")
say("left", left.wait(timeout=60))

run("systemctl", "stop", "kmuxd.socket", "kmuxd", "kmux-spawn")
say("stopped", sum(not has_ended(pid) for pid in pids[1:]))
run("systemctl", "start", "kmuxd.socket", "kmuxd")
# Who is found again is taken for busy until it has answered.
say("started", wait_until(lambda: sum(daemon.model(kernel)["execution_state"] == "idle" for kernel in kernels[1:]) == 2 and 2))
run("systemctl", "stop", "kmux-kernels.slice")
# kmuxd may have started the kernels again meanwhile, in scopes of their own.
left = [each for each in scopes() if any(f"-{pid}.scope" in each for pid in pids[1:])]
say("slice stopped", f"{sum(not has_ended(pid) for pid in pids[1:])} kernels, {len(left)} scopes, {show('kmuxd', 'ActiveState')}")
kernel = daemon.kernel()
run("/opt/kmux/kmux", "drain", "0")
wait_until(lambda: daemon.get("kernels").json() == [], 60, "the drain")
wait_until(lambda: scopes() == [], 60)
say("drained", len(list(Path("/run/kmux/kernels").iterdir())))

# The host shuts down with kernels at work, one of which does not want to end: see shutdown.service.
run("/opt/kmux/kmux", "undrain")
busy, stubborn = daemon.kernel(), daemon.kernel()
assert daemon.channels(busy).text("echo before the end") == "before the end\n"
daemon.channels(busy).execute("count 1000000 1")
pid = daemon.model(stubborn)["kmux"]["pid"]
group = Path("/sys/fs/cgroup" + Path(f"/proc/{pid}/cgroup").read_text().strip()[3:])
subprocess.Popen(["sh", "-c", f"echo $$ > {group}/cgroup.procs; trap '' TERM; while :; do sleep 1; done"])
Path("/run/shutdown.env").write_text(f"BUSY={busy}\nBEGUN={time.monotonic():.0f}\n")
