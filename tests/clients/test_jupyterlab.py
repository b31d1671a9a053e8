"""JupyterLab's client library in node, and JupyterLab itself in a browser."""

import shutil
import threading

import pytest
from programs import KERNELS, NEWEST, free_port, jupyter_server, node
from kmuxd import TOKEN, wait_until

pytestmark = pytest.mark.timeout(500)


@pytest.fixture
def daemon(daemon):
    daemon.add_kernelspec("python3", KERNELS["ipykernel"], display_name="Python 3", language="python")
    return daemon


def test_the_client_library_on_kmuxd(daemon):
    node("services.cjs", daemon.url, TOKEN, "python3")


def test_the_client_library_on_a_server_in_front(daemon):
    with jupyter_server(daemon) as front:
        node("services.cjs", front.url, TOKEN, "python3", "text-only")


def test_jupyterlab_in_a_browser(daemon):
    with jupyter_server(daemon, "jupyterlab") as front:
        node("lab.cjs", front.url, TOKEN, shutil.which("chromium"), daemon.directory)
        (kernel,) = daemon.get("kernels").json()
        assert kernel["name"] == "python3" and kernel["kmux"]["restarts"] == 1


def test_widgets_in_a_browser_on_our_python(make_daemon):
    daemon = make_daemon('[kernels]\nnative = ["python3"]\n')
    daemon.add_kernelspec(
        "python3", [str(NEWEST), "-m", "ipykernel_launcher", "-f", "{connection_file}"], display_name="Python 3", language="python")
    daemon.start()
    with jupyter_server(daemon, "jupyterlab") as front:
        node("lab.cjs", front.url, TOKEN, shutil.which("chromium"), daemon.directory, "widgets")


@pytest.mark.parametrize("native", [True, False], ids=["our python", "ipykernel"])
def test_kmuxd_is_killed_while_a_cell_prints(make_daemon, native):
    daemon = make_daemon('[kernels]\nnative = ["python3"]\n' if native else "")
    # The server in front must find the next one where this one was.
    daemon.flags += ["--listen", f"127.0.0.1:{free_port()}"]
    daemon.add_kernelspec(
        "python3", [str(NEWEST), "-m", "ipykernel_launcher", "-f", "{connection_file}"] if native else KERNELS["ipykernel"],
        display_name="Python 3", language="python")
    daemon.start()
    daemon.url = next(u for u in daemon.urls if u.endswith(daemon.flags[-1].rsplit(":", 1)[1] + "/"))

    def kill_and_start():
        wait_until((daemon.directory / "now").exists, 300)
        daemon.process.kill()
        daemon.process.wait()
        daemon.start()

    killer = threading.Thread(target=kill_and_start, daemon=True)
    with jupyter_server(daemon, "jupyterlab") as front:
        killer.start()
        node("lab.cjs", front.url, TOKEN, shutil.which("chromium"), daemon.directory, "killed")
        killer.join(60)
