"""What it costs that nothing is lost, and whether it is so: `./dev bench journal lost`."""

import contextlib
import json
import os
import re
import socket
import statistics
import tempfile
import threading
import time
from pathlib import Path

from gateways import CORES, Gateway, cpu_seconds, load, pin
from history import Reader, cell_of
from kmuxd import TOKEN, V1, Daemon, has_ended, wait_until

median = statistics.median


@contextlib.contextmanager
def running(config=""):
    with tempfile.TemporaryDirectory() as name:
        daemon = Daemon(Path(name), "[kernels]\necho = true\n" + config).start()
        try:
            yield daemon
        finally:
            daemon.end()


def idle(daemon, seconds=60):
    wait_until(lambda: all(k["execution_state"] == "idle" for k in daemon.get("kernels").json()), seconds)


def resident_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def cost(row, note):
    """The same flood with and without a journal, alternating."""
    count = 100_000
    rates, child_cpu = {True: [], False: []}, {True: [], False: []}
    with running() as kept, running('[journal]\nmax_bytes = "0"\n[limits]\nclient_queue_bytes = "64MiB"\n') as bare:
        sides = []
        for daemon, journal in ((kept, True), (bare, False)):
            gateway = Gateway("kmuxd", daemon.url, daemon.process.pid)
            kernel = gateway.start("echo")
            idle(daemon)
            sides.append((daemon, gateway, kernel, daemon.model(kernel)["kmux"]["pid"], journal))
        for _ in range(15):
            for daemon, gateway, kernel, pid, journal in sides:
                before = cpu_seconds(pid)
                rates[journal].append(load("flood", gateway.target(kernel), count, 100, 1)["deliveries_per_s"])
                child_cpu[journal].append((cpu_seconds(pid) - before) / count * 1e6)
        ratio = median(rates[True]) / median(rates[False])
        row("flood through kmuxd, with a journal", f"{median(rates[True]):,.0f}/s = {ratio:.2f} × without", "≥ 0.85 ×", ratio >= 0.85)
        each = median(child_cpu[True]) - median(child_cpu[False])
        row("  what a message costs the kernel", f"{each:.2f} µs", "≤ 3 µs", each <= 3)
        replay(kept, sides[0][2], row, note)


def read_for(daemon, kernel, wanted=None):
    """(bytes, seconds) of a client that takes everything above 0 as fast as bytes can be taken."""
    host, port = daemon.url.split("//")[1].rstrip("/").split(":")
    with socket.create_connection((host, int(port))) as wire:
        wire.sendall((f"GET /api/kernels/{kernel}/channels?resume=0 HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: token {TOKEN}\r\n"
                      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                      f"Sec-WebSocket-Protocol: {V1}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
        wire.settimeout(1.0)
        got, begin, last = 0, time.perf_counter(), 0.0
        buffer = bytearray(1 << 20)
        while wanted is None or got < wanted:
            try:
                n = wire.recv_into(buffer)
            except TimeoutError:
                break
            if n == 0:
                break
            got += n
            last = time.perf_counter()
        return got, last - begin


def replay(daemon, kernel, row, note):
    """From the journal into a socket; what the same bytes take through a socket of this machine is the floor."""
    messages = daemon.model(kernel)["kmux"]["seq"] - json.loads(
        daemon.get(f"kernels/{kernel}/messages?limit=1").text.splitlines()[0])["seq"] + 1
    size, _ = read_for(daemon, kernel)
    took = median(read_for(daemon, kernel, size * 0.99)[1] for _ in range(5))
    rate = messages / took
    row("replay from the journal into a socket", f"{rate:,.0f} messages/s, {size / took / 1e6:.0f} MB/s", "≥ 200,000/s", rate >= 200_000)
    note("  a socket alone, the same bytes", f"{size / socket_seconds(size) / 1e6:.0f} MB/s")


def socket_seconds(size):
    server = socket.create_server(("127.0.0.1", 0))
    block = bytes(1 << 18)

    def send():
        with server.accept()[0] as out:
            for _ in range(size // len(block)):
                out.sendall(block)

    sender = threading.Thread(target=send)
    sender.start()
    with socket.create_connection(server.getsockname()) as wire:
        begin, buffer = time.perf_counter(), bytearray(1 << 20)
        while wire.recv_into(buffer):
            pass
        took = time.perf_counter() - begin
    sender.join()
    return took


def back_again(row, note):
    """kill -9 with 200 kernels; from the next daemon's exec to all of them answering."""
    with running() as daemon:
        for _ in range(200):
            daemon.kernel()
        idle(daemon)
        took = []
        for _ in range(3):
            daemon.process.kill()
            daemon.process.wait()
            begin = time.perf_counter()
            daemon.start()
            idle(daemon)
            took.append(time.perf_counter() - begin)
            assert len(daemon.get("kernels").json()) == 200
        row("kmuxd killed with 200 kernels: exec → all answering", f"{median(took):.2f} s", "< 1 s", median(took) < 1)


def slow_client(row, note):
    """1 GiB is printed, and one client takes nothing of it until the end."""
    with running('[journal]\nmax_bytes = "3GiB"\n') as daemon:
        pin(daemon.process.pid, CORES)
        gateway = Gateway("kmuxd", daemon.url, daemon.process.pid)
        noisy, quiet = gateway.start("echo"), gateway.start("echo")
        idle(daemon)
        beside = daemon.runtime / "kernels" / quiet / "connection.json"

        def p99(count):
            return [load("rtt", where, count)["p99_us"] for where in (gateway.target(quiet), beside)]

        calm, calm_beside = (median(each) for each in zip(*(p99(2000) for _ in range(3))))
        slow = daemon.channels(noisy, protocol=V1, timeout=120, resume="now")
        before = resident_kib(daemon.process.pid)
        count, size = 1 << 20, 1024
        slow.execute(f"flood {count} {size}")
        busy, most = [], before
        wait_until(lambda: daemon.model(noisy)["execution_state"] == "busy")
        while daemon.model(noisy)["execution_state"] == "busy":
            busy.append(p99(500))
            most = max(most, resident_kib(daemon.process.pid))
        grown = (most - before) / 1024
        row("1 GiB printed, a client that takes nothing: kmuxd grows", f"{grown:.1f} MiB", "≤ 8 MiB", grown <= 8)
        through, floor = (median(each) for each in zip(*busy))
        # The machine is full: what the same kernel's ZeroMQ sockets give, without kmuxd, is the floor.
        met = through / calm < 2 * max(1, floor / calm_beside)
        row("  other clients' p99 meanwhile", f"{through:.0f} µs = {through / calm:.1f} × quiet", f"< 2 × of {floor / calm_beside:.1f} × (floor)", met)
        got, begin = 0, time.perf_counter()
        while (message := slow.receive())["content"].get("execution_state") != "idle":
            got += len(message["content"].get("text", ""))
        took = time.perf_counter() - begin
        row("  and later it gets", f"{got / 2**30:.2f} GiB, in {took:.0f} s", "1 GiB", got == count * size)


def kills(row, note):
    """100 kills under 10 kernels, each saying 500 messages a second to two clients."""
    lines, kernels = 20_000, 10
    with running() as daemon:
        pin(daemon.process.pid, CORES)
        names = [daemon.kernel() for _ in range(kernels)]
        readers = [Reader(daemon, name, lines, counts) for name in names for counts in (False, True)]
        for each in readers:
            each.start()
        for each in readers:
            each.ready.wait(60)
        for name in names:
            channels = daemon.channels(name)
            channels.execute(cell_of(lines, 500))
            channels.close()
        done = 0
        begin = time.monotonic()
        while done < 100 and not all(each.ended.is_set() for each in readers):
            pause = time.monotonic() + 0.3
            wait_until(lambda: time.monotonic() > pause)
            daemon.process.kill()
            daemon.process.wait()
            daemon.start()
            done += 1
        for each in readers:
            each.ended.wait(240)
            each.stop()
        problems = [p for each in readers for p in each.judge()]
        alive = len([k for k in daemon.get("kernels").json() if k["kmux"]["pid"]])
        row(f"{done} kills of kmuxd in {time.monotonic() - begin:.0f} s under load",
            f"{kernels - alive} kernels lost, {len(problems)} of {len(readers)} clients with a fault", "0, 0", alive == kernels and not problems)
        for each in problems[:3]:
            note("  fault", each)


def starts_and_deletes(row, note):
    """10,000 kernels come and go; what is left of them."""
    with running() as daemon:
        pin(daemon.process.pid, CORES)
        before = daemon.descriptors()
        pids = []
        lock = threading.Lock()

        def come_and_go(count):
            gateway = Gateway("kmuxd", daemon.url, daemon.process.pid)
            pin(daemon.process.pid, CORES)
            for _ in range(count):
                model = gateway.http.post(gateway.url + "api/kernels", json={"name": "echo"}, timeout=60).json()
                with lock:
                    pids.append(model["kmux"]["pid"])
                gateway.http.delete(gateway.url + "api/kernels/" + model["id"], timeout=60)

        begin = time.perf_counter()
        threads = [threading.Thread(target=come_and_go, args=(1250,)) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        took = time.perf_counter() - begin
        files = sum(len(os.listdir(daemon.runtime / p)) for p in ("kernels", "state/kernels"))
        left = sum(not has_ended(pid) for pid in pids)
        wait_until(lambda: daemon.descriptors() <= before + 8, what="descriptors")
        row(f"10,000 starts and deletes ({took:.0f} s)", f"{left} processes, {files} directories, {max(0, daemon.descriptors() - before - 8)} descriptors left",
            "0, 0, 0", left == 0 and files == 0 and len(pids) == 10_000)


def measure_journal(row, note):
    cost(row, note)
    back_again(row, note)
    slow_client(row, note)


def measure_lost(row, note):
    kills(row, note)
    starts_and_deletes(row, note)


