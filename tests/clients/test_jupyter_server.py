"""A real Jupyter server with --gateway-url in front of kmuxd: what JupyterLab does."""

from programs import KERNELS, jupyter_server


def test_a_notebook_through_a_jupyter_server(daemon):
    daemon.add_kernelspec("python3", KERNELS["ipykernel"])
    with jupyter_server(daemon) as front:
        work(daemon, front)


def work(daemon, front):
    assert "python3" in front.get("kernelspecs").json()["kernelspecs"]
    session = front.post("sessions", {"path": "n.ipynb", "name": "n", "type": "notebook", "kernel": {"name": "python3"}}).json()
    kernel = session["kernel"]["id"]
    assert [k["id"] for k in daemon.get("kernels").json()] == [kernel]
    one, two = front.channels(kernel), front.channels(kernel)
    assert one.text("x = 41; print(x + 1)") == "42\n"
    assert two.text("print(x)") == "41\n"
    msg_id = one.execute("import time\nprint('go', flush=True)\ntime.sleep(100)", stop_on_error=False)
    one.until(lambda m: m["content"].get("text", "").startswith("go"))  # a print() may come in pieces
    assert front.post(f"kernels/{kernel}/interrupt", {}).status_code == 204
    reply = next(m for m in one.finish(msg_id) if m["msg_type"] == "execute_reply")
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    one.socket.shutdown()
    again = front.channels(kernel, session=one.session)
    assert again.text("print(x)") == "41\n"
    assert front.post(f"kernels/{kernel}/restart", {}).status_code == 200
    assert again.text("print('x' in globals())") == "False\n"
    assert front.delete(f"kernels/{kernel}").status_code == 204
    assert daemon.get("kernels").json() == []
    assert front.get("kernels").json() == []
