"""kmuxd has no descriptors left, and then has some again."""

import resource
import socket
import subprocess
import threading

from history import cell_of
from kmuxd import PROGRAM, V1, has_ended, wait_until


def allow(daemon, more):
    """So many descriptors more than are open now."""
    _, hard = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (daemon.descriptors() + more, hard))


def test_what_is_there_goes_on_and_what_comes_waits(make_daemon):
    # Who says nothing keeps what it has.
    daemon = make_daemon('[kernels]\necho = true\n[limits]\nheader_timeout = "10m"\n').start()
    kernel = daemon.kernel()
    clients = [daemon.channels(kernel, protocol=V1, resume=resume) for resume in (None, 0)]
    wait_until(lambda: daemon.wired(kernel))
    # Both have what was said before they came, and so need nothing but what comes.
    settled = clients[0].execute("echo settled")
    for each in clients:
        each.until(lambda m: m["parent_header"].get("msg_id") == settled and m["content"].get("execution_state") == "idle")
    allow(daemon, 0)
    callers = []

    def none_is_left():  # connections that were closing have left some
        callers.append(socket.create_connection(("127.0.0.1", int(daemon.url.rstrip("/").rsplit(":", 1)[1]))))
        return "event=accept_failed" in daemon.log.read_text()

    wait_until(none_is_left)
    late = []
    waiting = threading.Thread(target=lambda: late.append(daemon.get("kernels").status_code))
    waiting.start()
    clients[0].execute(cell_of(600, 1000))
    for each in clients:
        said = each.until(lambda m: m["content"].get("text", "").endswith("end 600\n"))
        assert "".join(m["content"].get("text", "") for m in said) == "".join(f"line {i}\n" for i in range(600)) + "end 600\n"
    assert waiting.is_alive()
    allow(daemon, 1000)
    waiting.join(60)
    assert late == [200]
    for each in callers:
        each.close()


def test_a_kernel_that_cannot_be_started_for_want_of_descriptors(daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    wait_until(lambda: daemon.wired(kernel))
    seen = set()
    for more in range(2, 16):  # some for the request, the rest for the kernel
        allow(daemon, more)
        answer = daemon.post("kernels", {"name": "echo"})
        seen.add(answer.status_code)
        if answer.status_code == 500:
            assert "Too many open files" in answer.json()["message"], answer.text
        allow(daemon, 1000)
        if answer.status_code == 201:  # it has inherited the limit, and is of no use
            assert daemon.delete(f"kernels/{answer.json()['id']}").status_code == 204
    assert seen == {201, 500}
    assert channels.text("echo on") == "on\n"
    assert len(daemon.get("kernels").json()) == 1


def test_a_daemon_that_cannot_look_takes_nobody_for_dead(daemon):
    """Kernels that it has no descriptors for are left alone; the next daemon has them all."""
    kernels = {daemon.kernel() for _ in range(12)}
    pids = {k["id"]: k["kmux"]["pid"] for k in daemon.get("kernels").json()}
    daemon.process.kill()
    daemon.process.wait()
    poor = subprocess.Popen(
        ["prlimit", "--nofile=24:24", PROGRAM, "--config", daemon.config, "--listen", "127.0.0.1:0", "--runtime-dir", daemon.runtime,
         "--token-file", daemon.token_file], stderr=open(daemon.log, "ab"), env=daemon.environment)
    wait_until(lambda: "event=kernel_left_alone" in daemon.log.read_text() or poor.poll() is not None)
    poor.kill()
    poor.wait()
    assert not [pid for pid in pids.values() if has_ended(pid)]
    daemon.start()
    assert {k["id"]: k["kmux"]["pid"] for k in daemon.get("kernels").json()} == pids
    for kernel in kernels:
        assert daemon.channels(kernel).text("echo on") == "on\n"
