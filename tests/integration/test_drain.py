"""Before maintenance: no new kernels, and an end for those that are left."""

import pytest
from kmuxd import wait_until


@pytest.fixture
def daemon(make_daemon):
    daemon = make_daemon()
    daemon.allow("a alice token-of-alice")
    return daemon.start()


def drain(daemon):
    return daemon.get("drain").json()


def test_no_kernel_is_started_and_those_that_run_go_on(daemon):
    kernel = daemon.kernel()
    session = daemon.post("sessions", {"path": "a.ipynb", "kernel": {"id": kernel}}).json()
    assert drain(daemon) == {"state": "off", "deadline": None, "kernels": 1}
    begun = daemon.post("drain", {"deadline": None})
    assert begun.status_code == 200 and begun.json() == {"state": "draining", "deadline": None, "kernels": 1}
    for refused in (daemon.post("kernels", {"name": "echo"}),
                    daemon.post("sessions", {"path": "b.ipynb", "kernel": {"name": "echo"}}),
                    daemon.call("PATCH", f"api/sessions/{session['id']}", json={"kernel": {"name": "echo"}})):
        assert refused.status_code == 503 and int(refused.headers["Retry-After"]) >= 60
        assert "drain" in refused.json()["message"]
    # What starts none is as ever.
    assert daemon.post("kernels", {"kernel_id": kernel}).json()["id"] == kernel
    assert daemon.post("sessions", {"path": "c.ipynb", "kernel": {"id": kernel}}).status_code == 201
    assert daemon.channels(kernel).text("echo here") == "here\n"
    assert daemon.post(f"kernels/{kernel}/restart").status_code == 200
    assert daemon.delete(f"kernels/{kernel}").status_code == 204
    assert drain(daemon)["state"] == "drained"
    assert daemon.delete("drain").status_code == 204
    assert drain(daemon)["state"] == "off"
    assert daemon.kernel()


def test_at_the_deadline_those_that_are_left_are_ended(daemon):
    kernels = [daemon.kernel() for _ in range(3)]
    client = daemon.channels(kernels[0])
    begun = daemon.post("drain", {"deadline": 3600}).json()
    assert begun["deadline"] and begun["kernels"] == 3
    assert int(daemon.post("kernels", {"name": "echo"}).headers["Retry-After"]) in range(3300, 3601)
    assert daemon.post("drain", {"deadline": 0.2}).json()["deadline"] < begun["deadline"]
    assert client.until(lambda m: "closed" in m)[-1]["closed"] == 4404
    wait_until(lambda: drain(daemon)["state"] == "drained")
    assert daemon.get("kernels").json() == []
    assert daemon.post("kernels", {"name": "echo"}).status_code == 503


def test_a_drain_that_was_ended_has_no_deadline(daemon):
    kernel = daemon.kernel()
    daemon.post("drain", {"deadline": 4})
    assert daemon.delete("drain").status_code == 204
    other = daemon.kernel()
    # Another deadline, after the first one: only what is told to end ends.
    daemon.delete(f"kernels/{other}")
    daemon.post("drain", {"deadline": 100})
    client = daemon.channels(kernel)
    reply = next(m for m in client.run("sleep 4.5") if m["msg_type"] == "execute_reply")
    assert reply["content"]["status"] == "ok"
    assert drain(daemon)["kernels"] == 1


def test_it_is_the_administrators(daemon):
    for method in ("GET", "POST", "DELETE"):
        refused = daemon.call(method, "api/drain", token="token-of-alice")
        assert refused.status_code == 403 and "administrator" in refused.json()["message"]
    assert drain(daemon)["state"] == "off"


@pytest.mark.parametrize("deadline", ["soon", -1, True, 1e9, [], {}])
def test_bad_deadlines(daemon, deadline):
    refused = daemon.post("drain", {"deadline": deadline})
    assert refused.status_code == 400 and "deadline" in refused.json()["message"]
    assert drain(daemon)["state"] == "off"


def test_the_next_daemon_starts_kernels(daemon):
    daemon.post("drain")
    assert daemon.stop() == 0
    daemon.start()
    assert drain(daemon)["state"] == "off" and daemon.kernel()
