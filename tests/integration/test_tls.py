"""TLS: certificates, clients' certificates, and reloading them."""

import signal
import socket
import ssl
import subprocess

import pytest
import requests
from kmuxd import BIN, TOKEN, wait_until


class Authority:
    """A certificate authority of a test's own (openssl(1))."""

    def __init__(self, directory, name="ca"):
        directory.mkdir(exist_ok=True)
        self.directory, self.cert, self.key = directory, directory / f"{name}.pem", directory / f"{name}.key"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                     "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.cert)

    def openssl(self, *words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)

    def issue(self, name, file=None, days=2):
        file = file or name
        key, request, cert = (self.directory / f"{file}.{end}" for end in ("key", "csr", "pem"))
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                     "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", request)
        self.openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial",
                     "-days", days, "-copy_extensions", "copy", "-out", cert)
        return cert, key


def kmux(daemon, *words):
    where = [] if "--url" in words else ["--url", daemon.url]
    done = subprocess.run([str(BIN / "kmux"), *where, *map(str, words)], capture_output=True, text=True, timeout=60,
                          env={"PATH": "/usr/bin:/bin", "KMUX_TOKEN": TOKEN, "NO_COLOR": "1"})
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "tls")


@pytest.fixture
def secured(make_daemon, authority):
    def make(more="", start=True):
        cert, key = authority.issue("kmuxd")
        daemon = make_daemon(f'[kernels]\necho = true\n[server]\ntls_cert = "{cert}"\ntls_key = "{key}"\n{more}')
        daemon.tls = {"verify": str(authority.cert)}
        return daemon.start() if start else daemon

    return make


def peer(daemon):
    host, port = daemon.url.split("://")[1].split("/")[0].split(":")
    return host, int(port)


def handshake(daemon, **options):
    context = ssl.create_default_context(cafile=daemon.tls["verify"])
    for name, value in options.items():
        setattr(context, name, value)
    with socket.create_connection(peer(daemon), timeout=30) as raw:
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as stream:
            return stream.version(), stream.getpeercert()


def test_https_and_wss(secured):
    daemon = secured()
    assert daemon.url.startswith("https://")
    assert daemon.get("kernels").status_code == 200
    kernel = daemon.kernel()
    for protocol in (None, "v1.kernel.websocket.jupyter.org"):
        channels = daemon.channels(kernel, protocol=protocol)
        assert channels.text("echo secret") == "secret\n"
        # Many small messages, and one that is larger than any buffer.
        assert len(channels.text("flood 20000 50")) == 20000 * 50
        (shown,) = [m for m in channels.run("big 30") if m["msg_type"] == "display_data"]
        assert len(shown["content"]["data"]["text/plain"]) == 30_000_000
    assert daemon.get("kernels", token="wrong-wrong").status_code == 401
    # The CLI's door is a socket of the machine's own: no TLS there.
    assert any(u.startswith("http+unix://") for u in daemon.urls)


def test_what_tls_is_spoken(secured):
    daemon = secured()
    assert handshake(daemon)[0] == "TLSv1.3"
    assert handshake(daemon, maximum_version=ssl.TLSVersion.TLSv1_2)[0] == "TLSv1.2"
    scan = subprocess.run(["openssl", "s_client", "-connect", "%s:%d" % peer(daemon), "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
                          input=b"", capture_output=True, timeout=30)
    assert scan.returncode != 0
    alpn = subprocess.run(["openssl", "s_client", "-connect", "%s:%d" % peer(daemon), "-alpn", "h2,http/1.1"],
                          input=b"", capture_output=True, timeout=30)
    assert b"ALPN protocol: http/1.1" in alpn.stdout


def test_http_where_https_is_spoken_is_told(secured):
    daemon = secured()
    answer = requests.get(daemon.url.replace("https", "http") + "api", timeout=30)
    assert answer.status_code == 400 and "https://" in answer.json()["message"]
    with socket.create_connection(peer(daemon), timeout=30) as stream:
        stream.sendall(b"\x16\x03\x01\xff\xff garbage " * 100)
        stream.shutdown(socket.SHUT_WR)
        assert wait_until(lambda: stream.recv(1 << 16) == b"")
    assert daemon.get("kernels").status_code == 200


def test_clients_may_show_a_certificate(secured, authority, tmp_path):
    daemon = secured(f'tls_client_ca = "{authority.cert}"\n')
    cert = tuple(map(str, authority.issue("ann")))
    mine = daemon.get("me", token=None, cert=cert).json()
    assert mine["identity"]["username"] == "ann" and mine["kmux"]["credentials"] == "client certificate"
    kernel = daemon.post("kernels", {"name": "echo"}, token=None, cert=cert).json()
    assert kernel["kmux"]["owner"] == "ann"
    assert daemon.get("drain", token=None, cert=cert).status_code == 403
    assert daemon.get("kernels", token=None).status_code == 401
    assert daemon.get("me", cert=cert).json()["kmux"]["credentials"] == "the token file"
    foreign = tuple(map(str, Authority(tmp_path / "other").issue("ann")))
    with pytest.raises(requests.exceptions.ConnectionError):
        daemon.get("me", token=None, cert=foreign)
    bob = tuple(map(str, authority.issue("bob")))
    assert daemon.get(f"kernels/{kernel['id']}", token=None, cert=bob).status_code == 404


def test_a_new_certificate_needs_no_restart(secured, authority):
    daemon = secured()
    channels = daemon.channels(daemon.kernel())
    before = handshake(daemon)[1]["serialNumber"]
    authority.issue("kmuxd")
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: handshake(daemon)[1]["serialNumber"] != before)
    assert channels.text("echo the old connection") == "the old connection\n"
    (authority.directory / "kmuxd.pem").write_text("nothing")
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "reload_refused" in daemon.log.read_text())
    assert "kmuxd.pem" in daemon.log.read_text()
    assert daemon.get("kernels").status_code == 200


@pytest.mark.parametrize("wrong", ["missing", "another key", "not a certificate"])
def test_a_start_with_bad_files_is_refused(secured, authority, wrong):
    daemon = secured(start=False)
    if wrong == "missing":
        (authority.directory / "kmuxd.key").unlink()
    elif wrong == "another key":
        authority.issue("other")
        (authority.directory / "other.key").rename(authority.directory / "kmuxd.key")
    else:
        (authority.directory / "kmuxd.pem").write_text("x")
    with pytest.raises(AssertionError) as said:
        daemon.start()
    assert "cannot use" in str(said.value) and "kmuxd." in str(said.value)


def test_a_slow_handshake_is_cut_off(secured):
    daemon = secured('[limits]\nheader_timeout = "3s"\nidle_timeout = "3s"\n')
    with socket.create_connection(peer(daemon), timeout=30) as stream:
        stream.sendall(b"\x16\x03\x01")
        assert stream.recv(1) == b""
    assert daemon.call("GET", "api", token=TOKEN).status_code == 200


def test_the_cli_over_https(secured):
    daemon = secured()
    kernel = daemon.kernel()
    trusting = ["--tls-ca", daemon.tls["verify"]]
    assert kmux(daemon, *trusting, "ps", "-o", "name") == (0, kernel + "\n", "")
    assert kmux(daemon, *trusting, "exec", kernel, "-c", "echo said")[:2] == (0, "said\n")
    # More than one record, and more than one frame.
    code, out, said = kmux(daemon, *trusting, "exec", kernel, "-c", "flood 3000 1024")
    assert (code, len(out)) == (0, 3000 * 1024), said


def test_the_cli_trusts_nobody_unasked(secured, authority, tmp_path):
    daemon = secured()
    code, out, said = kmux(daemon, "ps")
    assert (code, out) == (6, "") and "not to be trusted" in said and "--tls-ca" in said
    other = Authority(tmp_path / "other")
    assert kmux(daemon, "--tls-ca", other.cert, "ps")[0] == 6
    code, _, said = kmux(daemon, "--tls-ca", tmp_path / "absent", "ps")
    assert code == 1 and str(tmp_path / "absent") in said
    # A good certificate of another host's.
    code, _, said = kmux(daemon, "--url", daemon.url.replace("127.0.0.1", "localhost"), "--tls-ca", authority.cert, "ps")
    assert code == 6 and "mismatch" in said


def test_the_cli_shows_its_own_certificate(secured, authority):
    daemon = secured(f'tls_client_ca = "{authority.cert}"\n')
    cert, key = authority.issue("ann")
    done = subprocess.run([str(BIN / "kmux"), "--url", daemon.url, "--tls-ca", str(authority.cert), "--tls-cert", str(cert),
                           "--tls-key", str(key), "start", "echo"], capture_output=True, text=True, timeout=60,
                          env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr
    assert [each["kmux"]["owner"] for each in daemon.get("kernels").json()] == ["ann"]
