"""Measures kmuxd beside its floor (the same kernel over ZeroMQ) and jupyter_server, in one run.

    ./dev bench            everything; prints a table, figure beside goal
    ./dev bench rtt flood  those parts

Machines are noisy: runs alternate, medians are compared, and what counts is the ratio in one run.
"""

import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))
BIN = ROOT / "build/release/bin"
os.environ.setdefault("TESTED_BIN", str(BIN))
from kmuxd import TOKEN, Daemon, wait_until  # noqa: E402

ROWS = []


def row(what, figure, goal, met):
    ROWS.append((what, figure, goal, met))
    print(f"{'ok  ' if met else 'MISS'} {what:<58} {figure:<34} goal {goal}", flush=True)


def note(what, figure):
    ROWS.append((what, figure, "", None))
    print(f"     {what:<58} {figure}", flush=True)


def load(*words):
    done = subprocess.run([BIN / "kmux-load", *map(str, words)], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss_kib(pid):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])


def median(values):
    return statistics.median(values)


class Gateway:
    """Any server of Jupyter's API: its kernels, as targets for kmux-load."""

    def __init__(self, url, pid, token=TOKEN):
        self.url, self.pid, self.token = url, pid, token
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"token {token}"

    def start(self, name):
        return self.http.post(self.url + "api/kernels", json={"name": name}, timeout=60).json()["id"]

    def delete(self, kernel):
        self.http.delete(self.url + f"api/kernels/{kernel}", timeout=60)

    def target(self, kernel):
        return f"{self.url.replace('http', 'ws')}api/kernels/{kernel}/channels?token={self.token}&session_id=bench"


def bench_rtt(kmux, daemon, peer, kernelspec):
    kernel = kmux.start("echo")
    relayed = kmux.start(kernelspec)
    connection = daemon.runtime / "kernels"
    wait_until(lambda: all(daemon.model(k)["execution_state"] == "idle" for k in (kernel, relayed)))
    runs = {"direct": [], "kmuxd": [], "relay direct": [], "relay": []}
    for _ in range(5):
        runs["direct"].append(load("rtt", connection / kernel / "connection.json", 2000))
        runs["kmuxd"].append(load("rtt", kmux.target(kernel), 2000))
        runs["relay direct"].append(load("rtt", connection / relayed / "kernel.json", 2000))
        runs["relay"].append(load("rtt", kmux.target(relayed), 2000))
    p50 = {k: median(r["p50_us"] for r in v) for k, v in runs.items()}
    p99 = {k: median(r["p99_us"] for r in v) for k, v in runs.items()}
    for name, q, goal in (("p50", p50, 1.3), ("p99", p99, 1.5)):
        ratio = q["kmuxd"] / q["direct"]
        row(f"execute round trip through kmuxd, {name}", f"{q['kmuxd']:.0f} µs = {ratio:.2f} × direct", f"≤ {goal} ×", ratio <= goal)
    ratio = p50["relay"] / p50["relay direct"]
    row("the same behind a relay (echo as the kernel), p50", f"{p50['relay']:.0f} µs = {ratio:.2f} × direct", "≤ 1.8 ×", ratio <= 1.8)
    if peer:
        other = peer.start(kernelspec)
        took = load("rtt", peer.target(other), 200)
        note("jupyter_server, the same kernel, p50", f"{took['p50_us']:.0f} µs")
        peer.delete(other)
    for each in (kernel, relayed):
        kmux.delete(each)


def bench_flood(kmux, daemon, peer, kernelspec):
    kernel = kmux.start("echo")
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "idle")
    count = 100_000
    direct, through, four, cost, cost_four, lost = [], [], [], [], [], 0
    for _ in range(5):
        direct.append(load("flood", daemon.runtime / "kernels" / kernel / "connection.json", count, 100, 1)["deliveries_per_s"])
        for clients, rates, costs in ((1, through, cost), (4, four, cost_four)):
            before = cpu_seconds(kmux.pid)
            done = load("flood", kmux.target(kernel), count, 100, clients)
            costs.append((cpu_seconds(kmux.pid) - before) / count * 1e6)
            rates.append(done["deliveries_per_s"])
            lost += done["lost"]
    rate, ratio = median(through), median(through) / median(direct)
    row("iopub flood, 100,000 × 100 bytes, 1 client", f"{rate:,.0f}/s = {ratio:.2f} × direct, {lost} lost", "≥ 100,000/s or 0.6 ×, 0 lost", (rate >= 1e5 or ratio >= 0.6) and lost == 0)
    row("  the daemon's CPU a message", f"{median(cost):.1f} µs", "≤ 10 µs", median(cost) <= 10)
    row("the same to 4 clients", f"{median(four):,.0f} deliveries/s", "≥ 150,000/s", median(four) >= 150_000)
    more = median(cost_four) / median(cost)
    row("  its CPU beside one client's", f"{more:.2f} ×", "≤ 1.6 ×", more <= 1.6)
    kmux.delete(kernel)
    if peer:
        other = peer.start(kernelspec)
        try:
            note("jupyter_server, 20,000 messages to 1 client", "{deliveries_per_s:,.0f}/s, {lost} lost".format(**load("flood", peer.target(other), 20_000, 100, 1)))
        except (RuntimeError, subprocess.TimeoutExpired) as problem:
            note("jupyter_server, 20,000 messages to 1 client", f"did not finish: {problem}"[:60])
        peer.delete(other)


def bench_big(kmux, daemon, *_):
    kernel = kmux.start("echo")
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "idle")
    direct = median(load("big", daemon.runtime / "kernels" / kernel / "connection.json", 100)["seconds"] for _ in range(3))
    through = median(load("big", kmux.target(kernel), 100)["seconds"] for _ in range(3))
    note("100 MB display_data, direct", f"{100 / direct:.0f} MB/s end to end")
    row("100 MB display_data through kmuxd", f"{100 / through:.0f} MB/s end to end", "≥ 500 MB/s", 100 / through >= 500)
    kmux.delete(kernel)


def bench_rest(kmux, daemon, *_):
    def timed(method, path, **more):
        begin = time.perf_counter()
        answer = kmux.http.request(method, kmux.url + path, timeout=60, **more)
        return (time.perf_counter() - begin) * 1e3, answer

    posts, replies, deletes = [], [], []
    for _ in range(10):
        took, answer = timed("POST", "api/kernels", json={"name": "echo"})
        posts.append(took)
        kernel = answer.json()["id"]
        begin = time.perf_counter()
        channels = daemon.channels(kernel)
        channels.request("kernel_info_request", {})
        replies.append(took + (time.perf_counter() - begin) * 1e3)
        channels.close()
        deletes.append(timed("DELETE", f"api/kernels/{kernel}")[0])
    row("POST → 201", f"{median(posts):.1f} ms", "< 5 ms", median(posts) < 5)
    row("POST → first reply on echo", f"{median(replies):.1f} ms", "< 20 ms", median(replies) < 20)
    row("DELETE → 204", f"{median(deletes):.1f} ms", "< 10 ms", median(deletes) < 10)
    kernels = [kmux.start("echo") for _ in range(10)]
    wait_until(lambda: all(k["execution_state"] == "idle" for k in daemon.get("kernels").json()))
    times = [timed("GET", "api/kernels")[0] for _ in range(300)]
    row("REST list of 10 kernels, p50 idle", f"{median(times):.2f} ms (Python client)", "≤ 0.3 ms", median(times) <= 0.3)
    connects = []
    for _ in range(20):
        begin = time.perf_counter()
        channels = daemon.channels(kernels[0])
        channels.request("kernel_info_request", {})
        connects.append((time.perf_counter() - begin) * 1e3)
        channels.close()
    row("WebSocket connect → kernel_info_reply", f"{median(connects):.2f} ms (Python client)", "< 1 ms", median(connects) < 1)
    for each in kernels:
        kmux.delete(each)


def bench_memory(kmux, daemon, *_):
    idle = pss_kib(kmux.pid)
    row("daemon idle, PSS", f"{idle / 1024:.1f} MiB", "< 8 MiB", idle < 8192)
    begin = time.perf_counter()
    kernels = [kmux.start("echo") for _ in range(200)]
    wait_until(lambda: all(k["execution_state"] == "idle" for k in daemon.get("kernels").json()), 60)
    note("200 echo kernels started and answering", f"{time.perf_counter() - begin:.1f} s")
    each = (pss_kib(kmux.pid) - idle) / len(kernels)
    row("each further kernel in the daemon", f"{each:.0f} KiB", "≤ 100 KiB", each <= 100)
    child = median(pss_kib(k["kmux"]["pid"]) for k in daemon.get("kernels").json()) / 1024
    row("its echo child, PSS", f"{child:.2f} MiB", "≤ 1.5 MiB", child <= 1.5)
    before, began = cpu_seconds(kmux.pid), time.perf_counter()
    wait_until(lambda: time.perf_counter() - began > 20, 30)
    share = (cpu_seconds(kmux.pid) - before) / (time.perf_counter() - began) * 100
    row("daemon idle with 200 kernels", f"{share:.2f} % of a core", "< 0.1 %", share < 0.1)
    held = pss_kib(kmux.pid)
    clients = [daemon.channels(kernels[i % len(kernels)]) for i in range(1000)]
    each = (pss_kib(kmux.pid) - held) / len(clients)
    row("each idle WebSocket client", f"{each:.1f} KiB", "≤ 20 KiB", each <= 20)
    for client in clients:
        client.socket.shutdown()
    for kernel in kernels:
        kmux.delete(kernel)


PARTS = {"memory": bench_memory, "rest": bench_rest, "rtt": bench_rtt, "flood": bench_flood, "big": bench_big}


def start_peer(directory, environment):
    """jupyter_server in front of the same kernelspec; None where it does not come up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", f"--ServerApp.port={port}",
         "--ServerApp.ip=127.0.0.1",
         f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={directory}"],
        env={**environment, "JUPYTER_RUNTIME_DIR": str(directory / "jr")}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listening():
        for file in (directory / "jr").glob("jpserver-*.json"):
            return json.loads(file.read_text())["url"]

    return process, Gateway(wait_until(listening), process.pid)


def write_table():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    lines = [f"Machine: {os.cpu_count()} cores, {model}, Linux {platform.release()}.", "",
             "| what | measured | goal | |", "|---|---|---|---|"]
    lines += [f"| {what.strip()} | {figure} | {goal} | {'' if met is None else 'met' if met else 'missed'} |" for what, figure, goal, met in ROWS]
    (ROOT / "build/benchmarks.md").write_text("\n".join(lines) + "\n")
    print("\nThe table is in build/benchmarks.md.")


def main():
    wanted = sys.argv[1:] or list(PARTS)
    with tempfile.TemporaryDirectory() as name:
        daemon = Daemon(Path(name), "[kernels]\necho = true\n")
        daemon.add_kernelspec("ordinary", [str(BIN / "kmux-child"), "echo", "-f", "{connection_file}"])
        daemon.start()
        peer_process, peer = start_peer(Path(name), daemon.environment)
        try:
            kmux = Gateway(daemon.url, daemon.process.pid)
            for part in wanted:
                PARTS[part](kmux, daemon, peer, "ordinary")
        finally:
            peer_process.terminate()
            peer_process.wait()
            daemon.end()
    write_table()


main()
