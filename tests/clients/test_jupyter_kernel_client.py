"""jupyter-kernel-client, which speaks to a gateway's API from a script."""

from jupyter_kernel_client import JupyterKernelClient
from kmuxd import TOKEN
from programs import KERNELS


def test_a_kernel_of_its_own(daemon):
    daemon.add_kernelspec("python3", KERNELS["ipykernel"])
    with JupyterKernelClient(server_url=daemon.url.rstrip("/"), token=TOKEN) as kernel:
        reply = kernel.execute("x = 41\nprint(x + 1)")
        assert reply["status"] == "ok" and reply["outputs"][0]["text"] == "42\n"
        assert kernel.execute("1 / 0")["outputs"][0]["ename"] == "ZeroDivisionError"
        kernel.set_variable("y", [1, 2])
        assert kernel.get_variable("y") == [1, 2]
        kernel.restart()
        assert kernel.execute("print('x' in globals())")["outputs"][0]["text"] == "False\n"
        assert len(daemon.get("kernels").json()) == 1
    assert daemon.get("kernels").json() == []


def test_a_kernel_that_is_there(daemon):
    daemon.add_kernelspec("python3", KERNELS["ipykernel"])
    there = daemon.kernel("python3")
    assert daemon.channels(there).text("x = 5; print(x)") == "5\n"
    with JupyterKernelClient(server_url=daemon.url.rstrip("/"), token=TOKEN, kernel_id=there) as kernel:
        assert kernel.execute("print(x)")["outputs"][0]["text"] == "5\n"
    assert daemon.model(there)["execution_state"] == "idle"
