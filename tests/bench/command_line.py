"""How quick kmux is, beside ls and true in the same run."""

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from gateways import crowd
from kmuxd import BIN

KERNELS = 200
RUNS = 40


def took(*words):
    """Milliseconds from the start of a program to its end."""
    nothing = os.open(os.devnull, os.O_RDWR)
    begin = time.perf_counter()
    pid = os.posix_spawnp(words[0], list(map(str, words)), os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, nothing, fd) for fd in (1, 2)])
    _, status = os.waitpid(pid, 0)
    end = time.perf_counter()
    os.close(nothing)
    assert status == 0, words
    return (end - begin) * 1000


def alternating(commands):
    runs = {name: [] for name in commands}
    for _ in range(RUNS):
        for name, words in commands.items():
            runs[name].append(took(*words))
    return {name: statistics.median(values) for name, values in runs.items()}


def stripped_size():
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(shutil.copy(BIN / "kmux", directory))
        subprocess.run(["strip", copy], check=True)
        return copy.stat().st_size


def measure(row, note):
    with crowd(KERNELS) as daemon:
        at = [str(BIN / "kmux"), "--runtime-dir", str(daemon.runtime)]
        times = alternating({"true": ["true"], "ls": ["ls", "-l", "/usr/bin"], "version": [at[0], "--version"],
                             "ps": [*at, "ps"], "json": [*at, "ps", "-o", "json"], "describe": [*at, "describe", "@last"]})
        size = stripped_size() / 1e6
        row(f"kmux ps with {KERNELS} kernels, a new process each time", f"{times['ps']:.1f} ms", "< 20 ms", times["ps"] < 20)
        row("kmux starts (--version)", f"{times['version']:.1f} ms", "< 3 ms", times["version"] < 3)
        row("kmux, stripped", f"{size:.2f} MB", "< 3 MB", size < 3)
        note("true; ls -l /usr/bin", f"{times['true']:.1f}; {times['ls']:.1f} ms")
        note("kmux ps -o json; describe @last", f"{times['json']:.1f}; {times['describe']:.1f} ms")
        daemon.process.kill()
        daemon.process.wait()
        down = alternating({"ps": [*at, "ps"]})
        note("kmux ps, from the directories of a killed kmuxd", f"{down['ps']:.1f} ms")
        daemon.start()
