"""What access costs: TLS, the Hub's tokens, and WebSockets that say nothing."""

import asyncio
import base64
import contextlib
import http.client
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gateways import pss_kib
from kmuxd import TOKEN, Daemon, wait_until

ROOT = Path(__file__).parents[2]
REQUESTS, ROUNDS = 1000, 7
SOCKETS = 10_000


def certificate(directory):
    cert, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=kmuxd", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    return cert, key


@contextlib.contextmanager
def running(tls=False):
    with tempfile.TemporaryDirectory(prefix="kmux-bench-") as name:
        directory = Path(name)
        more = ""
        if tls:
            cert, key = certificate(directory)
            more = f'tls_cert = "{cert}"\ntls_key = "{key}"\n'
        daemon = Daemon(directory, "[kernels]\necho = true\n[limits]\nmax_connections = 100000\nws_ping_interval = \"10m\"\n"
                                   f"ws_ping_timeout = \"30m\"\n[server]\n{more}")
        if tls:
            daemon.tls = {"verify": str(cert)}
        daemon.start()
        try:
            yield daemon
        finally:
            daemon.end()


def address(daemon):
    host, port = daemon.url.split("://")[1].split("/")[0].split(":")
    return host, int(port)


def asker(daemon_or_address, token, verify=None, path="/api/me"):
    """A function that takes the time of so many requests over one connection → µs each."""
    host, port = daemon_or_address
    if verify:
        connection = http.client.HTTPSConnection(host, port, context=ssl.create_default_context(cafile=verify))
    else:
        connection = http.client.HTTPConnection(host, port)

    def ask():
        connection.request("GET", path, headers={"Authorization": f"token {token}"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status

    def timed():
        ask()
        times = []
        for _ in range(REQUESTS):
            begin = time.perf_counter()
            ask()
            times.append(time.perf_counter() - begin)
        return statistics.median(times) * 1e6

    return timed


def compare(plain, other):
    """Medians of rounds that take turns."""
    first, second = [], []
    for _ in range(ROUNDS):
        first.append(plain())
        second.append(other())
    return statistics.median(first), statistics.median(second)


def tls_cost(row):
    with running() as plain, running(tls=True) as secured:
        before, after = compare(asker(address(plain), TOKEN), asker(address(secured), TOKEN, secured.tls["verify"]))
    row("a request over TLS, beside one without", f"{after:.0f} µs, {after - before:+.0f} µs", "< 50 µs more", after - before < 50)


def hub_cost(row):
    sys.path.insert(0, str(ROOT / "tests/hub"))
    from hubs import Hub

    with tempfile.TemporaryDirectory(prefix="kmux-bench-") as name:
        directory = Path(name)
        (directory / "token").write_text(TOKEN)
        hub = Hub(directory, "newest", "service.py", config=f'[auth]\ntoken_file = "{directory}/token"\n')
        try:
            hub.service()
            where, path = ("127.0.0.1", hub.ports[3]), "/services/kmux/api/me"
            token = hub.token("alice")
            mine = asker(where, token, path=path)
            mine()
            asked = hub.log.read_text().count("/hub/api/user ")
            before, after = compare(asker(where, TOKEN, path=path), mine)
            again = hub.log.read_text().count("/hub/api/user ") - asked
        finally:
            hub.end()
    row("a request with a token of the Hub's, beside one of our own", f"{after:.0f} µs, {after - before:+.0f} µs; the Hub asked {again} times",
        "< 50 µs more, 0 times", after - before < 50 and again == 0)


async def hold(daemon, kernel, count, tls):
    """Opens so many WebSockets and returns them."""
    host, port = address(daemon)
    context = ssl.create_default_context(cafile=daemon.tls["verify"]) if tls else None
    key = base64.b64encode(os.urandom(16)).decode()
    request = (f"GET /api/kernels/{kernel}/channels HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: token {TOKEN}\r\n\r\n").encode()
    gate = asyncio.Semaphore(50)

    async def one():
        async with gate:
            reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=4096)
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101 "), head
            return writer

    return await asyncio.gather(*(one() for _ in range(count)))


def idle_sockets(row, tls, goal):
    import resource

    count = min(SOCKETS, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 500)
    with running(tls) as daemon:
        kernel = daemon.kernel()
        daemon.channels(kernel).request("kernel_info_request", {})
        before = pss_kib(daemon.process.pid)

        async def measured():
            writers = await hold(daemon, kernel, count, tls)
            await asyncio.to_thread(wait_until, lambda: daemon.model(kernel)["connections"] > count - 1)
            took = (pss_kib(daemon.process.pid) - before) / count
            for each in writers:
                each.transport.abort()
            return took

        took = asyncio.run(measured())
    row(f"{count:,} idle WebSockets with a token{', TLS' if tls else ''}", f"all held, {took:.1f} KiB each", f"≤ {goal} KiB each", took <= goal)


def measure_access(row, note):
    note("requests in a row over one connection, medians of", f"{REQUESTS} × {ROUNDS}")
    tls_cost(row)
    hub_cost(row)
    idle_sockets(row, False, 32)
    idle_sockets(row, True, 64)
