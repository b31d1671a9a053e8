"""Kernels that nobody uses are ended, and only those."""

import json
import re
import signal

from kmuxd import has_ended, wait_until

ECHO = "[kernels]\necho = true\n"


def culling(**options):
    said = {"interval": "50ms", "warning": "0", **options}
    return ECHO + "[culling]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in said.items())


def reload(daemon, **options):
    """From when on they are culled: what is to be there by then is there, however long it took."""
    daemon.config.write_text(culling(**options))
    assert daemon.post("reload").status_code == 204


def gone(daemon, kernel):
    return wait_until(lambda: daemon.get(f"kernels/{kernel}").status_code == 404, what="the end of the kernel")


def record(daemon, kernel):
    return json.loads((daemon.runtime / "kernels" / kernel / "record.json").read_text())


def test_an_idle_kernel_is_ended(make_daemon):
    daemon = make_daemon(culling(idle_timeout="300ms")).start()
    made = daemon.post("kernels", {"name": "echo"}).json()
    kernel, pid, owner = made["id"], made["kmux"]["pid"], made["kmux"]["owner"]
    gone(daemon, kernel)
    assert has_ended(pid) and not (daemon.runtime / "kernels" / kernel).exists()
    assert re.search(rf'event=kernel_culled kernel={kernel} owner={owner} reason="nobody used it', daemon.log.read_text())


def test_an_old_kernel_is_ended(make_daemon):
    daemon = make_daemon(culling(max_age="300ms")).start()
    kernel = daemon.kernel()
    gone(daemon, kernel)
    assert 'reason="it is older' in daemon.log.read_text()


def test_busy_and_connected_kernels_are_excepted(make_daemon):
    daemon = make_daemon(culling(idle_timeout="1h")).start()
    busy, connected, free = daemon.kernel(), daemon.kernel(), daemon.kernel()
    client = daemon.channels(busy)
    client.execute("echo go\nsleep 1000")
    client.until(lambda m: m["msg_type"] == "stream")
    client.close()
    other = daemon.channels(connected)
    reload(daemon, idle_timeout="200ms")
    gone(daemon, free)
    # More than another timeout, by the same clock.
    gone(daemon, daemon.kernel())
    assert daemon.model(busy)["execution_state"] == "busy"
    assert other.text("echo here") == "here\n"
    other.close()
    gone(daemon, connected)
    daemon.post(f"kernels/{busy}/interrupt")
    gone(daemon, busy)


def test_clients_are_warned_and_may_stay(make_daemon):
    daemon = make_daemon(culling(idle_timeout="1h", connected=True)).start()
    kernel = daemon.kernel()
    client = daemon.channels(kernel)
    reload(daemon, idle_timeout="4500ms", warning="4400ms", connected=True)
    warning = client.until(lambda m: m["msg_type"] == "kmux_culling")[-1]
    assert warning["channel"] == "iopub"
    assert warning["content"] == {"seconds": 5, "reason": "nobody used it for 5 s"}
    client.run("echo I am here")
    client.until(lambda m: m["msg_type"] == "kmux_culling")
    assert client.until(lambda m: "closed" in m)[-1]["closed"] == 4404


def test_a_dry_run_ends_nothing(make_daemon):
    daemon = make_daemon(culling(idle_timeout="100ms", dry_run=True)).start()
    kernel = daemon.kernel()
    wait_until(lambda: f"event=kernel_would_be_culled kernel={kernel}" in daemon.log.read_text())
    daemon.config.write_text(culling(idle_timeout="100ms"))
    assert daemon.model(kernel)["execution_state"] == "idle"
    daemon.process.send_signal(signal.SIGHUP)
    gone(daemon, kernel)


def test_rules(make_daemon):
    daemon = make_daemon(culling(idle_timeout="100ms", rules=["owner:ann idle_timeout=0", "kernelspec:echo idle_timeout=200ms"]))
    daemon.allow("a ann token-of-ann", "b bob token-of-bob")
    daemon.start()
    kept = daemon.post("kernels", {"name": "echo"}, token="token-of-ann").json()["id"]
    ended = daemon.post("kernels", {"name": "echo"}, token="token-of-bob").json()["id"]
    gone(daemon, ended)
    gone(daemon, daemon.kernel())
    assert daemon.model(kept)["execution_state"] == "idle"


def test_the_next_daemon_goes_on_counting(make_daemon):
    daemon = make_daemon(culling(idle_timeout="300ms", dry_run=True)).start()
    kernel = daemon.kernel()
    wait_until(lambda: "kernel_would_be_culled" in daemon.log.read_text())
    assert daemon.stop() == 0
    assert record(daemon, kernel)["age_ms"] >= record(daemon, kernel)["idle_ms"] >= 300
    daemon.config.write_text(culling(idle_timeout="1h", max_age="2h"))
    path = daemon.runtime / "kernels" / kernel / "record.json"
    # As after most of the hour.
    path.write_text(json.dumps({**record(daemon, kernel), "idle_ms": 3_599_500}))
    daemon.start()
    gone(daemon, kernel)


def test_what_was_counted_survives_a_killed_daemon(make_daemon):
    daemon = make_daemon(culling(idle_timeout="10s", max_age="1h")).start()
    kernel = daemon.kernel()
    wait_until(lambda: record(daemon, kernel)["idle_ms"] > 1000)
    client = daemon.channels(kernel)
    client.run("echo used")
    # Nobody would like what was counted before to count again.
    wait_until(lambda: record(daemon, kernel)["idle_ms"] < 500)
    client.close()
    wait_until(lambda: record(daemon, kernel)["idle_ms"] > 1000)
    daemon.process.kill()
    daemon.process.wait()
    counted = record(daemon, kernel)["idle_ms"]
    daemon.config.write_text(culling(idle_timeout="1h"))
    daemon.start()
    assert daemon.stop() == 0
    assert record(daemon, kernel)["idle_ms"] >= counted
    daemon.start()


def test_a_daemon_that_was_stopped_ends_nothing_when_it_goes_on(make_daemon):
    """To its clocks it is as a machine that was suspended."""
    daemon = make_daemon(culling(idle_timeout="5s", interval="20ms")).start()
    kernel = daemon.kernel()
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "idle")
    daemon.process.send_signal(signal.SIGSTOP)
    other = make_daemon(culling(idle_timeout="5500ms")).start()
    gone(other, other.kernel())  # by then more than five seconds have passed
    daemon.process.send_signal(signal.SIGCONT)
    assert daemon.model(kernel)["execution_state"] == "idle"
    wait_until(lambda: record(daemon, kernel)["idle_ms"] > 200)
    assert daemon.model(kernel)["execution_state"] == "idle"
    gone(daemon, kernel)
