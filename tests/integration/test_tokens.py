"""Named tokens: their scopes, their end, and who may make them; the audit log; guessing."""

import datetime
import json
import socket
import stat
import threading

import pytest
import requests
from kmuxd import TOKEN, wait_until

ALL = ["o mon observing-token observe", "r ann reading-token read", "u ann using-token", "f front fronts-token act-for"]
ECHO = "[kernels]\necho = true\n"


@pytest.fixture
def served(make_daemon):
    daemon = make_daemon(ECHO)
    daemon.allow(*ALL)
    return daemon.start()


def lines(daemon):
    return [json.loads(line) for line in (daemon.runtime / "state/audit.log").read_text().splitlines()]


def test_scopes(served):
    kernel = served.post("kernels", {"name": "echo"}, token="using-token").json()["id"]
    path = f"kernels/{kernel}"
    allowed = {
        "observing-token": {"look"}, "reading-token": {"look", "read"}, "using-token": {"look", "read", "use"},
        "fronts-token": {"look", "read", "use"}, TOKEN: {"look", "read", "use", "admin"},
    }
    for token, can in allowed.items():
        answers = {
            "look": served.get(path, token=token),
            "read": served.get(f"{path}/messages", token=token),
            "use": served.post(f"{path}/interrupt", token=token),
            "admin": served.get("drain", token=token),
        }
        for what, answer in answers.items():
            assert (answer.status_code < 300) == (what in can), (token, what, answer.text)
            if what not in can:
                assert answer.status_code == 403 and "scope" in answer.text or "dministrator" in answer.text
        actions = served.get("me", token=token).json()["permissions"]["kernels"]
        assert ("execute" in actions) == ("use" in can)
    assert served.get("kernels", token="observing-token").json()[0]["id"] == kernel
    assert served.get("me", token="reading-token").json()["kmux"]["scopes"] == "read"


def test_who_only_reads_hears_everything_and_says_nothing(served):
    kernel = served.post("kernels", {"name": "echo"}, token="using-token").json()["id"]
    reader = served.channels(kernel, session="shared", token="reading-token")
    user = served.channels(kernel, session="shared", token="using-token")
    assert user.text("echo hello") == "hello\n"
    heard = reader.until(lambda m: m["msg_type"] == "stream")
    assert heard[-1]["content"]["text"] == "hello\n"
    reader.send("kernel_info_request", {})
    closed = reader.until(lambda m: "closed" in m)[-1]
    assert closed["closed"] == 1008 and '"use"' in closed["reason"]
    assert user.text("echo still here") == "still here\n"


def test_a_front_acts_for_whom_it_names(make_daemon):
    daemon = make_daemon(ECHO + '[auth]\nuser_header = "X-Forwarded-User"\n')
    daemon.allow(*ALL)
    daemon.start()
    ask = {"name": "echo", "env": {"KERNEL_USERNAME": "bob"}}
    assert daemon.post("kernels", ask, token="fronts-token").json()["kmux"]["owner"] == "bob"
    assert daemon.post("kernels", ask, token="using-token").json()["kmux"]["owner"] == "ann"
    assert daemon.post("kernels", ask).json()["kmux"]["owner"] not in ("ann", "bob")
    named = {"X-Forwarded-User": "cid"}
    mine = daemon.post("kernels", {"name": "echo"}, token="fronts-token", headers=named).json()
    assert mine["kmux"]["owner"] == "cid"
    assert [k["id"] for k in daemon.get("kernels", token="fronts-token", headers=named).json()] == [mine["id"]]
    assert daemon.get("me", token="using-token", headers=named).json()["identity"]["username"] == "ann"
    assert daemon.get("me", token="fronts-token", headers={"X-Forwarded-User": "a b"}).status_code == 400


def test_life_of_a_token(served):
    made = served.post("tokens", {"name": "laptop", "expires_in": 3600}, token="using-token")
    assert made.status_code == 201, made.text
    token = made.json()["token"]
    assert made.json()["owner"] == "ann" and made.json()["scopes"] == "use"
    assert served.get("me", token=token).json()["identity"]["username"] == "ann"
    assert token not in (served.directory / "tokens").read_text()
    listed = {t["name"]: t for t in served.get("tokens", token="using-token").json()}
    assert set(listed) == {"r", "u", "laptop"} and "token" not in listed["laptop"]
    assert len(served.get("tokens").json()) == 5
    assert served.post("tokens", {"name": "laptop"}, token="using-token").status_code == 409
    fresh = served.post("tokens/laptop/rotate", token="using-token").json()["token"]
    assert served.get("me", token=token).status_code == 401 and served.get("me", token=fresh).status_code == 200
    assert served.delete("tokens/laptop", token="using-token").status_code == 204
    assert served.get("me", token=fresh).status_code == 401
    assert served.delete("tokens/laptop", token="using-token").status_code == 404
    served.stop()
    served.start()
    assert served.get("me", token="using-token").status_code == 200
    assert fresh not in served.log.read_text() and token not in served.log.read_text()


def test_nobody_gets_more_by_a_new_token(served):
    refused = [
        ("reading-token", {"name": "x"}, 403), ("using-token", {"name": "x", "scopes": "admin"}, 403),
        ("using-token", {"name": "x", "scopes": "use,observe"}, 403), ("using-token", {"name": "x", "owner": "bob"}, 403),
        ("using-token", {"name": "x", "scopes": "everything"}, 400), ("using-token", {"name": "a b"}, 400),
        ("using-token", {"name": "x/y"}, 400), ("using-token", {}, 400), ("using-token", {"name": "x", "expires_in": -1}, 400),
        ("using-token", {"name": "x", "expires_in": "soon"}, 400), ("observing-token", {"name": "x"}, 403),
    ]
    for token, body, status in refused:
        assert served.post("tokens", body, token=token).status_code == status, (token, body)
    assert served.post("tokens", {"name": "boss", "owner": "ann", "scopes": "admin"}).status_code == 201
    assert served.post("tokens/boss/rotate", token="using-token").status_code == 403
    assert served.post("tokens/o/rotate?owner=mon", token="using-token").status_code == 403
    assert served.delete("tokens/o?owner=mon", token="using-token").status_code == 403
    short = served.post("tokens", {"name": "short", "expires_in": 600}, token="using-token").json()
    longer = served.post("tokens", {"name": "longer", "expires_in": 6000}, token=short["token"]).json()
    assert longer["expires"] <= short["expires"]
    again = served.post("tokens/longer/rotate", token=short["token"]).json()
    assert again["expires"] <= short["expires"]


def test_tokens_expire(make_daemon):
    daemon = make_daemon(ECHO)
    past = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    daemon.allow(f"a ann old-token-of-ann use {past}")
    daemon.start()
    answer = daemon.get("me", token="old-token-of-ann")
    assert answer.status_code == 401 and "expired" in answer.json()["message"]
    token = daemon.post("tokens", {"name": "brief", "expires_in": 1}).json()["token"]
    wait_until(lambda: daemon.get("me", token=token).status_code == 401)


@pytest.mark.parametrize("taken_away", ["revoked", "rotated", "expired", "removed from the file"])
def test_a_token_that_is_taken_away_ends_what_it_has_opened(make_daemon, taken_away):
    daemon = make_daemon(ECHO + "[limits]\nws_ping_interval = \"1s\"\n")
    daemon.allow(*ALL)
    daemon.start()
    wish = {"name": "laptop", **({"expires_in": 10} if taken_away == "expired" else {})}
    token = daemon.post("tokens", wish, token="using-token").json()["token"]
    kernel = daemon.kernel(token="using-token")
    channels = daemon.channels(kernel, token=token)
    others = daemon.channels(kernel, token="using-token")
    if taken_away != "expired":
        assert channels.text("echo before") == "before\n"
    followed = daemon.get(f"kernels/{kernel}/messages?follow=1", token=token, stream=True)
    assert followed.status_code == 200
    if taken_away == "revoked":
        assert daemon.delete("tokens/laptop", token="using-token").status_code == 204
    elif taken_away == "rotated":
        assert daemon.post("tokens/laptop/rotate", token="using-token").status_code == 200
    elif taken_away == "removed from the file":
        daemon.allow(*ALL)
        assert daemon.post("reload").status_code == 204
    end = channels.until(lambda m: "closed" in m)[-1]
    assert end["closed"] == 1008 and "revoked or has expired" in end["reason"]
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        list(followed.iter_lines())
    assert others.text("echo after") == "after\n"


def test_what_a_person_writes_meanwhile_stays(served):
    path = served.directory / "tokens"
    path.write_text("# by hand\n" + path.read_text())
    assert served.post("tokens", {"name": "new"}).status_code == 201
    assert path.read_text().startswith("# by hand\n") and "new " in path.read_text()
    path.write_text(path.read_text() + "and nonsense\n")
    answer = served.post("tokens", {"name": "newer"})
    assert answer.status_code == 500 and "log" in answer.json()["message"] and str(path) not in answer.text
    assert f"{path}:" in served.log.read_text()
    assert served.get("me", token="using-token").status_code == 200


def test_the_audit_log(served):
    kernel = served.post("kernels", {"name": "echo"}, token="using-token").json()["id"]
    served.get("kernels", token="using-token")
    served.get("me?token=wrong-wrong-wrong", token=None)
    served.get("drain", token="using-token")
    served.post("drain", {})
    served.channels(kernel, token="using-token").close()
    path = served.runtime / "state/audit.log"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert wait_until(lambda: any(e["status"] == 101 for e in lines(served)))
    events = [(e["event"], e["method"], e["path"], e["status"], e["owner"]) for e in lines(served)]
    us = served.get("me").json()["identity"]["username"]
    assert ("allowed", "POST", "/api/kernels", 201, "ann") in events
    assert ("refused", "GET", "/api/me", 401, "") in events
    assert ("refused", "GET", "/api/drain", 403, "ann") in events
    assert ("allowed", "POST", "/api/drain", 200, us) in events
    assert ("allowed", "GET", f"/api/kernels/{kernel}/channels", 101, "ann") in events
    assert not any(e[2] == "/api/kernels" and e[1] == "GET" for e in events)
    assert "wrong" not in path.read_text() and "using-token" not in path.read_text()


def test_all_requests_are_written_where_that_is_wanted(make_daemon):
    daemon = make_daemon('[auth]\naudit = "all"\n').start()
    daemon.get("kernels")
    assert any(e["method"] == "GET" and e["path"] == "/api/kernels" and e["status"] == 200 for e in lines(daemon))


def test_guessing_is_slow_and_disturbs_nobody_who_came_in_before(served):
    assert served.get("me", token="using-token").status_code == 200
    statuses, lock = [], threading.Lock()

    def guess(n):
        for i in range(3):
            status = served.get("me", token=f"guess-{n}-{i}-guess").status_code
            with lock:
                statuses.append(status)

    guessers = [threading.Thread(target=guess, args=(n,)) for n in range(60)]
    for each in guessers:
        each.start()
    # While so many guesses wait for their answers, others are not even looked at.
    assert wait_until(lambda: 429 in statuses)
    assert served.get("me", token="using-token").status_code == 200
    for each in guessers:
        each.join()
    assert set(statuses) == {401, 429}
    assert wait_until(lambda: served.get("me", token="reading-token").status_code == 200)


def test_a_host_that_is_not_ours(served):
    host, port = served.url.removeprefix("http://").split("/")[0].split(":")

    def ask(path, name, more=""):
        with socket.create_connection((host, int(port)), timeout=30) as stream:
            stream.sendall(f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n{more}\r\n".encode())
            return int(b"".join(iter(lambda: stream.recv(65536), b"")).split()[1])

    assert ask("/api", f"localhost:{port}") == 200 and ask("/api", "127.0.0.1") == 200
    assert ask("/api", "evil.example") == 403 and ask("/api/kernels", "evil.example") == 403
    assert ask("/healthz", "evil.example") == 200
    assert ask("/api/kernels", "evil.example", f"Authorization: token {TOKEN}\r\n") == 200
