"""`jupyter console --existing` on a pseudo-terminal, as one types in it."""

import sys

import pexpect
from kmuxd import wait_until
from programs import KERNELS


def test_a_console_on_a_kernel_of_kmuxd(daemon):
    daemon.add_kernelspec("python3", KERNELS["ipykernel"])
    kernel = daemon.kernel("python3")
    channels = daemon.channels(kernel)
    assert channels.text("x = 41; print(x)") == "41\n"
    file = daemon.runtime / "kernels" / kernel / "connection.json"
    console = pexpect.spawn(
        sys.executable, ["-m", "jupyter_console", "--existing", str(file), "--simple-prompt"],
        env={**daemon.environment, "TERM": "dumb"}, encoding="utf-8", timeout=60)
    try:
        console.expect(r"In \[\d+\]: ")
        console.sendline("print('answer', x + 1)")
        console.expect(r"answer 42")
        console.expect(r"In \[\d+\]: ")
        console.sendline("print('go'); import time; time.sleep(1000)")
        console.expect(r"\ngo")
        # An existing kernel is not the console's to signal; the gateway does it.
        assert daemon.post(f"kernels/{kernel}/interrupt").status_code == 204
        console.expect("KeyboardInterrupt")
        console.expect(r"In \[\d+\]: ")
        # ipykernel aborts what comes just after an error; this goes through, and shows that it is over.
        assert channels.request("kernel_info_request", {})["status"] == "ok"
        console.sendline("print(input('who? '))")
        console.expect(r"who\? ")
        console.sendline("me")
        console.expect("me\r\n")
        console.sendline("exit(keep_kernel=True)")
        console.expect(pexpect.EOF)
    finally:
        console.close(force=True)
    # The console goes at the reply; what it ran may not be told to be over yet.
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "idle")
