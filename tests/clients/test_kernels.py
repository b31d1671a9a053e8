"""Kernels of several languages and houses behind kmuxd."""

import pytest
from programs import KERNELS

# What prints 42, what fails, what says "go" and stays busy, and what prints the variable again.
PYTHON = ("x = 42; print(x)", "1 / 0", "import time\nprint('go', flush=True)\ntime.sleep(1000)", "print(x)")
CELLS = {
    "ipykernel": PYTHON,
    "ipykernel of Debian": PYTHON,
    # It ends at SIGINT, under any front end.
    "xeus-python": ("x = 42; print(x)", "1 / 0", None, "print(x)"),
    # In a process of its own: bash loses a ^C that comes between what it prints and what it starts.
    "bash_kernel": ("x=42; echo $x", "false", "sh -c 'echo go; exec sleep 1000'", "echo $x"),
    "IRkernel": ("x <- 42; cat(x, '\\n')", "stop('no')", "cat('go\\n'); flush.console(); Sys.sleep(1000)", "cat(x, '\\n')"),
}


def run(channels, cell):
    """ipykernel aborts what comes just after an error, unless told not to."""
    return channels.run(cell, stop_on_error=False)


def printed(channels, cell):
    return "".join(m["content"]["text"] for m in run(channels, cell) if m["msg_type"] == "stream").strip()


def interrupt(daemon, kernel, channels, stay):
    cell = channels.execute(stay, stop_on_error=False)
    channels.until(lambda m: m["msg_type"] == "stream" and "go" in m["content"]["text"])
    assert daemon.post(f"kernels/{kernel}/interrupt").status_code == 204
    reply = next(m for m in channels.finish(cell) if m["msg_type"] == "execute_reply")
    assert reply["content"]["status"] in ("error", "aborted", "abort")


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel(daemon, name):
    work(daemon, name)


@pytest.mark.parametrize("name", ["ipykernel", "xeus-python"])
def test_a_kernel_over_tcp(make_daemon, name):
    work(make_daemon('[kernels]\ntcp = ["tested"]\n').start(), name)


def work(daemon, name):
    daemon.add_kernelspec("tested", KERNELS[name], interrupt_mode="signal")
    kernel = daemon.kernel("tested")
    channels = daemon.channels(kernel, timeout=60)
    show, fail, stay, again = CELLS[name]
    assert channels.request("kernel_info_request", {})["status"] == "ok"
    assert printed(channels, show) == "42"
    reply = next(m for m in run(channels, fail) if m["msg_type"] == "execute_reply")
    assert reply["content"]["status"] == "error"
    if stay:
        interrupt(daemon, kernel, channels, stay)
    assert printed(channels, again) == "42"
    assert daemon.post(f"kernels/{kernel}/restart").status_code == 200
    assert printed(channels, again) != "42"
    assert printed(channels, show) == "42"
