"""Mixed operations for a long time, with kmuxd killed, stopped and upgraded meanwhile.

    ./dev soak [hours]     0.05 by default; KMUX_SEED repeats the choices of an earlier run

Each second what must hold is looked at: descriptors, threads, zombies, directories. At the end everything
is deleted and nothing may be left, and kmuxd's memory must not have grown.
"""

import contextlib
import json
import os
import random
import re
import signal
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from kmuxd import QUICK_STOP, Daemon, wait_until  # noqa: E402
from worker import THINGS, Worker, Wrong  # noqa: E402

CONFIG = f"[kernels]\necho = true\nrestart_first_delay = \"10ms\"\nrestart_limit = 1000\n{QUICK_STOP}[journal]\nmax_bytes = \"16MiB\"\n"
MOST_THREADS = 8
DESCRIPTORS = {"kmuxd": 40, "kernel": 16, "client": 4}
#: What happens to kmuxd, and how often beside the others.
STRIKES = {"kill": 3, "terminate": 2, "upgrade": 2, "reload": 2, "nothing": 4}
GROWTH = 16 << 10  #: KiB that kmuxd may hold more at the end than at first


class Invariants:
    """Of one process at a time: a new daemon begins anew."""

    def __init__(self, daemon, workers):
        self.daemon, self.workers, self.resident, self.zombies = daemon, workers, [], {}

    def look(self):
        pid = self.daemon.process.pid
        proc = Path(f"/proc/{pid}")
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            status = (proc / "status").read_text()
            threads = int(re.search(r"Threads:\s+(\d+)", status)[1])
            if threads > MOST_THREADS:
                raise Wrong(f"kmuxd has {threads} threads")
            self.resident.append(int(re.search(r"VmRSS:\s+(\d+)", status)[1]))
            open_ = len(os.listdir(proc / "fd"))
            most = DESCRIPTORS["kmuxd"] + len(self.workers) * (2 * DESCRIPTORS["kernel"] + 4 * DESCRIPTORS["client"])
            if open_ > most:
                raise Wrong(f"kmuxd has {open_} descriptors open, more than {most}")
            self.look_for_zombies(proc)

    def look_for_zombies(self, proc):
        """One that is there for longer than an end takes."""
        now = {}
        for child in (proc / f"task/{proc.name}/children").read_text().split():
            with contextlib.suppress(OSError):
                state = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0]
                if state == "Z":
                    now[child] = self.zombies.get(child, 0) + 1
        self.zombies = now
        if any(seen > 10 for seen in now.values()):
            raise Wrong(f"zombies for 10 s: {now}")


class Chaos:
    """What happens to kmuxd itself. Returns whether it is another process afterwards."""

    def __init__(self, daemon, seed, strikes):
        self.daemon, self.random, self.strikes, self.done = daemon, random.Random(seed), strikes, {}

    def strike(self):
        what = self.random.choices(list(self.strikes), list(self.strikes.values()))[0]
        self.done["kmuxd: " + what] = self.done.get("kmuxd: " + what, 0) + 1
        return getattr(self, what)()

    def kill(self):
        self.daemon.process.kill()
        self.daemon.process.wait()
        self.daemon.start()
        return True

    def terminate(self):
        if self.daemon.stop() != 0:
            raise Wrong("kmuxd did not end as it should")
        self.daemon.start()
        return True

    def upgrade(self):
        if self.daemon.post("upgrade").status_code != 202:
            raise Wrong("no upgrade")
        return True

    def reload(self):
        self.daemon.process.send_signal(signal.SIGHUP)
        return False

    def nothing(self):
        return False


def judge_remains(daemon):
    """All kernels are deleted: nothing is left of them."""
    wait_until(lambda: daemon.get("kernels").json() == [], 60, "the last kernel's end")
    left = [p for place in ("kernels", "state/kernels") for p in os.listdir(daemon.runtime / place)]
    if left:
        raise Wrong(f"directories are left: {left}")
    mark = str(daemon.runtime / "kernels").encode()

    def processes():
        found = []
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark in environment.read_bytes():
                    found.append(environment.parent.name)
        return found
    wait_until(lambda: not processes(), 60, "the last process")
    most = DESCRIPTORS["kmuxd"]
    wait_until(lambda: daemon.descriptors() <= most, 60, f"at most {most} descriptors to be open where nothing is left")


def judge_memory(resident):
    """Of the daemon that ran last, if it ran for long enough to have settled."""
    if len(resident) < 120:
        return None
    quarter = len(resident) // 4
    grown = statistics.median(resident[-quarter:]) - statistics.median(resident[quarter:2 * quarter])
    if grown > GROWTH:
        raise Wrong(f"kmuxd has grown by {grown / 1024:.1f} MiB")
    return grown


class Plan(NamedTuple):
    seconds: float
    seed: int
    things: dict = THINGS  #: of the workers
    strikes: dict = STRIKES
    pause: tuple = (2, 8)  #: seconds between two strikes, at least and at most
    workers: int = 8


def soak(directory, plan):
    """Returns what was done, how often. Raises Wrong with the first thing that is wrong."""
    daemon = Daemon(directory, CONFIG).start()
    try:
        done = soak_it(daemon, plan)
    except BaseException:  # nothing goes on, but its files stay
        daemon.process.kill()
        daemon.process.wait()
        daemon.kill_kernels()
        raise
    daemon.end()
    return done


def soak_it(daemon, plan):
    stop = threading.Event()
    users = [Worker(daemon, plan.seed * 1000 + i, stop, plan.things) for i in range(plan.workers)]
    chaos, watched = Chaos(daemon, plan.seed, plan.strikes), Invariants(daemon, users)
    for each in users:
        each.start()
    try:
        begin = looked = time.monotonic()
        strike_at = begin + plan.pause[1]
        quiet_from = begin + plan.seconds * 0.6  # then one daemon runs to the end, and its memory is judged
        while (now := time.monotonic()) < begin + plan.seconds and not stop.wait(min(1, plan.pause[0])):
            if now >= looked + 1:
                watched.look()
                looked = now
            if strike_at <= now < quiet_from:
                if chaos.strike():
                    watched = Invariants(daemon, users)
                strike_at = time.monotonic() + chaos.random.uniform(*plan.pause)
    finally:
        stop.set()
    for each in users:
        each.join(180)
        if each.is_alive():
            raise Wrong(f"a worker does not end; it has done {each.done}")
        if each.problem:
            raise Wrong(f"kernel {each.kernel}: {each.problem!r}") from each.problem
    judge_remains(daemon)
    grown = judge_memory(watched.resident)
    done = dict(chaos.done)
    for each in users:
        for what, count in each.done.items():
            done[what] = done.get(what, 0) + count
    return {**done, "grown_kib": grown}


def main():
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 0.05
    seed = int(os.environ.get("KMUX_SEED", time.time()))
    print(f"soaking for {hours * 60:.0f} minutes, KMUX_SEED={seed}", flush=True)
    directory = Path(tempfile.mkdtemp(prefix="kmux-soak-"))
    try:
        print(json.dumps(soak(directory, Plan(hours * 3600, seed))))
    except Wrong as problem:
        print(f"WRONG: {problem}\nkmuxd's log and journals are in {directory}")
        return 1
    print("nothing was lost, and nothing is left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
