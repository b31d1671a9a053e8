"""docs/operations.md, carried out: each command that stands there is run where it is needed."""

import json
from pathlib import Path

import cli
import pytest
from kmuxd import wait_until
from manual import SECTIONS, Duty

@pytest.fixture
def daemon(make_daemon):
    return make_daemon("[kernels]\necho = true\nstop_message = \"1s\"\nstop_term = \"1s\"\nrestart_first_delay = \"20ms\"\n")


def test_first(daemon):
    daemon.start()
    duty = Duty(daemon, "First")
    assert "ready" in duty.next("status")
    assert "answers" in duty.next("doctor")
    duty.done()


def test_a_user_says_that_the_kernel_hangs(daemon):
    daemon.allow("ann ann the-token-of-ann")
    daemon.start()
    kernel = daemon.kernel("kmux-python", token="the-token-of-ann")
    channels = daemon.channels(kernel)
    channels.text("x = 1; print('computed')")
    cell = channels.execute("import time\nprint('begun', flush=True)\nwhile True:\n    try:\n        time.sleep(600)\n    except KeyboardInterrupt:\n        raise")
    channels.until(lambda m: "begun" in m["content"].get("text", ""))
    duty = Duty(daemon, "A user says that the kernel hangs", ID=kernel[:8])
    assert "busy" in duty.next("ps")
    assert "busy" in duty.next("describe")
    assert "MainThread" in duty.next("stack")
    duty.next("interrupt")
    assert any(m["msg_type"] == "error" for m in channels.finish(cell))
    duty.next("restart")
    assert "computed" in duty.next("logs")
    duty.done()


def test_a_kernel_has_died(make_daemon):
    daemon = make_daemon("[kernels]\necho = true\nrestart = false\n")
    daemon.start()
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    assert channels.text("echo last words") == "last words\n"
    channels.execute("exit 3")
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "dead")
    duty = Duty(daemon, "A kernel has died", ID=kernel[:8])
    assert "exited" in duty.next("describe")
    assert "last words" in duty.next("logs")
    notebook = json.loads(duty.next("export"))
    assert any("last words" in json.dumps(c["outputs"]) for c in notebook["cells"] if c["cell_type"] == "code")
    duty.done()


def test_out_of_memory(daemon):
    daemon.start()
    large, small = daemon.kernel("python3"), daemon.kernel()
    daemon.channels(large).run("x = bytearray(3 << 29); x[::4096] = b'x' * len(x[::4096])")
    duty = Duty(daemon, "Out of memory", ID=large[:8])
    listed = duty.next("ps --sort -mem")
    assert listed.index(large[:8]) < listed.index(small[:8])
    listed = duty.next("ps --filter")
    assert large[:8] in listed and small[:8] not in listed
    duty.next("stop")
    assert [k["id"] for k in daemon.get("kernels").json()] == [small]
    duty.done()


def test_the_host_must_be_rebooted(daemon):
    daemon.start()
    kernel = daemon.kernel()
    duty = Duty(daemon, "The host must be rebooted", ID=kernel[:8])
    duty.next("drain")
    assert "draining" in duty.next("status")
    assert daemon.post("kernels", {"name": "echo"}).status_code == 503
    duty.done()
    cli.kmux("--runtime-dir", daemon.runtime, "undrain")
    assert daemon.channels(daemon.kernel()).text("echo again") == "again\n"


def test_an_upgrade(daemon):
    daemon.start()
    kernel = daemon.kernel()
    duty = Duty(daemon, "Upgrade")
    duty.next("upgrade")
    assert "ready" in duty.next("status")
    assert daemon.channels(kernel).text("echo on") == "on\n"
    duty.done()


def test_kmuxd_is_down(daemon):
    daemon.start()
    kernel = daemon.kernel()
    daemon.channels(kernel).text("echo said")
    daemon.stop()
    duty = Duty(daemon, "kmuxd is down, or does not start")
    assert kernel[:8] in duty.next("ps")
    duty.next("doctor", code=cli.FAILED)
    good = daemon.config.read_text()
    daemon.config.write_text("[kernels]\necho = maybe\n")
    duty.next("config check", code=cli.FAILED)
    daemon.config.write_text(good)
    duty.done()
    daemon.start()
    assert daemon.channels(kernel).text("echo here") == "here\n"


def test_a_token_has_leaked(daemon):
    daemon.allow("laptop root the-token-that-leaked")
    daemon.start()
    channels = daemon.channels(daemon.kernel(), token="the-token-that-leaked")
    assert channels.text("echo mine") == "mine\n"
    duty = Duty(daemon, "A token has leaked")
    assert "laptop" in duty.next("token list")
    duty.next("token revoke")
    assert channels.until(lambda m: "closed" in m)[-1]["closed"] == 1008
    duty.next("clients")
    duty.done()


def test_every_section_is_carried_out():
    """The disk is full: tests/isolated, which have disks of their own. The addresses of who guesses: test_tokens."""
    here = Path(__file__).read_text() + (Path(__file__).parents[1] / "isolated/test_disk.py").read_text()
    assert [name for name in SECTIONS if f'"{name}"' not in here and "kmux " in SECTIONS[name].replace("`kmux", "")] == []
