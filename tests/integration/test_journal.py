"""What a kernel has said, read later: /messages, /executions, and a cell's outputs as a notebook shows them."""

import json
import signal
import threading

import nbformat
import pytest
import requests
from kmuxd import TOKEN, V1, wait_until


def lines_of(answer):
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines() if line]


@pytest.fixture
def kernel(daemon):
    return daemon.kernel()


def test_messages(daemon, kernel):
    channels = daemon.channels(kernel)
    first = channels.execute("echo one\nbuffers 1 3")
    channels.finish(first)
    second = channels.execute("echo two")
    channels.finish(second)
    everything = lines_of(daemon.get(f"kernels/{kernel}/messages"))
    assert [m["seq"] for m in everything] == list(range(1, everything[-1]["seq"] + 1))
    of_second = lines_of(daemon.get(f"kernels/{kernel}/messages?parent={second}"))
    assert [m["header"]["msg_type"] for m in of_second if m["channel"] == "iopub"] == ["status", "execute_input", "stream", "status"]
    assert [m["channel"] for m in of_second].count("shell") == 1
    streams = lines_of(daemon.get(f"kernels/{kernel}/messages?type=stream&channel=iopub"))
    assert [m["content"]["text"] for m in streams] == ["one\n", "two\n"]
    (shown,) = lines_of(daemon.get(f"kernels/{kernel}/messages?type=display_data"))
    assert shown["buffers"] == ["YmJi"]
    after = lines_of(daemon.get(f"kernels/{kernel}/messages?after={streams[0]['seq']}&limit=2"))
    assert [m["seq"] for m in after] == [streams[0]["seq"] + 1, streams[0]["seq"] + 2]


def test_wrong_questions_are_told_so(daemon, kernel):
    for wrong in ("after=x", "limit=-1", "channel=none"):
        assert daemon.get(f"kernels/{kernel}/messages?{wrong}").status_code == 400, wrong
    assert daemon.get("kernels/7b4a8a4e-0000-4000-8000-000000000000/messages").status_code == 404
    missing = daemon.get(f"kernels/{kernel}/executions/none/outputs")
    assert missing.status_code == 404 and "never been asked for" in missing.text


def test_following(daemon, kernel):
    channels = daemon.channels(kernel)
    channels.run("echo before")
    seen = []

    def follow():
        with requests.get(f"{daemon.url}api/kernels/{kernel}/messages?type=stream&follow=1", stream=True, timeout=60,
                          headers={"Authorization": f"token {TOKEN}"}) as answer:
            for line in answer.iter_lines():
                if line:
                    seen.append(json.loads(line)["content"]["text"])

    follower = threading.Thread(target=follow)
    follower.start()
    wait_until(lambda: seen == ["before\n"])
    channels.run("echo live")
    wait_until(lambda: seen == ["before\n", "live\n"])
    daemon.delete(f"kernels/{kernel}")
    follower.join(60)
    assert not follower.is_alive(), "it ends with its kernel"


def test_a_dead_kernel_is_still_read(daemon, kernel):
    daemon.config.write_text("[kernels]\nrestart = false\necho = true\n")
    daemon.stop(signal.SIGTERM)
    daemon.start()
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    channels.run("echo last words")
    msg_id = channels.execute("crash")
    channels.until(lambda m: m["content"].get("execution_state") == "dead")
    streams = lines_of(daemon.get(f"kernels/{kernel}/messages?type=stream"))
    assert streams[-1]["content"]["text"] == "last words\n"
    executions = daemon.get(f"kernels/{kernel}/executions").json()
    assert [e["status"] for e in executions] == ["ok", "died"] and executions[1]["msg_id"] == msg_id


def test_executions(daemon, kernel):
    channels = daemon.channels(kernel, session="s")
    done = channels.send("execute_request", {"code": "echo x", "silent": False}, metadata={"cellId": "c1"})
    channels.finish(done)
    failed = channels.execute("error ValueError no")
    channels.finish(failed)
    running = channels.execute("sleep 60")
    queued = channels.execute("echo later")
    wait_until(lambda: [e["status"] for e in daemon.get(f"kernels/{kernel}/executions").json()] == ["ok", "error", "running", "queued"])
    first, second, third, fourth = daemon.get(f"kernels/{kernel}/executions").json()
    assert first == {**first, "msg_id": done, "session": "s", "username": "test", "owner": daemon.model(kernel)["kmux"]["owner"],
                     "cellId": "c1", "status": "ok", "execution_count": 1}
    assert first["submitted"] <= first["started"] <= first["ended"]
    assert "code" not in first
    assert (second["msg_id"], second["status"]) == (failed, "error")
    assert (third["msg_id"], third["status"], third["ended"]) == (running, "running", None)
    assert (fourth["msg_id"], fourth["status"], fourth["started"]) == (queued, "queued", None)
    daemon.post(f"kernels/{kernel}/interrupt")
    channels.finish(queued)


def test_code_is_kept_where_the_configuration_says_so(make_daemon):
    daemon = make_daemon("[kernels]\necho = true\n[journal]\ncode = true\n").start()
    kernel = daemon.kernel()
    daemon.channels(kernel).run("echo secret")
    (execution,) = daemon.get(f"kernels/{kernel}/executions").json()
    assert execution["code"] == "echo secret"


def test_outputs_as_a_notebook_has_them(daemon):
    kernel = daemon.kernel("kmux-python")
    channels = daemon.channels(kernel, protocol=V1, timeout=60)
    msg_id = channels.execute(
        "from IPython.display import display, update_display\n"
        "for i in range(2000): print(f'\\r{i} of 2000', end='')\n"
        "print()\n"
        "handle = display({'text/plain': 'old'}, raw=True, display_id='d')\n"
        "1 / 0")
    channels.finish(msg_id)
    channels.run("update_display({'text/plain': 'new'}, raw=True, display_id='d')")
    answer = daemon.get(f"kernels/{kernel}/executions/{msg_id}/outputs").json()
    assert answer["status"] == "error" and answer["msg_id"] == msg_id
    stream, shown, error = answer["outputs"]
    assert stream == {"output_type": "stream", "name": "stdout", "text": "1999 of 2000\n"}
    assert shown["data"] == {"text/plain": "new"}
    assert error["ename"] == "ZeroDivisionError"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=answer["outputs"])])
    nbformat.validate(notebook)


def test_strangers_see_nothing(make_daemon):
    daemon = make_daemon()
    daemon.allow("other bob bobs-token-which-is-long")
    daemon.start()
    kernel = daemon.kernel()
    for path in ("messages", "executions", "executions/x/outputs"):
        assert daemon.get(f"kernels/{kernel}/{path}", token="bobs-token-which-is-long").status_code == 404
        assert daemon.get(f"kernels/{kernel}/{path}", token=None).status_code in (401, 403)
