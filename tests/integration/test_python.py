"""The built-in Python kernel under kmuxd."""

import signal
import subprocess

import pytest
from kmuxd import has_ended, wait_until

PYTHON = '[kernels]\npython = "/usr/bin/python3"\nrestart_first_delay = "20ms"\nrestart_limit = 1\n'


@pytest.fixture
def daemon(make_daemon):
    return make_daemon(PYTHON).start()


def builtin(daemon):
    specs = daemon.get("kernelspecs").json()["kernelspecs"]
    return next(n for n in ("kmux-python", "python3") if n in specs and specs[n]["spec"]["display_name"] == "Python 3 (kmux)")


def test_it_is_listed_and_runs_cells(daemon):
    kernel = daemon.kernel(builtin(daemon))
    channels = daemon.channels(kernel)
    assert channels.text("print(6 * 7)") == "42\n"
    pid = int(channels.text("import os; print(os.getpid())"))
    # The child has become the kernel: no process between it and kmuxd.
    assert daemon.model(kernel)["kmux"]["pid"] == pid
    assert channels.text("import sys; print('zmq' in sys.modules, 'tornado' in sys.modules)") == "False False\n"
    assert "kmux_child" in channels.text("print(sys.modules['ipykernel'].__file__)")


def test_an_interrupt_through_the_api_arrives(daemon):
    kernel = daemon.kernel(builtin(daemon))
    channels = daemon.channels(kernel)
    id = channels.send("execute_request", {"code": "import time\nprint('on')\ntime.sleep(60)", "silent": False})
    channels.until(lambda m: m["msg_type"] == "stream")
    daemon.post(f"kernels/{kernel}/interrupt")
    reply = channels.until(lambda m: m["msg_type"] == "execute_reply" and m["parent_header"]["msg_id"] == id)[-1]
    assert reply["content"]["ename"] == "KeyboardInterrupt"


def test_it_outlives_the_daemon(daemon):
    kernel = daemon.kernel(builtin(daemon))
    assert daemon.channels(kernel).text("x = 5; print(x)") == "5\n"
    daemon.stop(signal.SIGKILL)
    daemon.start()
    assert daemon.channels(kernel).text("print(x)") == "5\n"


def test_a_restart_is_a_new_process_and_a_delete_leaves_none(daemon):
    kernel = daemon.kernel(builtin(daemon))
    channels = daemon.channels(kernel)
    first = int(channels.text("import os; print(os.getpid())"))
    daemon.post(f"kernels/{kernel}/restart")
    second = int(channels.text("import os; print(os.getpid())"))
    assert first != second
    assert daemon.delete(f"kernels/{kernel}").status_code == 204
    wait_until(lambda: has_ended(first) and has_ended(second))


def test_without_ipython_the_start_says_what_to_install(make_daemon, tmp_path):
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    daemon = make_daemon(PYTHON.replace("/usr/bin/python3", str(tmp_path / "bare/bin/python"))).start()
    kernel = daemon.kernel(builtin(daemon))
    model = wait_until(lambda: (m := daemon.model(kernel))["execution_state"] == "dead" and m)
    assert "-m pip install ipython" in model["kmux"]["exit"]["stderr_tail"]


def test_an_ipykernel_spec_may_be_hosted_natively(make_daemon):
    daemon = make_daemon(PYTHON + 'native = ["theirs"]\n')
    daemon.add_kernelspec("theirs", ["/usr/bin/python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"])
    daemon.start()
    channels = daemon.channels(daemon.kernel("theirs"))
    assert channels.text("print(type(get_ipython().kernel).__module__)") == "kmux_child.face\n"
