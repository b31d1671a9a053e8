"""What watches over the daemon asks this, without a token."""

import shutil
import signal
import socket

from kmuxd import wait_until


def ask(daemon, what):
    return daemon.call("GET", what, token=None)


def ready(daemon):
    answer = ask(daemon, "readyz")
    return answer.status_code, answer.json()


def test_well_and_ready(daemon):
    answer = ask(daemon, "healthz")
    assert answer.status_code == 200 and answer.json() == {"status": "ok"}
    assert ready(daemon) == (200, {"status": "ready"})
    assert daemon.call("HEAD", "healthz", token=None).status_code == 200
    assert daemon.call("POST", "healthz", token=None).status_code == 401
    assert daemon.call("POST", "healthz").status_code == 405


def test_under_the_base_url_and_at_the_root(make_daemon):
    daemon = make_daemon('[server]\nbase_url = "/services/kmux/"\n').start()
    for path in ("", "../../"):
        assert ask(daemon, path + "healthz").json() == {"status": "ok"}
        assert ask(daemon, path + "readyz").json() == {"status": "ready"}
    assert ask(daemon, "../../api").status_code == 401
    assert ask(daemon, "../healthz").status_code == 401


def test_draining(daemon):
    daemon.post("drain")
    assert ready(daemon) == (503, {"status": "not ready", "reason": "draining"})
    assert ask(daemon, "healthz").status_code == 200
    daemon.delete("drain")
    assert ready(daemon)[0] == 200


def test_a_directory_that_cannot_be_written_to(daemon):
    assert ready(daemon)[0] == 200
    state = daemon.runtime / "state"
    aside = daemon.runtime / "aside"
    shutil.move(state, aside)
    state.write_text("a file where the directory was")
    # A slow disk is no answer yet.
    said = wait_until(lambda: "the state directory cannot be written to" in (r := ready(daemon)[1].get("reason", "")) and r)
    assert ready(daemon)[0] == 503 and str(state) not in said
    assert f'event=not_writable error="{state}' in daemon.log.read_text()
    assert ask(daemon, "healthz").status_code == 200
    state.unlink()
    shutil.move(aside, state)
    wait_until(lambda: ready(daemon)[0] == 200)


def test_stopping(daemon):
    """A request that has begun is still answered."""
    with socket.create_connection(("127.0.0.1", int(daemon.url.split(":")[2].strip("/")))) as client:
        client.sendall(b"GET /readyz HT")
        assert ready(daemon)[0] == 200  # read after the half of a request, which was sent before
        daemon.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not (daemon.runtime / "listen.json").exists())
        client.sendall(b"TP/1.1\r\nHost: x\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 503 ") and b'"reason": "stopping"' in answer
    assert daemon.process.wait(timeout=60) == 0
