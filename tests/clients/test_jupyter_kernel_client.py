"""jupyter-kernel-client, which speaks to a gateway's API from a script."""

from jupyter_kernel_client import JupyterKernelClient
from kmuxd import TOKEN, wait_until
from programs import KERNELS


def printed(reply):
    """A print() may come in pieces."""
    return "".join(each["text"] for each in reply["outputs"])


def test_a_kernel_of_its_own(daemon):
    daemon.add_kernelspec("python3", KERNELS["ipykernel"])
    with JupyterKernelClient(server_url=daemon.url.rstrip("/"), token=TOKEN) as kernel:
        reply = kernel.execute("x = 41\nprint(x + 1)")
        assert reply["status"] == "ok" and printed(reply) == "42\n"
        # ipykernel aborts what comes just after an error, unless told not to.
        assert kernel.execute("1 / 0", stop_on_error=False)["outputs"][0]["ename"] == "ZeroDivisionError"
        kernel.set_variable("y", [1, 2])
        assert kernel.get_variable("y") == [1, 2]
        kernel.restart()
        assert printed(kernel.execute("print('x' in globals())")) == "False\n"
        assert len(daemon.get("kernels").json()) == 1
    assert daemon.get("kernels").json() == []


def test_a_kernel_that_is_there(daemon):
    daemon.add_kernelspec("python3", KERNELS["ipykernel"])
    there = daemon.kernel("python3")
    assert daemon.channels(there).text("x = 5; print(x)") == "5\n"
    with JupyterKernelClient(server_url=daemon.url.rstrip("/"), token=TOKEN, kernel_id=there) as kernel:
        assert printed(kernel.execute("print(x)")) == "5\n"
    wait_until(lambda: daemon.model(there)["execution_state"] == "idle")
