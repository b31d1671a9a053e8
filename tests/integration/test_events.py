"""What has happened: numbered, kept, followed; and who may see it."""

import json
import re
import signal
import stat
import threading

import pytest
import requests
from kmuxd import TOKEN, wait_until

BOB = "bobs-token-which-is-long"
NOBODY = "7b4a8a4e-0000-4000-8000-000000000000"


def events(daemon, query="", **more):
    answer = daemon.get(f"events?{query}", **more)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/x-ndjson", answer.text
    return [json.loads(line) for line in answer.text.splitlines() if line]


def names(found):
    return [e["event"] for e in found]


def in_order(wanted, found):
    rest = iter(found)
    return all(any(each == name for name in rest) for each in wanted)


def numbers(found):
    return [e["number"] for e in found]


class Follower:
    """Reads on and on, in a thread of its own; ends with the answer."""

    def __init__(self, daemon, query="follow=1", token=TOKEN, **headers):
        self.answer = requests.get(f"{daemon.url}api/events?{query}", stream=True, timeout=60,
                                   headers={"Authorization": f"token {token}", **headers})
        assert self.answer.status_code == 200, self.answer.text
        self.lines = []
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        try:
            for line in self.answer.iter_lines(chunk_size=1):
                self.lines.append(line.decode())
        except requests.exceptions.RequestException:
            pass  # a daemon that was killed

    @property
    def found(self):
        return [json.loads(line) for line in self.lines if line]

    def join(self):
        self.thread.join(60)
        assert not self.thread.is_alive()


def test_a_kernels_life_in_order(daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel, session="me")
    channels.run("echo hello")
    channels.execute("crash")
    channels.until(lambda m: m["content"].get("execution_state") == "restarting")
    wait_until(lambda: "kernel_restarted" in names(events(daemon, f"kernel={kernel}")))
    channels.close()
    wait_until(lambda: daemon.model(kernel)["connections"] == 0)
    daemon.delete(f"kernels/{kernel}")
    found = events(daemon, f"kernel={kernel}")
    assert in_order(["kernel_launched", "kernel_state", "client_connected", "kernel_ended", "kernel_launched", "kernel_restarted",
                     "client_disconnected", "kernel_ended", "kernel_deleted"], names(found)), names(found)
    assert names(found)[-1] == "kernel_deleted"
    owner = daemon.get("me").json()["identity"]["username"]
    assert {e["kernel"] for e in found} == {kernel} and {e["owner"] for e in found} == {owner}
    launched, died = (next(e for e in found if e["event"] == name) for name in ("kernel_launched", "kernel_ended"))
    assert launched["spec"] == "echo" and launched["pid"] == died["pid"] > 0 and died["cause"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", e["time"]) for e in found)
    everything = events(daemon)
    assert numbers(everything) == list(range(1, len(everything) + 1)) and everything[0]["event"] == "ready"
    assert f"event=kernel_launched kernel={kernel} spec=echo owner={owner} pid={launched['pid']}\n" in daemon.log.read_text()
    file = daemon.runtime / "state/events.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [json.loads(line) for line in file.read_text().splitlines()] == everything


def test_a_part_of_it(daemon):
    first, second = daemon.kernel(), daemon.kernel()
    wait_until(lambda: [e["state"] for e in events(daemon, "type=kernel_state")].count("ready") == 2)
    everything = events(daemon)
    some = everything[2]["number"]
    assert numbers(events(daemon, f"after={some}&limit=2")) == [some + 1, some + 2]
    assert events(daemon, "limit=2") == everything[-2:] and events(daemon, "limit=0") == []
    assert events(daemon, f"kernel={second}&limit=1") == [e for e in everything if e.get("kernel") == second][-1:]
    assert names(events(daemon, "type=kernel_launched,ready")) == ["ready", "kernel_launched", "kernel_launched"]
    assert events(daemon, f"kernel={first}&type=kernel_deleted") == [] and events(daemon, f"kernel={NOBODY}") == []
    assert events(daemon, f"after={2**60}") == []
    head = daemon.call("HEAD", "api/events")
    assert head.status_code == 200 and head.content == b"" and "ETag" not in head.headers


@pytest.mark.parametrize("wrong", ["after=x", "after=-1", "limit=1.5", "kernel=abc", "type=", "type=A%20B", "follow=perhaps"])
def test_wrong_questions_are_told_so(daemon, wrong):
    answer = daemon.get(f"events?{wrong}")
    assert answer.status_code == 400 and wrong.split("=")[0] in answer.json()["message"], answer.text
    assert daemon.get("events", headers={"Last-Event-ID": "x"}).status_code == 400


def test_numbers_go_on_after_kill_9(daemon):
    kernel = daemon.kernel()
    follower = Follower(daemon, "follow=1&after=0")
    wait_until(lambda: "kernel_launched" in names(follower.found))
    daemon.stop(signal.SIGKILL)
    follower.join()
    before = follower.found
    daemon.start()
    wait_until(lambda: "ready" in names(events(daemon, f"after={numbers(before)[-1]}")))
    everything = events(daemon)
    assert everything[:len(before)] == before, "what anybody has seen is still there"
    assert numbers(everything) == list(range(1, len(everything) + 1))
    assert in_order(["kernel_launched", "kernel_adopted", "ready"], names(everything))
    assert names(everything).count("kernel_launched") == 1
    daemon.delete(f"kernels/{kernel}")


def test_following(daemon):
    follower = Follower(daemon)
    wait_until(lambda: names(follower.found) == ["ready"])
    kernel = daemon.kernel()
    of_it = Follower(daemon, f"follow=1&kernel={kernel}&limit=1")
    daemon.delete(f"kernels/{kernel}")
    for each in (follower, of_it):
        wait_until(lambda each=each: "kernel_deleted" in names(each.found))
    assert follower.found == events(daemon)
    assert numbers(of_it.found)[0] > 1
    daemon.stop()
    follower.join()
    assert names(follower.found)[-1] == "stopping", "the last words, and then the end"


def test_server_sent_events(daemon):
    kernel = daemon.kernel()
    accept = {"Accept": "text/event-stream"}
    first = Follower(daemon, "", **accept)
    assert first.answer.headers["Content-Type"] == "text/event-stream"
    everything = events(daemon)

    def told(follower):
        return [(int(i), e, json.loads(d)) for i, e, d in re.findall(r"id: (\d+)\nevent: (\w+)\ndata: (.*)\n\n", "\n".join(follower.lines) + "\n")]

    expected = [(e["number"], e["event"], e) for e in everything]
    wait_until(lambda: told(first)[:len(expected)] == expected)
    last = everything[2]["number"]
    # A browser says where it was, and repeats the address that it had.
    again = Follower(daemon, f"after=0&kernel={kernel}", **accept, **{"Last-Event-ID": str(last)})
    wait_until(lambda: len(told(again)) > 0)
    assert told(again)[0][0] == last + 1
    daemon.delete(f"kernels/{kernel}")
    wait_until(lambda: told(again)[-1][1] == "kernel_deleted" == told(first)[-1][1])
    daemon.stop()
    first.join()
    again.join()


def test_who_follows_sees_that_we_live(daemon):
    """Also where others' events come all the time."""
    kernel = daemon.kernel()
    of_none = f"follow=1&kernel={NOBODY}"
    followers = [Follower(daemon, of_none), Follower(daemon, of_none, Accept="text/event-stream")]

    def both_live():
        daemon.post(f"kernels/{kernel}/pin")
        return "" in followers[0].lines and ":" in followers[1].lines

    wait_until(both_live, seconds=60)
    assert not any(each.strip(":") for follower in followers for each in follower.lines)
    daemon.stop()
    for each in followers:
        each.join()


def test_owners_see_what_is_theirs(make_daemon):
    daemon = make_daemon()
    daemon.allow(f"b bob {BOB}", "r bob only-reads-bobs-kernels read", "o mon observing-token observe", "f front fronts-token act-for")
    daemon.start()
    mine, bobs = daemon.kernel(), daemon.kernel(token=BOB)
    daemon.post("drain")
    assert daemon.get("events", token="wrong-token").status_code == 401
    assert daemon.get("drain", token=BOB).status_code == 403
    follower = Follower(daemon, token=BOB)
    daemon.delete(f"kernels/{mine}")
    daemon.delete(f"kernels/{bobs}")
    wait_until(lambda: "kernel_deleted" in names(follower.found))
    for token in (BOB, "only-reads-bobs-kernels"):
        found = events(daemon, token=token)
        assert {e["kernel"] for e in found} == {bobs} and {e["owner"] for e in found} == {"bob"}
        assert events(daemon, f"kernel={mine}", token=token) == []
    assert {e["kernel"] for e in follower.found} == {bobs}
    for token in ("observing-token", "fronts-token"):
        assert {e.get("kernel") for e in events(daemon, token=token)} == {mine, bobs}
    everything = names(events(daemon))
    assert in_order(["ready", "drain_begun", "access_refused", "access_refused"], everything)
    refused = events(daemon, "type=access_refused")
    assert [e["status"] for e in refused] == [401, 403] and refused[0]["address"] == "127.0.0.1" and refused[1]["who"] == "bob"
    text = daemon.log.read_text() + (daemon.runtime / "state/events.jsonl").read_text()
    assert "wrong-token" not in text and BOB not in text
    daemon.stop()
    follower.join()


def test_what_is_dropped_is_told(make_daemon):
    daemon = make_daemon("[kernels]\necho = true\n[events]\nmax_bytes = 8192\n").start()
    kernel = daemon.kernel()
    wait_until(lambda: "ready" in [e["state"] for e in events(daemon, "type=kernel_state")])
    for _ in range(100):
        daemon.post(f"kernels/{kernel}/pin")
    files = [daemon.runtime / "state" / name for name in ("events.jsonl", "events.jsonl.1")]
    assert sum(f.stat().st_size for f in files) <= 8192
    kept = events(daemon)
    assert numbers(kept) == list(range(kept[0]["number"], kept[-1]["number"] + 1)) and kept[0]["number"] > 50
    gap, *rest = events(daemon, "after=3")
    assert gap == {"event": "events_dropped", "first": 4, "last": kept[0]["number"] - 1} and rest == kept
    only_gap, *_ = events(daemon, "after=3&type=kernel_launched")
    assert only_gap == gap, "nobody knows what they were"
    follower = Follower(daemon, "after=10", Accept="text/event-stream")
    wait_until(lambda: len(follower.lines) > 3)
    assert follower.lines[0] == f"id: {kept[0]['number'] - 1}"
    # From memory, from the files, and from both: the same.
    daemon.stop(signal.SIGKILL)
    follower.join()
    daemon.start()
    assert events(daemon, "after=3")[1:10] == kept[:9] or events(daemon, "after=3")[0]["last"] > gap["last"]
    assert events(daemon, f"after={kept[-1]['number']}")[0]["number"] == kept[-1]["number"] + 1


def test_more_than_is_in_memory(make_daemon):
    """Two megabytes of them, of which a part is in memory."""
    daemon = make_daemon()
    state = daemon.runtime / "state"
    state.mkdir(parents=True, mode=0o700)
    line = '{{"number": {}, "time": "2026-01-31T12:00:00.000000Z", "event": "kernel_state", "kernel": "k", "x": "' + "x" * 100 + '"}}\n'
    (state / "events.jsonl").write_text("".join(line.format(n) for n in range(1, 10_001)) + "nonsense\n" + '{"number": 10001, "ti')
    daemon.start()
    assert "event=events_damaged lines=1" in daemon.log.read_text()
    kept = events(daemon)
    assert numbers(kept) == list(range(1, kept[-1]["number"] + 1)) and len(kept) > 10_000
    assert numbers(events(daemon, "type=kernel_state&limit=9999")) == list(range(2, 10_001))
    assert numbers(events(daemon, "after=5&limit=3")) == [6, 7, 8]
    # Whoever reads nothing costs nothing.
    slow = requests.get(f"{daemon.url}api/events?follow=1", stream=True, timeout=60, headers={"Authorization": f"token {TOKEN}"})
    kernel = daemon.kernel()
    read = slow.iter_lines(chunk_size=4096)
    seen = []
    while not seen or seen[-1].get("kernel") != kernel:
        if line := next(read):  # else it has only said that it lives
            seen.append(json.loads(line))
    assert seen[:len(kept)] == kept
    slow.close()


def test_limits_that_are_reached(make_daemon):
    daemon = make_daemon("[kernels]\necho = true\nmax_per_owner = 1\n[limits]\nclient_queue_bytes = 65536\n").start()
    kernel = daemon.kernel()
    for _ in range(100):
        assert daemon.post("kernels", {"name": "echo"}).status_code == 403
    reached = events(daemon, "type=limit_reached")
    assert len(reached) == 10 and {e["option"] for e in reached} == {"kernels.max_per_owner"}, "and no flood"
    slow = daemon.channels(kernel)
    slow.execute("flood 20000 1024")
    wait_until(lambda: "client_slow" in names(events(daemon, f"kernel={kernel}")))
    assert names(events(daemon, "type=client_slow")) == ["client_slow"], "once for each connection"


def test_the_configuration_and_the_daemon(daemon):
    daemon.config.write_text("[kernels]\necho = true\nno_such_key = 1\n")
    assert daemon.post("reload").status_code == 409
    daemon.config.write_text("[kernels]\necho = true\n[events]\nmax_bytes = 0\n")
    assert daemon.post("reload").status_code == 204
    assert in_order(["ready", "reload", "reload_refused", "reload", "reloaded"], names(events(daemon)))
    (refused,) = events(daemon, "type=reload_refused")
    assert refused["key"] == "kernels.no_such_key"
    assert not (daemon.runtime / "state/events.jsonl").exists(), "nothing on disk any more"
    last = events(daemon)[-1]["number"]
    daemon.stop()
    daemon.start()
    assert events(daemon)[0]["number"] > last, "but for the number"
