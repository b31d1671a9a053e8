"""jupyter_client, through the connection file that lies in the runtime directory."""

import json
import subprocess

import pytest
import zmq
from jupyter_client import BlockingKernelClient
from kmuxd import BIN, wait_until
from programs import KERNELS


@pytest.fixture(params=["ipykernel", "ipykernel of Debian"])
def kernel(daemon, request):
    daemon.add_kernelspec("py", KERNELS[request.param])
    return daemon.kernel("py")


@pytest.fixture
def client(daemon, kernel):
    client = BlockingKernelClient(connection_file=str(daemon.runtime / "kernels" / kernel / "connection.json"))
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    yield client
    client.stop_channels()


def beats(client, curve=None):
    """Whether its heartbeat is answered: is_alive() is true until the first answer is overdue."""
    with zmq.Context.instance().socket(zmq.REQ) as socket:
        if curve:
            socket.curve_serverkey = curve.encode()
            socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
        socket.linger = 0
        socket.connect(client._make_url("hb"))
        socket.send(b"ping")
        return socket.poll(60_000) != 0 and socket.recv() == b"ping"


def printed(client, code):
    out = []
    reply = client.execute_interactive(code, timeout=60, output_hook=lambda m: out.append(m["content"].get("text", "")))
    return reply["content"]["status"], "".join(out)


def test_cells_input_and_interrupt(daemon, kernel, client):
    assert printed(client, "print(6 * 7)") == ("ok", "42\n")
    assert beats(client)
    # ipykernel aborts what comes just after an error, unless told not to.
    msg_id = client.execute("import time\nprint('go', flush=True)\ntime.sleep(100)", stop_on_error=False)
    while not client.get_iopub_msg(timeout=60)["content"].get("text", "").startswith("go"):  # it may come in pieces
        pass
    assert daemon.post(f"kernels/{kernel}/interrupt").status_code == 204
    reply = client.get_shell_msg(timeout=60)
    assert reply["parent_header"]["msg_id"] == msg_id and reply["content"]["ename"] == "KeyboardInterrupt"
    asked = []
    client.execute_interactive("print(input('who?'))", allow_stdin=True, timeout=60, output_hook=lambda m: None,
                               stdin_hook=lambda m: (asked.append(m["content"]["prompt"]), client.input("me")))
    assert asked == ["who?"]


def test_a_gateway_client_beside_it(daemon, kernel, client):
    channels = daemon.channels(kernel)
    assert printed(client, "shared = 5")[0] == "ok"
    assert channels.text("print(shared)") == "5\n"


def test_a_crash_and_what_is_told(daemon, kernel, client):
    channels = daemon.channels(kernel)
    assert channels.text("x = 1; print(x)") == "1\n"
    channels.execute("import os; os.abort()")
    told = channels.until(lambda m: m["content"].get("execution_state") == "restarting")[-1]["content"]
    assert "SIGABRT" in told["reason"]
    assert channels.text("print('x' in globals())") == "False\n"
    wait_until(lambda: daemon.model(kernel)["kmux"]["restarts"] == 1)


OURS = {
    "echo": ([BIN / "kmux-child", "echo"], "echo in secret"),
    "python": (["/usr/bin/python3", BIN.parent / "lib/kmux/python/kmux_child"], "print('in secret')"),
}


@pytest.mark.parametrize("which", list(OURS))
@pytest.mark.parametrize("transport", ["ipc", "tcp"])
def test_a_kernel_by_itself_with_curve(tmp_path, transport, which):
    """Our kernels as any Jupyter kernel, with keys in the connection file."""
    argv, code = OURS[which]
    public, secret = (key.decode() for key in zmq.curve_keypair())
    file = tmp_path / "kernel.json"
    ports = {f"{name}_port": 0 if transport == "tcp" else number
             for number, name in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1)}
    file.write_text(json.dumps({
        "transport": transport, "ip": "127.0.0.1" if transport == "tcp" else str(tmp_path / "s"), "key": "secret",
        "signature_scheme": "hmac-sha256", "curve_publickey": public, "curve_secretkey": secret, **ports}))
    kernel = subprocess.Popen([*argv, "-f", file])
    try:
        wait_until(lambda: json.loads(file.read_text())["shell_port"] != 0)
        client = BlockingKernelClient(connection_file=str(file))
        client.load_connection_file()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        assert printed(client, code) == ("ok", "in secret\n")
        assert beats(client, public)
        # Without the key nobody is heard.
        stranger = zmq.Context.instance().socket(zmq.DEALER)
        monitor = stranger.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_DISCONNECTED)
        info = json.loads(file.read_text())
        separator = "-" if transport == "ipc" else ":"
        stranger.connect(f"{transport}://{info['ip']}{separator}{info['shell_port']}")
        assert monitor.poll(60_000), "the stranger was not refused"
        stranger.disable_monitor()
        stranger.close(0)
        client.shutdown()
        assert kernel.wait(60) == 0
        client.stop_channels()
    finally:
        kernel.kill()
        kernel.wait()
