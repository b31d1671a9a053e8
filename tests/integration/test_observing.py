"""What kmuxd tells of kernels and requests: how long they took, what they use, whose trace they are; and its log."""

import datetime
import json
import signal
import sys
from pathlib import Path

import pytest
from kmuxd import TOKEN, wait_until

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
TRACED = {"traceparent": TRACEPARENT}
HOSTILE = Path(__file__).parent / "hostile_kernel.py"
ECHO = "[kernels]\necho = true\n"


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def timings(daemon, kernel, query=""):
    answer = daemon.get(f"kernels/{kernel}/timings?type=execute_request{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def with_event(daemon, event):
    return [line for line in daemon.log.read_text().splitlines() if f"event={event} " in line + " "]


def test_a_leak_would_be_found(daemon, tmp_path):
    kernel = daemon.kernel()
    daemon.channels(kernel).run("echo a-line-of-code")
    key = json.loads((daemon.runtime / "kernels" / kernel / "connection.json").read_text())["key"]
    (tmp_path / "log").write_text("event=x owner=me\n")
    daemon.check_logs(tmp_path / "log")
    for each in (TOKEN, key, "echo a-line-of-code"):
        (tmp_path / "log").write_text(f"event=x problem={each}\n")
        with pytest.raises(AssertionError):
            daemon.check_logs(tmp_path / "log")


@pytest.mark.parametrize("code", ["import time; time.sleep(0.5)", "sleep 0.5"], ids=["python", "echo"])
def test_how_long_requests_waited_and_ran(make_daemon, code):
    daemon = make_daemon(ECHO).start()
    specs = daemon.get("kernelspecs").json()["kernelspecs"]
    python = next(n for n, s in specs.items() if s["spec"]["display_name"] == "Python 3 (kmux)")
    kernel = daemon.kernel("echo" if code.startswith("sleep") else python)
    channels = daemon.channels(kernel)
    asked = [channels.execute(code) for _ in range(3)]
    channels.finish(asked[-1])
    found = timings(daemon, kernel)
    assert [t["msg_id"] for t in found["timings"]] == asked
    first, second, third = found["timings"]
    for each in found["timings"]:
        assert each["run"] == pytest.approx(seconds(each["ended"]) - seconds(each["started"]), abs=1e-3)
        assert each["queue"] == pytest.approx(seconds(each["started"]) - seconds(each["submitted"]), abs=1e-3)
        assert each["run"] >= 0.49
    assert seconds(second["started"]) >= seconds(first["ended"]) - 1e-3
    assert seconds(third["started"]) >= seconds(second["ended"]) - 1e-3
    if seconds(third["submitted"]) <= seconds(second["started"]):  # else we were slow to ask
        assert third["queue"] >= second["run"] - 1e-3
    summary = found["summary"]
    assert summary["run"]["count"] == summary["queue"]["count"] == 3
    assert summary["run"]["p50"] == sorted(t["run"] for t in found["timings"])[1]
    assert summary["queue"]["p99"] == max(t["queue"] for t in found["timings"])
    assert [t["msg_id"] for t in timings(daemon, kernel, f"&after={first['seq']}")["timings"]] == asked[1:]
    assert [t["msg_id"] for t in timings(daemon, kernel, "&limit=1")["timings"]] == asked[2:]
    assert timings(daemon, kernel, "&limit=0") == {"timings": [], "summary": summary}
    others = daemon.get(f"kernels/{kernel}/timings").json()["timings"]
    assert any(t["msg_type"] == "kernel_info_request" and t["queue"] is None and t["run"] >= 0 for t in others)
    # What its process's death has cut off never ended.
    unfinished = channels.execute("sleep 1000" if code.startswith("sleep") else "time.sleep(1000)")
    wait_until(lambda: (t := timings(daemon, kernel)["timings"][-1])["msg_id"] == unfinished and t["started"])
    assert daemon.post(f"kernels/{kernel}/signal", {"signal": "KILL"}).status_code == 204
    wait_until(lambda: daemon.model(kernel)["kmux"]["restarts"] == 1)
    last = timings(daemon, kernel)["timings"][-1]
    assert last["msg_id"] == unfinished and last["run"] is None and last["ended"] is None


def test_timings_are_for_who_may_read(daemon):
    kernel = daemon.kernel()
    for wrong in ("after=x", "limit=-1"):
        assert daemon.get(f"kernels/{kernel}/timings?{wrong}").status_code == 400
    assert daemon.get("kernels/none/timings").status_code == 404
    assert daemon.get(f"kernels/{kernel}/timings", token=None).status_code == 401


@pytest.mark.parametrize("name", ["echo", "relayed"])
def test_limits_and_usage(make_daemon, name):
    daemon = make_daemon(ECHO + 'limit_files = 300\nlimit_cpu = "1h"\n')
    daemon.add_kernelspec("relayed", [sys.executable, str(HOSTILE), "{connection_file}"])
    daemon.start()
    kernel = daemon.kernel(name)
    channels = daemon.channels(kernel)
    channels.request("kernel_info_request", {})  # it has limited itself
    about = daemon.model(kernel)["kmux"]
    assert about["limits"]["files"] == 300 and about["limits"]["cpu"] == 3600 and about["limits"]["core"] == 0
    assert about["limits"]["file_size"] is None
    used = about["usage"]
    assert used["processes"] == (1 if name == "echo" else 2) and used["memory"] > 0 and used["cpu_seconds"] >= 0
    assert used["descriptors"] > 0 and used["disk"] > 0
    channels.run("echo " + "x" * (1 << 20) if name == "echo" else "session.send(iopub, 'stream', {'name': 'stdout', 'text': 'x' * (1 << 20)}, parent=parent)")
    assert wait_until(lambda: daemon.model(kernel)["kmux"]["usage"]["disk"] >= used["disk"] + (1 << 20))
    # For a thousand of them this would take long.
    assert "usage" not in daemon.get("kernels").json()[0]["kmux"]


def test_describe_shows_limits_and_usage(daemon, at):
    kernel = daemon.kernel()
    said = at("describe", kernel)
    for name in ("kmux.limits.files", "kmux.limits.memory", "kmux.usage.cpu_seconds", "kmux.usage.memory",
                 "kmux.usage.disk", "kmux.usage.descriptors"):
        assert name in said, said
    assert json.loads(at("describe", kernel, "-o", "json"))["kmux"]["usage"]["processes"] >= 1


def test_a_request_is_found_by_its_trace(make_daemon):
    daemon = make_daemon(ECHO + '[log]\nlevel = "debug"\n').start()
    answer = daemon.post("kernels", {"name": "echo"}, headers=TRACED)
    assert answer.status_code == 201
    version, trace, span, flags = answer.headers["traceresponse"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "00") and span not in ("b7ad6b7169203331", "0" * 16)
    kernel = answer.json()["id"]
    assert daemon.delete(f"kernels/{kernel}", headers=TRACED).status_code == 204
    assert f"trace={TRACE} kernel={kernel}" in with_event(daemon, "kernel_launched")[0]
    assert any(f"trace={TRACE} method=DELETE" in line for line in with_event(daemon, "request"))
    audit = [json.loads(line) for line in (daemon.runtime / "state/audit.log").read_text().splitlines()]
    assert [e["method"] for e in audit if e.get("trace") == TRACE] == ["POST", "DELETE"]


def test_without_a_trace_or_with_none_nothing_is_added(make_daemon):
    daemon = make_daemon(ECHO + '[log]\nlevel = "debug"\n').start()
    for headers in ({}, {"traceparent": TRACEPARENT.upper()}, {"traceparent": "00-x"}):
        answer = daemon.post("kernels", {"name": "echo"}, headers=headers)
        assert answer.status_code == 201 and "traceresponse" not in answer.headers
    assert len(with_event(daemon, "kernel_launched")) == 3
    assert "trace=" not in daemon.log.read_text()
    assert '"trace"' not in (daemon.runtime / "state/audit.log").read_text()


def test_a_kernel_is_told_its_trace(daemon, spec):
    def told(answer):
        assert answer.status_code == 201, answer.text
        kernel = answer.json().get("kernel", answer.json())["id"]
        return daemon.channels(kernel).text("import os; print(os.environ.get('TRACEPARENT'))").strip()

    assert told(daemon.post("kernels", {"name": spec}, headers=TRACED)) == TRACEPARENT
    assert told(daemon.post("kernels", {"name": spec})) == "None"
    session = {"path": "a.ipynb", "name": "", "type": "notebook", "kernel": {"name": spec}}
    assert told(daemon.post("sessions", session, headers=TRACED)) == TRACEPARENT
    own = {"name": spec, "env": {"TRACEPARENT": "its own"}}
    assert told(daemon.post("kernels", own, headers=TRACED)) == "its own"


def test_where_no_kernel_may_have_the_variable_none_has(make_daemon):
    daemon = make_daemon(ECHO + 'env_deny = ["TRACE*"]\n').start()
    answer = daemon.post("kernels", {"name": "echo"}, headers=TRACED)
    assert answer.status_code == 201
    assert TRACEPARENT.encode() not in Path(f"/proc/{answer.json()['kmux']['pid']}/environ").read_bytes()


def test_a_websocket_and_its_messages(make_daemon):
    daemon = make_daemon(ECHO)
    daemon.add_kernelspec("telling", [sys.executable, str(HOSTILE), "{connection_file}"])
    daemon.start()
    kernel = daemon.kernel("telling")
    channels = daemon.channels(kernel, headers=TRACED)
    code = "session.send(iopub, 'stream', {'name': 'stdout', 'text': parent['metadata']['traceparent']}, parent=parent)"
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
    messages = channels.finish(channels.send("execute_request", content, metadata={"traceparent": "opaque", "more": 1}))
    assert [m["content"]["text"] for m in messages if m["msg_type"] == "stream"] == ["opaque"]
    channels.close()
    for event in ("client_connected", "client_disconnected"):
        (line,) = wait_until(lambda event=event: with_event(daemon, event))
        assert f"event={event} trace={TRACE} kernel={kernel}" in line
    assert channels.answer_headers["traceresponse"].split("-")[1] == TRACE


def test_levels_of_single_subjects_change_while_it_runs(make_daemon):
    daemon = make_daemon(ECHO + '[log]\nlevels = ["http=debug", "kernels=error"]\n').start()
    daemon.kernel()
    assert with_event(daemon, "request") and with_event(daemon, "ready")
    assert not with_event(daemon, "kernel_launched")

    def reload(levels):
        daemon.config.write_text(ECHO + f"[log]\nlevels = {levels}\n")
        before = len(with_event(daemon, "reloaded")) + len(with_event(daemon, "reload_refused"))
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(with_event(daemon, "reloaded")) + len(with_event(daemon, "reload_refused")) > before)

    reload('["kernels=info"]')
    asked = len(with_event(daemon, "request"))
    daemon.kernel()
    assert len(with_event(daemon, "kernel_launched")) == 1 and len(with_event(daemon, "request")) == asked
    reload('["kernels=loud"]')
    assert "SUBJECT=LEVEL" in with_event(daemon, "reload_refused")[0]
    assert daemon.post("kernels", {"name": "echo"}).status_code == 201
    assert len(with_event(daemon, "kernel_launched")) == 2


def test_the_log_as_lines_of_json(make_daemon):
    daemon = make_daemon(ECHO + '[log]\nformat = "json"\n').start()
    kernel = daemon.kernel()
    daemon.channels(kernel, session="one%0Aevent=forged%20kernel=%22x%22").run("echo x")
    assert daemon.stop() == 0
    lines = [json.loads(line) for line in daemon.log.read_text().splitlines()]
    for each in lines:
        assert each["level"] in ("info", "warning", "error") and seconds(each["time"]) and each["message"].startswith("event=")
    launched = next(e for e in lines if e["event"] == "kernel_launched")
    assert launched["kernel"] == kernel and launched["spec"] == "echo" and launched["pid"].isdigit()
    assert "forged" not in [e["event"] for e in lines]
