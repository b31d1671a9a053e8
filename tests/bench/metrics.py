"""What /metrics costs: an answer of it, those whose messages are on their way meanwhile, and each message."""

import json
import statistics
import subprocess
import tempfile
import threading
from pathlib import Path

import requests
from gateways import BIN, Gateway, load
from kmuxd import TOKEN, Daemon, wait_until

KERNELS, WATCHED = 1000, 20
CONFIG = "[kernels]\necho = true\n[metrics]\nper_kernel = {}\n"


class Scraper:
    """Asks for /metrics once a second, as long as it is entered."""

    def __init__(self, url):
        self.url, self.times = url, 0

    def _run(self):
        with requests.Session() as http:
            while True:
                answer = http.get(self.url, headers={"Authorization": f"token {TOKEN}"}, timeout=30)
                assert answer.status_code == 200
                self.times += 1
                if self.end.wait(1):
                    return

    def __enter__(self):
        self.end = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        self.thread.join()


def answers(row, daemon, what):
    url = f"{daemon.url}metrics?token={TOKEN}"
    took = statistics.median(load("rest", url, 200)["p50_us"] for _ in range(5)) / 1e3
    size = len(requests.get(url, timeout=30).content) >> 10
    row(f"/metrics with {KERNELS:,} kernels{what}", f"{took:.2f} ms, {size:,} KiB", "< 5 ms", took < 5)


def beside_messages(row, daemon, kmux, kernels):
    targets = [kmux.target(k) for k in kernels[:WATCHED]]
    runs = {"without": [], "with": []}
    scraper = Scraper(daemon.url + "metrics")
    for _ in range(7):
        runs["without"].append(load("paced", 200, 5, *targets)["p99_us"])
        with scraper:
            runs["with"].append(load("paced", 200, 5, *targets)["p99_us"])
    assert scraper.times >= 7 * 5
    without, scraped = (statistics.median(runs[k]) for k in ("without", "with"))
    row(f"{WATCHED} of them, 200 executes/s: p99 with a scrape each second", f"{scraped:.0f} µs = {scraped / without:.2f} × without", "≤ 1.1 ×",
        scraped <= 1.1 * without)


def counting(row):
    said = subprocess.run([BIN / "kmux-metrics-cost", "--benchmark_format=json", "--benchmark_min_time=0.5", "--benchmark_repetitions=5",
                           "--benchmark_report_aggregates_only=true"], check=True, capture_output=True, text=True).stdout
    took = {b["run_name"]: b["cpu_time"] for b in json.loads(said)["benchmarks"] if b["aggregate_name"] == "median"}
    for name, what in (("to_clients/1", "counting a message of a kernel's, to 1 client"), ("to_clients/100", "  to 100 clients"),
                       ("to_kernel", "counting a request of a client's"), ("request", "counting and timing an answer of HTTP")):
        row(what, f"{took[name]:.1f} ns", "≤ 1,000 ns", took[name] <= 1000)


def measure(row, _):
    counting(row)
    with tempfile.TemporaryDirectory(prefix="kmux-bench-") as name:
        daemon = Daemon(Path(name), CONFIG.format("false")).start()
        try:
            kmux = Gateway("kmuxd", daemon.url, daemon.process.pid)
            kernels = [kmux.start("echo") for _ in range(WATCHED)]  # which are let off the gateway's core
            kernels += [daemon.kernel() for _ in range(KERNELS - WATCHED)]
            wait_until(lambda: all(k["execution_state"] == "idle" for k in daemon.get("kernels").json()), 180)
            answers(row, daemon, "")
            beside_messages(row, daemon, kmux, kernels)
            daemon.config.write_text(CONFIG.format("true"))
            assert daemon.post("reload").status_code < 300
            wait_until(lambda: "kmux_kernel_state" in daemon.call("GET", "metrics").text)
            answers(row, daemon, ", each by itself as well")
            for each in kernels:
                kmux.delete(each)
        finally:
            daemon.end()
