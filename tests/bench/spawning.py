"""How long kernels take to start through kmux-spawn and without, as JSON. Needs root; leaves no user behind."""

import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "users")]
from shared_host import CONFIG, RUNTIME, SharedDaemon, Spawn, prepare_host  # noqa: E402
from kmuxd import wait_until  # noqa: E402

ROUNDS = 31


def first_reply(daemon):
    """Milliseconds from POST to the first kernel_info_reply, and the kernel's id."""
    begin = time.perf_counter()
    kernel = daemon.kernel_of("ann", "echo")
    channels = daemon.channels_of("ann", kernel)
    channels.request("kernel_info_request", {})
    return (time.perf_counter() - begin) * 1e3, kernel


def medians(**daemons):
    runs = {name: [] for name in daemons}
    for _ in range(ROUNDS):
        for name, daemon in daemons.items():
            took, kernel = first_reply(daemon)
            runs[name].append(took)
            daemon.sockets.pop().close()
            daemon.delete(f"kernels/{kernel}")
    return {name: statistics.median(took) for name, took in runs.items()}


def watcher_kib(daemon, spawn):
    """Of the process that waits for a kernel's end."""
    kernel = daemon.kernel_of("ann", "echo")
    parent = wait_until(lambda: int(Path(f"/proc/{daemon.pid(kernel)}/stat").read_text().rsplit(")", 1)[1].split()[1]))
    assert parent != spawn.process.pid
    pss = next(line for line in Path(f"/proc/{parent}/smaps_rollup").read_text().splitlines() if line.startswith("Pss:"))
    daemon.delete(f"kernels/{kernel}")
    return int(pss.split()[1])


def main():
    prepare_host()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o711)
        spawn = Spawn(root / "spawn.log").start()
        alone = "\n".join(line for line in CONFIG.splitlines() if not line.startswith("spawn"))
        for each in ("shared", "alone"):
            (root / each).mkdir()
        shared = SharedDaemon(root / "shared").start()
        place = RUNTIME.parent / "alone"  # in memory, as the other's
        place.mkdir()
        shutil.chown(place, "kmux", "kmux")
        own = SharedDaemon(root / "alone", alone, runtime=place, state=place / "state").start()
        out = medians(**{"as another user": shared, "as kmuxd": own})
        out["watcher, KiB"] = watcher_kib(shared, spawn)
        Path("/etc/pam.d/kmux").write_text("account required pam_permit.so\nsession required pam_limits.so\nsession required pam_env.so\n")
        spawn.configure('pam = "kmux"\n')
        out |= medians(**{"with a PAM session": shared})
        for daemon in (shared, own):
            daemon.end()
        spawn.stop()
    print(json.dumps(out))


main()
