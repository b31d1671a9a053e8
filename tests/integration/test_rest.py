"""The REST API, as Jupyter's clients expect it."""

import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml
from kmuxd import TOKEN, wait_until

DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def test_kernel_model(daemon):
    answer = daemon.post("kernels", {"name": "echo"})
    model = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/kernels/{model['id']}"
    assert model["name"] == "echo" and model["connections"] == 0
    assert DATE.fullmatch(model["last_activity"])
    assert set(model["kmux"]) >= {"owner", "pid", "started", "restarts", "exit"}
    assert daemon.get("kernels").json()[0]["id"] == model["id"]


def test_a_kernel_that_nobody_talks_to_becomes_idle(daemon):
    kernel = daemon.kernel()
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "idle")


def test_delete(daemon):
    kernel = daemon.kernel()
    assert daemon.delete(f"kernels/{kernel}").status_code == 204
    assert daemon.delete(f"kernels/{kernel}").status_code == 404
    assert daemon.get("kernels").json() == []


def test_default_kernel_and_empty_body(make_daemon):
    daemon = make_daemon('[kernels]\necho = true\ndefault_name = "echo"\n').start()
    assert daemon.post("kernels").json()["name"] == "echo"
    assert daemon.call("POST", "api/kernels", data="null").json()["name"] == "echo"


@pytest.mark.parametrize("body, status", [
    ("{", 400), ("[]", 400), ('"x"', 400), ('{"name": 5}', 400), ('{"env": []}', 400),
    ('{"env": {"A=B": "x"}}', 400), ('{"env": {"A": 5}}', 400), ('{"kernel_id": "../x"}', 400),
    ('{"name": "no-such-spec"}', 404), ('{"name": "../echo"}', 404), ("[" * 100_000, 400),
    ('{"name": "echo", "path": "a\\u0000b"}', 400),
])
def test_bad_bodies(daemon, body, status):
    answer = daemon.call("POST", "api/kernels", data=body)
    assert answer.status_code == status
    assert set(answer.json()) == {"reason", "message"} and answer.json()["message"]
    assert daemon.get("kernels").json() == []


def test_kernel_id_may_be_chosen_and_is_taken_once(daemon):
    wanted = str(uuid.uuid4())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: daemon.post("kernels", {"name": "echo", "kernel_id": wanted}), range(8)))
    assert {a.status_code for a in answers} == {201}
    assert {a.json()["id"] for a in answers} == {wanted}
    assert len({a.json()["kmux"]["pid"] for a in answers}) == 1
    assert len(daemon.get("kernels").json()) == 1


@pytest.mark.parametrize("method, path", [
    ("GET", "kernels/x"), ("DELETE", "kernels/x"), ("POST", "kernels/x/interrupt"),
    ("POST", "kernels/x/restart"), ("GET", "sessions/x"), ("PATCH", "sessions/x"),
    ("DELETE", "sessions/x"), ("GET", "kernelspecs/x"), ("GET", "nothing"),
])
def test_what_is_not_there_is_404_in_json(daemon, method, path):
    answer = daemon.call(method, "api/" + path)
    assert answer.status_code == 404 and answer.json()["message"]


def test_wrong_method(daemon):
    answer = daemon.call("PUT", "api/kernels")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, POST"


def test_the_environment_and_directory_of_a_request_reach_its_kernel_alone(daemon):
    daemon.add_kernelspec("shell", ["/bin/sh", "-c", 'env > "$OUT"; pwd >> "$OUT"; exec sleep 1000'],
                          env={"FROM_SPEC": "${HOME}/x", "KEPT": "${NOT_THERE}"})
    (daemon.directory / "work").mkdir()
    outputs = []
    for name in ("one", "two"):
        out = daemon.directory / name
        daemon.kernel("shell", env={"OUT": str(out), "MINE": name}, path="work")
        outputs.append((name, out))
    for name, out in outputs:
        lines = wait_until(lambda: (t := out.read_text().splitlines() if out.exists() else []) and t[-1].startswith("/") and t)
        assert f"MINE={name}" in lines
        assert f"FROM_SPEC={daemon.directory}/x" in lines and "KEPT=${NOT_THERE}" in lines
        assert lines[-1] == str(daemon.directory / "work")
        assert any(line.startswith("JPY_PARENT_PID=") for line in lines)


def test_kernelspecs(daemon):
    directory = daemon.add_kernelspec("one", ["/bin/true", "{connection_file}"], metadata={"a": [1]}, interrupt_mode="message")
    (directory / "logo-64x64.png").write_bytes(b"\x89PNG")
    (daemon.directory / "secret").write_text("no")
    (directory / "logo-link.png").symlink_to(daemon.directory / "secret")
    broken = daemon.add_kernelspec("broken", [])
    (broken / "kernel.json").write_text("{")
    listed = daemon.get("kernelspecs").json()
    assert "broken" not in listed["kernelspecs"] and listed["default"] in listed["kernelspecs"]
    one = listed["kernelspecs"]["one"]
    assert one["spec"]["metadata"] == {"a": [1]} and one["spec"]["interrupt_mode"] == "message"
    assert one["resources"]["logo-64x64"] == "/kernelspecs/one/logo-64x64.png"
    assert daemon.get("kernelspecs/ONE").json()["spec"] == one["spec"]
    assert daemon.get("kernelspecs/broken").status_code == 500
    logo = daemon.call("GET", "kernelspecs/one/logo-64x64.png")
    assert (logo.content, logo.headers["Content-Type"]) == (b"\x89PNG", "image/png")
    again = daemon.call("GET", "kernelspecs/one/logo-64x64.png", headers={"If-None-Match": logo.headers["ETag"]})
    assert again.status_code == 304 and again.content == b""
    for path in ("kernelspecs/one/..%2f..%2f..%2fsecret", "kernelspecs/one/logo-link.png", "kernelspecs/one/none.png"):
        assert daemon.call("GET", path).status_code == 404


def test_sessions(daemon):
    body = {"path": "a/b.ipynb", "name": "b", "type": "notebook", "kernel": {"name": "echo"}}
    answer = daemon.post("sessions", body)
    session = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/sessions/{session['id']}"
    assert session["notebook"]["path"] == "a/b.ipynb" and session["kernel"]["name"] == "echo"
    assert daemon.post("sessions", body).json()["id"] == session["id"]
    assert daemon.get("sessions").json()[0]["id"] == session["id"]
    moved = daemon.call("PATCH", f"api/sessions/{session['id']}", json={"path": "c.ipynb"}).json()
    assert (moved["path"], moved["kernel"]["id"]) == ("c.ipynb", session["kernel"]["id"])
    changed = daemon.call("PATCH", f"api/sessions/{session['id']}", json={"kernel": {"name": "echo"}}).json()
    assert changed["kernel"]["id"] != session["kernel"]["id"]
    assert daemon.get(f"kernels/{session['kernel']['id']}").status_code == 404
    assert daemon.delete(f"sessions/{session['id']}").status_code == 204
    assert daemon.get("kernels").json() == [] and daemon.get("sessions").json() == []


def test_a_session_ends_with_its_kernel(daemon):
    session = daemon.post("sessions", {"path": "x", "type": "file", "kernel": {"name": "echo"}}).json()
    daemon.delete(f"kernels/{session['kernel']['id']}")
    assert daemon.get("sessions").json() == []


@pytest.mark.parametrize("body", ["", "{}", '{"path": 5}', '{"path": "x", "kernel": 5}'])
def test_bad_sessions(daemon, body):
    assert daemon.call("POST", "api/sessions", data=body).status_code == 400


def test_status_and_me(daemon):
    daemon.kernel()
    status = daemon.get("status").json()
    assert status["kernels"] == 1 and status["connections"] == 0
    assert DATE.fullmatch(status["started"]) and DATE.fullmatch(status["last_activity"])
    me = daemon.get("me", params={"permissions": '{"kernels": ["execute"], "contents": ["read"]}'}).json()
    assert me["permissions"] == {"kernels": ["execute"], "contents": []}
    assert me["identity"]["username"]
    assert daemon.get("me", params={"permissions": "["}).status_code == 400


def test_base_url(make_daemon):
    daemon = make_daemon('[kernels]\necho = true\n[server]\nbase_url = "/services/kmux/"\n').start()
    assert daemon.url.endswith("/services/kmux/")
    answer = daemon.post("kernels", {"name": "echo"})
    assert answer.headers["Location"].startswith("/services/kmux/api/kernels/")
    assert daemon.call("GET", "../../api").status_code == 404
    assert daemon.call("GET", "../../api", token=None).status_code == 401


def test_the_api_is_what_its_description_says(daemon):
    spec = yaml.safe_load(daemon.get("spec.yaml").text)
    kernel, session = daemon.kernel(), daemon.post("sessions", {"path": "p", "kernel": {"name": "echo"}}).json()["id"]
    values = {"kernel_id": kernel, "session_id": session, "name": "echo", "file": "none", "msg_id": "none", "client_id": "none"}
    for path, operations in spec["paths"].items():
        for method in ("get", "post", "patch", "delete"):
            url = re.sub(r"\{(\w+)\}", lambda m: values[m[1]], path).lstrip("/")
            if method not in operations:
                assert daemon.call(method.upper(), url).status_code == 405, (method, path)
                continue
            documented = set(operations[method]["responses"])
            if operations[method].get("security") != []:
                refused = daemon.call(method.upper(), url, token=None)
                assert refused.status_code == 401 and "401" in documented, (method, path)
            if method != "delete":
                answer = daemon.call(method.upper(), url)
                assert str(answer.status_code) in documented, (method, path, answer.text)


def test_a_token_in_the_address(daemon):
    assert daemon.call("GET", f"api/kernels?token={TOKEN}", token=None).status_code == 200
