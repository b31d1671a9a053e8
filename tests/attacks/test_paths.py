"""Paths that lead elsewhere: in addresses, bodies and the environment."""

import json

import pytest
from kmuxd import wait_until
from raw import exchange, request, statuses

SECRET = "root-of-all-secrets"
#: Ways to write ../ and what else has been a way out somewhere.
UP = ["..", "%2e%2e", "%2E%2E", ".%2e", "%2e.", "..%2f..", "..%5c", "..\\", "%252e%252e", "..;", "..%00", "%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae",
      "%uff0e%uff0e", "%ef%bc%8e%ef%bc%8e", "....//", "..././", ".../...", "%2f%2fetc%2fpasswd", "/etc/passwd", "~", "~root", "%7e",
      "C:\\", "file:%2f%2f%2fetc%2fpasswd", "%0a", "%0d%0a", "%20", "a%00.png", "x" * 3000, "%2e%2e%2f" * 500, "..%2f" * 1000, "./" * 2000]
ADDRESSES = ["/api/kernels/{}", "/api/kernels/{}/channels", "/api/kernels/{}/messages", "/api/kernels/{}/executions", "/api/kernels/{}/executions/{}/outputs",
             "/api/sessions/{}", "/api/kernelspecs/{}", "/kernelspecs/{}/logo.png", "/kernelspecs/one/{}", "/kernelspecs/one/{}/{}", "/kernelspecs/one/sub/{}", "/{}", "/api/{}", "/{}/api/kernels"]


@pytest.fixture
def place(make_daemon):
    daemon = make_daemon()
    directory = daemon.add_kernelspec("one", ["/bin/sh", "-c", 'pwd -P > "$OUT.new"; mv "$OUT.new" "$OUT"; exec sleep 1000'])
    (directory / "sub").mkdir()
    (directory / "logo.png").write_bytes(b"PNG")
    (daemon.directory / "jupyter/kernels/secret").write_text(SECRET)
    (daemon.directory / "secret").write_text(SECRET)
    (directory / "out").symlink_to(daemon.directory / "secret")
    (directory / "sub" / "up").symlink_to(daemon.directory)
    return daemon.start()


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_address_leads_elsewhere(place, address):
    for method in ("GET", "DELETE", "POST", "PATCH"):
        data = b"".join(request(method, address.replace("{}", up, 1).replace("{}", "..")) for up in UP)
        answer = exchange(place, data + request("GET", "/api", headers=["Connection: close"]))
        found = statuses(answer)
        # Some lead to the root, which is nothing, and some to /api, which says its version.
        assert found[-1] == 200 and set(found) <= {200, 400, 404, 405, 426}, (method, set(found))
        assert SECRET.encode() not in answer and b"root:" not in answer
        assert str(place.directory).encode() not in answer
    assert place.get("kernels").json() == []


@pytest.mark.parametrize("file", ["../secret", "../../secret", "out", "sub/up/secret", "sub/../../secret", "/etc/passwd", "kernel.json/x", "sub", "", ".", ".."])
def test_only_files_of_a_kernelspec_are_given_out(place, file):
    from urllib.parse import quote
    for form in (file, quote(file, safe=""), quote(quote(file, safe=""), safe="")):
        answer = exchange(place, request("GET", f"/kernelspecs/one/{form}", headers=["Connection: close"]))
        assert statuses(answer) in ([404], [400], [405]) and SECRET.encode() not in answer
    assert place.call("GET", "kernelspecs/one/logo.png").content == b"PNG"


@pytest.mark.parametrize("wish", ["", "/", "..", "../..", "/etc", "../../../../etc", "a/../../..", "out", "out/etc", "work/../../x", "work", "work/", "work/none/x",
                                  "./work", "//work", "work/./.", "work\\..\\..", "%2e%2e", "~", "$HOME", "x" * 300, "x/" * 1000])
def test_a_kernel_begins_within_the_root(make_daemon, wish):
    daemon = make_daemon()
    daemon.add_kernelspec("one", ["/bin/sh", "-c", 'pwd -P > "$OUT.new"; mv "$OUT.new" "$OUT"; exec sleep 1000'])
    root = daemon.directory / "root"
    (root / "work").mkdir(parents=True)
    (root / "out").symlink_to("/")
    daemon.flags += ["--root-dir", str(root)]
    daemon.start()
    for number, body in enumerate(({"path": wish}, None)):
        out = daemon.directory / f"out{number}"
        env = {"OUT": str(out)}
        if body:
            answer = daemon.post("kernels", {"name": "one", "env": env, **body})
        else:
            answer = daemon.post("sessions", {"path": wish + "/n.ipynb", "kernel": {"name": "one", "env": env}})
        assert answer.status_code == 201, answer.text
        found = wait_until(lambda: out.exists() and out.read_text().strip(), 60)
        assert found == str(root) or found.startswith(str(root) + "/"), found


@pytest.mark.parametrize("kernel_id", ["..", "../../x", "/etc/passwd", ".", "", "a", "x" * 5000, "a-b-c-d-../e", "a-b-c-d-e/../f", "a-b-c-d-e\n", "a-b-c-d-\u0000",
                                       "a-b-c-d-é", "-----", "a--b-c-d", ".quarantine-a-b-c-d-e-1", "a-b-c-d-e.new"])
def test_no_id_is_a_path(daemon, kernel_id):
    answer = daemon.call("POST", "api/kernels", data=json.dumps({"name": "echo", "kernel_id": kernel_id}))
    if kernel_id == "":
        assert answer.status_code == 201  # none is asked for
        return
    assert answer.status_code == 400 and answer.json()["message"]
    assert sorted(p.name for p in (daemon.runtime / "kernels").iterdir()) == []
    assert sorted(p.name for p in (daemon.runtime / "state/kernels").iterdir()) == []


@pytest.mark.parametrize("name", ["../one", "one/../one", "/etc", "one/", "one\n", ".", "..", "o\\ne", "ONE\u0130"])
def test_no_kernelspecs_name_is_a_path(place, name):
    for answer in (place.call("POST", "api/kernels", data=json.dumps({"name": name})),
                   place.call("POST", "api/sessions", data=json.dumps({"path": "n", "kernel": {"name": name}}))):
        assert answer.status_code == 404, answer.text
    assert place.get("kernels").json() == []


def test_a_null_in_any_text_is_refused(daemon):
    for where, body in (("kernels", {"name": "echo\0x"}), ("kernels", {"name": "echo", "path": "a\0b"}), ("kernels", {"name": "echo", "env": {"A": "\0"}}),
                        ("sessions", {"path": "a\0b", "kernel": {"name": "echo"}}), ("sessions", {"path": "a", "name": "\0", "kernel": {"name": "echo"}}),
                        ("sessions", {"path": "a", "type": "\0", "kernel": {"name": "echo"}})):
        assert daemon.call("POST", "api/" + where, data=json.dumps(body)).status_code == 400, body
    assert daemon.get("kernels").json() == []
