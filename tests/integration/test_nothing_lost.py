"""Every message arrives once, in order, whatever is killed, stopped or cut meanwhile."""

import json
import os
import random
import signal
import time

import pytest
from history import Asker, Load, Reader, cell_of
from kmuxd import V1, has_ended, wait_until


def kill_and_start(daemon):
    daemon.process.kill()
    daemon.process.wait()
    daemon.start()


def test_the_daemon_is_killed_under_load(daemon):
    load = Load(daemon, kernels=3, lines=3000, per_second=300)  # longer than it takes to start kmuxd a few times
    asker = Asker(daemon, daemon.kernel())
    asker.start()
    for _ in range(8):
        before = min(len(each.text) for each in load.readers)
        wait_until(lambda: min(len(each.text) for each in load.readers) > before or all(e.ended.is_set() for e in load.readers))
        kill_and_start(daemon)
    load.finish(100)
    count = len(asker.counts)
    wait_until(lambda: len(asker.counts) > count, what="an answer after the last kill")
    asker.stop()
    assert not asker.judge()
    assert max(each.connections for each in load.readers) > 3


def test_connections_are_cut_all_the_time(daemon):
    load = Load(daemon, kernels=2, lines=800, per_second=200)
    choose = random.Random(1)
    cuts = 0
    while not all(each.ended.is_set() for each in load.readers) and cuts < 2000:
        each = choose.choice(load.readers)
        each.ready.clear()
        each.cut()
        cuts += 1
        each.ready.wait(5)
    assert cuts > 20
    load.finish(100)


@pytest.mark.parametrize("who", ["daemon", "kernel"])
def test_a_process_stands_still(daemon, who):
    load = Load(daemon, kernels=1, lines=400, per_second=200)
    pid = daemon.process.pid if who == "daemon" else daemon.model(load.kernels[0])["kmux"]["pid"]
    for _ in range(2):
        os.kill(pid, signal.SIGSTOP)
        stopped = time.monotonic()
        wait_until(lambda: time.monotonic() > stopped + 1)
        os.kill(pid, signal.SIGCONT)
    load.finish(100)


def test_daemon_and_kernel_are_killed_at_once(daemon):
    kernel = daemon.kernel()
    reader = Reader(daemon, kernel, 5000, counts=True)
    reader.start()
    assert reader.ready.wait(60)
    daemon.channels(kernel).execute(cell_of(5000, 500))
    wait_until(lambda: len(reader.text) > 300)
    pid = daemon.model(kernel)["kmux"]["pid"]
    os.kill(pid, signal.SIGKILL)
    daemon.process.kill()
    daemon.process.wait()
    wait_until(lambda: has_ended(pid))
    daemon.start()
    assert daemon.model(kernel)["execution_state"] == "dead"
    kept = [m["content"]["text"] for line in daemon.get(f"kernels/{kernel}/messages?type=stream").text.splitlines() if (m := json.loads(line))]
    lines = "".join(kept).split("\n")[:-1]
    assert len(lines) > 300 and lines == [f"line {i}" for i in range(len(lines))]
    wait_until(lambda: list(reader.text.values()) == kept)
    reader.stop()
    assert not reader.problems
    last = daemon.model(kernel)["kmux"]["seq"]
    assert daemon.post(f"kernels/{kernel}/restart").status_code == 200
    again = daemon.channels(kernel, protocol=V1, resume=last)
    assert again.text("echo again") == "again\n"


def test_a_storm_of_reconnections(daemon):
    kernel = daemon.kernel()
    clients = [daemon.channels(kernel, protocol=V1) for _ in range(500)]
    msg_id = clients[0].execute("count 100")
    for each in clients:
        each.until(lambda m: m["parent_header"].get("msg_id") == msg_id and m["content"].get("execution_state") == "idle")
    for each in clients:
        each.socket.shutdown()
    kill_and_start(daemon)
    again = [daemon.channels(kernel, protocol=V1, session=each.session) for each in clients]
    after = again[0].execute("echo after")
    for each in again:
        messages = each.until(lambda m: m["content"].get("text") == "after\n")
        assert messages[-1]["parent_header"]["msg_id"] == after


def test_a_journal_that_was_damaged(daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel, protocol=V1)
    for i in range(20):
        channels.run(f"echo line {i}")
    whole = daemon.channels(kernel, protocol=V1, resume=0).until(lambda m: m["content"].get("text") == "line 19\n")
    (segment,) = (daemon.directory / "run/state/kernels" / kernel).glob("journal.0*")
    with open(segment, "r+b") as file:
        size = file.seek(0, 2)
        for at in range(size // 4, size // 2, 37):
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 0x55]))
    counting = daemon.channels(kernel, protocol=V1, resume=0)
    messages = counting.until(lambda m: m["content"].get("text") == "line 19\n")
    gaps = [m["content"] for m in messages if m["msg_type"] == "kmux_gap"]
    numbers = [m["metadata"]["kmux"]["seq"] for m in messages if "kmux" in m["metadata"]]
    assert gaps and numbers == sorted(set(numbers))
    covered = set(numbers) | {n for gap in gaps for n in range(gap["first"], gap["last"] + 1)}
    assert covered >= {m["metadata"]["kmux"]["seq"] for m in whole}
    assert channels.text("echo on") == "on\n"
