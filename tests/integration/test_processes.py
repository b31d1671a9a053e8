"""What a kernel has started ends with it, wherever it went; nobody else does."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from kmuxd import QUICK_STOP, has_ended, wait_until

QUICK = f"""
[kernels]
echo = true
restart = false
{QUICK_STOP}"""

# Each notes its number in the directory of its first argument.
STRAYS = {
    "setsid": "setsid sh -c 'echo $$ > $0/setsid.new; mv $0/setsid.new $0/setsid; exec sleep 1000' {dir} &",
    "double": "(setsid sh -c 'sh -c \"echo \\$\\$ > {dir}/double.new; mv {dir}/double.new {dir}/double; exec sleep 1000\" & ' &)",
    "nohup": "nohup sh -c 'echo $$ > $0/nohup.new; mv $0/nohup.new $0/nohup; exec sleep 1000' {dir} &",
    "deaf": "setsid sh -c 'trap \"\" TERM HUP INT; echo $$ > $0/deaf.new; mv $0/deaf.new $0/deaf; while :; do sleep 1000; done' {dir} &",
}
NAKED = "(env -i setsid /bin/sh -c '(echo $$ > $0/naked.new; /bin/mv $0/naked.new $0/naked; exec /bin/sleep 1000)' {dir} &)"


@pytest.fixture
def daemon(make_daemon):
    return make_daemon(QUICK).start()


def child_program(daemon):
    return Path(os.readlink(f"/proc/{daemon.process.pid}/exe")).parent / "kmux-child"


def start_strays(daemon, more=(), last=None):
    """A kernel behind a relay that has left all of STRAYS behind, and their numbers."""
    notes = daemon.directory / "strays"
    notes.mkdir()
    wanted = {**STRAYS, **dict(more)}
    script = "\n".join(each.replace("{dir}", str(notes)) for each in wanted.values())
    script += last or f'\nexec {child_program(daemon)} echo -f "$0"'
    daemon.add_kernelspec("strays", ["/bin/sh", "-c", script, "{connection_file}"])
    kernel = daemon.kernel("strays")
    pids = [int(wait_until(lambda: (notes / name).exists() and (notes / name).read_text(), what=name)) for name in wanted]
    assert not any(map(has_ended, pids))
    return kernel, pids


@pytest.fixture
def bystander():
    """In a session of its own, with the name of a variable of ours, and of no kernel."""
    other = subprocess.Popen(["sleep", "1000"], start_new_session=True, env={"KERNEL_ID": "not-a-b-c-kernel"})
    yield other
    assert other.poll() is None
    other.kill()
    other.wait()


def test_they_end_with_a_delete(daemon, bystander):
    kernel, pids = start_strays(daemon, {"naked": NAKED})
    assert daemon.channels(kernel).text("echo here") == "here\n"
    assert daemon.delete(f"kernels/{kernel}").status_code == 204
    assert all(map(has_ended, pids))


def test_they_end_with_a_restart(daemon, bystander):
    kernel, pids = start_strays(daemon)
    daemon.channels(kernel).text("echo here")
    assert daemon.post(f"kernels/{kernel}/restart").status_code == 200
    assert all(map(has_ended, pids))
    assert daemon.channels(kernel).text("echo again") == "again\n"


def test_they_end_with_a_crash(daemon, bystander):
    kernel, pids = start_strays(daemon, {"naked": NAKED})
    channels = daemon.channels(kernel)
    channels.text("echo here")
    channels.execute("crash")
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "dead")
    assert all(map(has_ended, pids))
    assert daemon.model(kernel)["kmux"]["exit"]["signal"] == signal.SIGSEGV


def test_they_end_where_daemon_and_kernel_were_killed(daemon, bystander):
    kernel, pids = start_strays(daemon)
    pid = daemon.model(kernel)["kmux"]["pid"]
    daemon.process.kill()
    daemon.process.wait()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: has_ended(pid))
    daemon.start()
    assert daemon.model(kernel)["execution_state"] == "dead"
    assert all(map(has_ended, pids))


def test_another_kernels_processes_are_left_alone(daemon):
    kernel, pids = start_strays(daemon)
    other = daemon.kernel("echo")
    daemon.channels(other).text("echo here")
    daemon.delete(f"kernels/{other}")
    assert not any(map(has_ended, pids))
    daemon.delete(f"kernels/{kernel}")
    assert all(map(has_ended, pids))


def test_a_kernel_of_the_same_id_of_another_daemon_is_left_alone(daemon, make_daemon):
    kernel = daemon.kernel("echo", kernel_id="a-b-c-d-e")
    other = make_daemon(QUICK).start()
    assert other.kernel("echo", kernel_id="a-b-c-d-e") == kernel
    pid = other.model(kernel)["kmux"]["pid"]
    daemon.delete(f"kernels/{kernel}")
    assert not has_ended(pid)


def test_a_relay_keeps_no_zombies(daemon):
    kernel, pids = start_strays(daemon)
    daemon.channels(kernel).text("echo here")
    orphan = pids[list(STRAYS).index("double")]
    os.kill(orphan, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{orphan}").exists())


def test_what_a_cell_of_a_native_python_kernel_started(make_daemon):
    daemon = make_daemon(QUICK + 'python = "/usr/bin/python3"\n').start()
    specs = daemon.get("kernelspecs").json()["kernelspecs"]
    kernel = daemon.kernel(next(n for n in specs if specs[n]["spec"]["display_name"] == "Python 3 (kmux)"))
    channels = daemon.channels(kernel)
    left = channels.text(
        "import subprocess, os\n"
        "a = subprocess.Popen(['setsid', 'sleep', '1000'])\n"
        "b = subprocess.Popen(['env', '-i', 'setsid', '/bin/sleep', '1000'])\n"
        "c = subprocess.Popen(['nohup', 'sleep', '1000'])\n"
        "print(a.pid, b.pid, c.pid)")
    pids = [int(word) for word in left.split()]
    assert len(pids) == 3 and not any(map(has_ended, pids))
    daemon.delete(f"kernels/{kernel}")
    assert all(map(has_ended, pids))
