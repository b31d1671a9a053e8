"""Nothing is lost: what a client missed it gets, once and in order, also from the next daemon."""

import json
import os
import signal
import socket
import struct
import threading

import pytest
from kmuxd import V1, wait_until

BOTH = pytest.mark.parametrize("protocol", [V1, None], ids=["v1", "legacy"])


def number(message):
    return message["metadata"]["kmux"]["seq"]


def text_of(messages):
    return "".join(m["content"]["text"] for m in messages if m["msg_type"] == "stream")


def until_text(channels, end):
    """All messages until the streams' text ends with `end`."""
    text = ""

    def found(message):
        nonlocal text
        if message["msg_type"] == "stream":
            text += message["content"]["text"]
        return text.endswith(end)

    return channels.until(found)


def cut(channels):
    """The connection is gone, and nobody says goodbye."""
    channels.socket.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    channels.socket.sock.close()


def restart_daemon(daemon, how=signal.SIGKILL):
    daemon.stop(how)
    daemon.start()


@BOTH
def test_a_counting_client_finds_numbers(daemon, protocol):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel, protocol=protocol, resume="now")
    seen = [number(m) for m in channels.run("echo hello\nresult 5")]
    assert seen == list(range(seen[0], seen[0] + len(seen)))
    assert daemon.model(kernel)["kmux"]["seq"] == seen[-1]
    # Whoever did not ask for numbers gets none.
    plain = daemon.channels(kernel, protocol=protocol)
    assert all("kmux" not in m["metadata"] for m in plain.run("echo hello"))


@BOTH
def test_a_counting_client_gets_all_above_its_number(daemon, protocol):
    kernel = daemon.kernel()
    first = daemon.channels(kernel, protocol=protocol, resume=0)
    seen = first.finish(first.execute("count 5"))
    first.close()
    again = daemon.channels(kernel, protocol=protocol, session=first.session, resume=number(seen[1]))
    missed = again.until(lambda m: number(m) == number(seen[-1]))
    assert [number(m) for m in missed] == list(range(number(seen[1]) + 1, number(seen[-1]) + 1))
    assert [m["header"] for m in missed if number(m) >= number(seen[2])][:1] == [seen[2]["header"]]
    live = again.run("echo on")
    assert number(live[0]) == number(missed[-1]) + 1


def test_resume_must_be_a_number(daemon):
    kernel = daemon.kernel()
    for wrong in ("x", "-1", "1x", "", "99999999999999999999999"):
        answer = daemon.get(f"kernels/{kernel}/channels?resume={wrong}", headers={
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
        assert answer.status_code == 400 and "number of a message" in answer.text, wrong


@BOTH
def test_an_ordinary_client_that_was_cut_off_gets_the_rest(daemon, protocol):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel, protocol=protocol)
    channels.run("echo before")
    msg_id = channels.execute("echo one\nsleep 1\necho two")
    first = until_text(channels, "one\n")
    cut(channels)
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "idle", what="the end of the cell")
    back = daemon.channels(kernel, protocol=protocol, session=channels.session)
    rest = back.finish(msg_id)
    assert text_of(first) + text_of(rest)[-4:] == "one\ntwo\n"
    assert "execute_reply" in [m["msg_type"] for m in rest]


def test_what_was_confirmed_does_not_come_again(daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    channels.run("count 3")
    cursor = daemon.directory / "run/state/kernels" / kernel / "cursors"
    seq = daemon.model(kernel)["kmux"]["seq"]
    # The confirmation is a pong, which the client's library sends when it is read from.
    channels.socket.settimeout(0.2)

    def confirmed():
        try:
            channels.socket.recv_data_frame(control_frame=True)
        except Exception as problem:
            assert "timed out" in str(problem)
        return struct.unpack_from("<Q", cursor.read_bytes(), 8)[0] == seq

    wait_until(confirmed, what="the cursor")
    channels.close()
    back = daemon.channels(kernel, session=channels.session)
    msg_id = back.execute("echo new")
    assert back.receive()["parent_header"]["msg_id"] == msg_id


@BOTH
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_the_daemon_is_away_for_a_while(daemon, protocol, how):
    kernel = daemon.kernel()
    ordinary = daemon.channels(kernel, protocol=protocol)
    counting = daemon.channels(kernel, protocol=protocol, resume=0)
    msg_id = ordinary.execute("echo one\nsleep 0.5\necho two")
    seen = until_text(counting, "one\n")
    until_text(ordinary, "one\n")
    restart_daemon(daemon, how)
    back = daemon.channels(kernel, session=ordinary.session, protocol=protocol)
    assert text_of(back.finish(msg_id)).endswith("two\n")
    counted = daemon.channels(kernel, session=counting.session, protocol=protocol, resume=number(seen[-1]))
    rest = until_text(counted, "two\n")
    numbers = [number(m) for m in seen + rest]
    # The replies to others are not for this client; iopub comes whole.
    assert numbers == sorted(set(numbers))
    assert text_of(seen + rest) == "one\ntwo\n"


def test_input_is_asked_again_by_the_next_daemon(daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    channels.run("echo hello")
    msg_id = channels.execute("input who?")
    channels.until(lambda m: m["msg_type"] == "input_request")
    restart_daemon(daemon)
    back = daemon.channels(kernel, session=channels.session)
    asked = back.until(lambda m: m["msg_type"] == "input_request")[-1]
    back.send("input_reply", {"value": "me"}, "stdin", parent=asked["header"])
    assert text_of(back.finish(msg_id)).endswith("me\n")


def test_a_request_that_is_sent_again_is_taken_once(daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    msg_id = channels.execute("echo once")
    channels.finish(msg_id)
    restart_daemon(daemon)
    back = daemon.channels(kernel, session=channels.session, resume=0)
    back.send("execute_request", {"code": "echo once", "silent": False}, msg_id=msg_id)
    other = back.execute("echo twice")
    messages = back.finish(other)
    assert text_of(messages) == "twice\n"
    all_of_it = daemon.channels(kernel, session=channels.session, resume=0)
    everything = all_of_it.finish(other)
    again = daemon.channels(kernel, session=channels.session, resume=0)
    whole = again.until(lambda m: m["parent_header"].get("msg_id") == other and m["msg_type"] == "execute_reply")
    assert sum(m["msg_type"] == "execute_reply" for m in whole) == 2, [m["msg_type"] for m in whole]
    assert text_of(whole) == "once\ntwice\n" and everything


def test_a_slow_client_gets_all_of_it_later(daemon):
    kernel = daemon.kernel()
    slow = daemon.channels(kernel, protocol=V1, resume="now")
    other = daemon.channels(kernel, protocol=V1)
    lines = 60_000
    msg_id = other.execute(f"flood {lines} 1000")
    other.finish(msg_id)
    memory = int(next(line for line in open(f"/proc/{daemon.process.pid}/status") if line.startswith("VmRSS")).split()[1])
    assert memory < 60_000, f"{memory} KiB"
    mine = slow.until(lambda m: m["parent_header"].get("msg_id") == msg_id and m["content"].get("execution_state") == "idle")
    assert sum(m["msg_type"] == "stream" for m in mine) == lines
    numbers = [number(m) for m in mine]
    assert numbers == sorted(set(numbers))


def test_what_a_kernel_said_before_it_died_arrives(daemon):
    daemon.config.write_text("[kernels]\nrestart = false\necho = true\n")
    restart_daemon(daemon, signal.SIGTERM)
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    channels.execute("count 2000\nsleep 0.1\ncrash")
    messages = channels.until(lambda m: m["content"].get("execution_state") == "dead")
    assert text_of(messages).splitlines()[-1] == "2000"
    back = daemon.channels(kernel, resume=0)
    messages = back.until(lambda m: m["content"].get("execution_state") == "dead")
    assert text_of(messages).splitlines() == [str(i + 1) for i in range(2000)]


def test_a_gap_is_said(daemon):
    daemon.config.write_text('[kernels]\necho = true\n[journal]\nmax_bytes = "256KiB"\n')
    restart_daemon(daemon, signal.SIGTERM)
    kernel = daemon.kernel()
    channels = daemon.channels(kernel, protocol=V1)
    channels.run("echo first")
    cut(channels)
    other = daemon.channels(kernel, protocol=V1)
    other.run("flood 5000 1000")
    counting = daemon.channels(kernel, protocol=V1, resume=0)
    gap = counting.receive()
    assert gap["msg_type"] == "kmux_gap" and gap["content"]["first"] == 1
    assert number(counting.receive()) == gap["content"]["last"] + 1
    ordinary = daemon.channels(kernel, protocol=V1, session=channels.session)
    told = ordinary.until(lambda m: m["msg_type"] == "stream" and m["content"]["name"] == "stderr")[-1]
    assert "not kept any more" in told["content"]["text"]


def test_a_flood_while_clients_come_and_go(daemon):
    kernel = daemon.kernel()
    writer = daemon.channels(kernel, protocol=V1)
    lines = 100_000
    msg_id = writer.execute(f"flood {lines} 20")
    done = threading.Event()
    failures = []

    def come_and_go(session):
        last, streams = 0, 0
        try:
            while not done.is_set():
                channels = daemon.channels(kernel, protocol=V1, session=session, resume=last)
                for _ in range(3000):
                    message = channels.receive()
                    assert number(message) > last, (number(message), last)
                    last = number(message)
                    streams += message["msg_type"] == "stream"
                    if message["parent_header"].get("msg_id") == msg_id and message["content"].get("execution_state") == "idle":
                        assert streams == lines, streams
                        return
                cut(channels)
        except Exception as problem:
            failures.append(repr(problem))

    threads = [threading.Thread(target=come_and_go, args=(f"s{i}",)) for i in range(4)]
    for each in threads:
        each.start()
    writer.finish(msg_id)
    for each in threads:
        each.join(150)
        assert not each.is_alive()
    done.set()
    assert not failures


def test_a_restarted_kernel_goes_on_counting(daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel, resume=0)
    before = number(channels.run("echo one")[-1])
    assert daemon.post(f"kernels/{kernel}/restart").status_code == 200
    after = channels.run("echo two")
    assert number(after[0]) > before
    everything = daemon.channels(kernel, session=channels.session, resume=0)
    whole = everything.until(lambda m: number(m) == number(after[-1]) if "kmux" in m["metadata"] else False)
    numbers = [number(m) for m in whole if "kmux" in m["metadata"]]
    assert numbers == list(range(1, number(after[-1]) + 1)) or numbers == sorted(set(numbers))
    assert text_of(whole) == "one\ntwo\n"


def test_without_a_journal_nothing_is_kept(daemon):
    daemon.config.write_text('[kernels]\necho = true\n[journal]\nmax_bytes = "0"\n')
    restart_daemon(daemon, signal.SIGTERM)
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    channels.run("echo gone")
    channels.close()
    back = daemon.channels(kernel, session=channels.session)
    assert text_of(back.run("echo new")) == "new\n"
    assert not list((daemon.directory / "run/state/kernels" / kernel).glob("journal*"))


def test_the_journal_goes_with_the_kernel(daemon):
    kernel = daemon.kernel()
    daemon.channels(kernel).run("echo x")
    state = daemon.directory / "run/state/kernels" / kernel
    assert list(state.glob("journal.0*")) and oct(os.stat(state).st_mode)[-3:] == "700"
    assert json.loads((daemon.directory / "run/kernels" / kernel / "connection.json").read_text())["kmux_journal"]["directory"] == str(state)
    daemon.delete(f"kernels/{kernel}")
    assert not state.exists()
