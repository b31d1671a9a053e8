"""/metrics: the numbers move as what happens does, and the examples for Prometheus know them."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
import yaml
from kmuxd import QUICK_STOP, V1, has_ended, wait_until
from prometheus_client.parser import text_string_to_metric_families
from test_resume import cut

ROOT = Path(__file__).parents[2]
PROMTOOL = ROOT / ".cache/programs/promtool"
EXAMPLES = ROOT / "docs/examples/prometheus"
PER_KERNEL = "[kernels]\necho = true\n[metrics]\nper_kernel = true\n"


class Metrics:
    """What /metrics says at one time."""

    def __init__(self, text):
        self.families = {f.name: f for f in text_string_to_metric_families(text)}
        self.values = {(s.name, frozenset(s.labels.items())): s.value for f in self.families.values() for s in f.samples}

    def __call__(self, name, **labels):
        return self.values[name, frozenset(labels.items())]

    def changes(self, before, prefix=""):
        """What has grown, by name and labels; without what asking itself changes."""
        noise = ("kmux_http_", "kmux_loop_lag", "process_", "kmux_filesystem", "kmux_journal_bytes", "kmux_connections")
        out = {}
        for (name, labels), value in self.values.items():
            if value != before.values.get((name, labels), 0) and name.startswith(prefix) and not name.startswith(noise):
                out[name, *sorted(labels)] = value - before.values.get((name, labels), 0)
        return out


def ask(daemon, **more):
    answer = daemon.call("GET", "metrics", **more)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Metrics(answer.text)


def whole(daemon):
    """With what is looked for off the loop, once it has been found."""
    return wait_until(lambda: (m := ask(daemon)) and "kmux_journal_bytes" in m.families and m, what="the first look at the disk")


def is_idle_of(message, cell):
    return message["parent_header"].get("msg_id") == cell and message["content"].get("execution_state") == "idle"


def names(daemon):
    """All names that a query may have."""
    return {name for name, _ in whole(daemon).values}


def table():
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", (ROOT / "docs/metrics.md").read_text(), re.M)
    assert len(rows) == len(dict(rows))
    return dict(rows)


def promtool(*words, text=None):
    done = subprocess.run([PROMTOOL, *words], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_all_of_the_manual_and_nothing_else(make_daemon):
    daemon = make_daemon(PER_KERNEL).start()
    daemon.kernel()
    wait_until(lambda: "kmux_kernel_journal_bytes" in ask(daemon).families)
    said = {name + ("_total" if f.type == "counter" else ""): f.type for name, f in ask(daemon).families.items()}
    assert said == table()


def test_promtool_finds_nothing_to_mend(make_daemon):
    daemon = make_daemon(PER_KERNEL).start()
    daemon.kernel()
    whole(daemon)
    assert promtool("check", "metrics", text=daemon.call("GET", "metrics").text) == ""


def test_promtool_would_find_something():
    done = subprocess.run([PROMTOOL, "check", "metrics"], input="# TYPE kmux_x counter\nkmux_x 1\n", capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "kmux_x" in done.stderr


def test_a_kernel_and_its_messages(daemon):
    before = ask(daemon)
    assert before("kmux_kernels", spec="echo", state="idle") == 0
    kernel = daemon.kernel()
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "idle")
    started = wait_until(lambda: (m := ask(daemon))("kmux_kernels", spec="echo", state="idle") == 1 and m)
    assert started("kmux_kernel_start_duration_seconds_count") == 1
    assert 0 < started("kmux_kernel_start_duration_seconds_sum") < 60
    first, second = (daemon.channels(kernel, protocol=V1) for _ in range(2))
    wait_until(lambda: ask(daemon)("kmux_clients") == 2)
    for code in ("echo ready", "echo hello"):  # after the first nothing of before is on its way any more
        before = ask(daemon)
        said = first.run(code)
        second.until(lambda m: is_idle_of(m, said[0]["parent_header"]["msg_id"]))
    after = ask(daemon)
    iopub = [m for m in said if m["channel"] == "iopub"]
    changed = after.changes(before, "kmux_messages_total")
    channel, to = (lambda c: ("channel", c)), (lambda d: ("direction", d))
    assert changed == {
        ("kmux_messages_total", channel("iopub"), to("from_kernel")): len(iopub),
        ("kmux_messages_total", channel("iopub"), to("to_client")): 2 * len(iopub),
        ("kmux_messages_total", channel("shell"), to("from_kernel")): 1,
        ("kmux_messages_total", channel("shell"), to("to_client")): 1,
        ("kmux_messages_total", channel("shell"), to("to_kernel")): 1,
    }
    moved = {key[1:]: value for key, value in after.changes(before, "kmux_message_bytes_total").items()}
    assert moved.keys() == {key[1:] for key in changed}
    assert moved[channel("iopub"), to("to_client")] > 2 * moved[channel("iopub"), to("from_kernel")] > 200
    daemon.delete(f"kernels/{kernel}")
    ended = ask(daemon)
    assert ended("kmux_kernel_stop_duration_seconds_count") == 1 and ended("kmux_clients") == 0
    assert ended("kmux_kernels", spec="echo", state="idle") == 0
    assert sum(v for (name, _), v in ended.values.items() if name in ("kmux_kernel_deaths_total", "kmux_kernel_restarts_total")) == 0


def test_interrupts_are_timed_where_there_is_something_to_interrupt(daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    channels.request("kernel_info_request", {})
    cell = channels.execute("sleep 60")
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "busy")
    assert daemon.post(f"kernels/{kernel}/interrupt").status_code == 204
    channels.finish(cell)
    after = ask(daemon)
    assert after("kmux_kernel_interrupt_duration_seconds_count") == 1
    assert 0 < after("kmux_kernel_interrupt_duration_seconds_sum") < 60
    assert daemon.post(f"kernels/{kernel}/interrupt").status_code == 204
    channels.run("echo idle")
    assert ask(daemon)("kmux_kernel_interrupt_duration_seconds_count") == 1


def test_deaths_and_restarts(daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    channels.request("kernel_info_request", {})
    before = ask(daemon)

    def restarted():
        return wait_until(lambda: daemon.model(kernel)["execution_state"] == "idle" and daemon.model(kernel)["kmux"]["pid"])

    for code in ("crash", "exit 3"):
        pid = restarted()
        channels.execute(code)
        wait_until(lambda: daemon.model(kernel)["kmux"]["pid"] not in (pid, None))
    restarted()
    assert daemon.post(f"kernels/{kernel}/restart").status_code == 200
    restarted()
    changed = ask(daemon).changes(before, "kmux_kernel_")
    assert {k: v for k, v in changed.items() if "duration" not in k[0]} == {
        ("kmux_kernel_deaths_total", ("cause", "signaled")): 1,
        ("kmux_kernel_deaths_total", ("cause", "exited")): 1,
        ("kmux_kernel_restarts_total", ("reason", "death")): 2,
        ("kmux_kernel_restarts_total", ("reason", "asked")): 1,
    }
    assert changed["kmux_kernel_start_duration_seconds_count",] == 3


def test_a_kernel_that_cannot_be_started(make_daemon):
    daemon = make_daemon("[kernels]\nrestart_limit = 0\n").start()
    daemon.add_kernelspec("ends", ["/bin/false", "{connection_file}"])
    daemon.post("kernels", {"name": "ends"})
    dead = wait_until(lambda: (m := ask(daemon))("kmux_kernels", spec="ends", state="dead") == 1 and m)
    assert dead("kmux_kernel_deaths_total", cause="exited") == 1
    assert dead("kmux_kernel_start_duration_seconds_count") == 0


def test_a_kernel_that_does_not_answer(make_daemon):
    daemon = make_daemon(f'[kernels]\n{QUICK_STOP}connect_timeout = "1s"\n').start()
    daemon.add_kernelspec("mute", ["/bin/sleep", "600"])
    daemon.post("kernels", {"name": "mute"})
    dead = wait_until(lambda: (m := ask(daemon))("kmux_kernels", spec="mute", state="dead") == 1 and m)
    assert dead.changes(Metrics(""), "kmux_kernel_deaths") == {("kmux_kernel_deaths_total", ("cause", "unanswering")): 1}


def test_a_kernel_whose_heart_stops(make_daemon):
    daemon = make_daemon(f'[kernels]\necho = true\n{QUICK_STOP}heartbeat_action = "restart"\nheartbeat_interval = "100ms"\n'
                         'heartbeat_late = "100ms"\nheartbeat_silent = "5s"\n').start()
    kernel = daemon.kernel()
    daemon.channels(kernel).run("echo beats")
    pid = daemon.model(kernel)["kmux"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: daemon.model(kernel)["kmux"]["pid"] not in (pid, None) and daemon.model(kernel)["execution_state"] == "idle")
    after = ask(daemon)
    assert after.changes(Metrics(""), "kmux_kernel_deaths") == {("kmux_kernel_deaths_total", ("cause", "silent")): 1}
    assert after("kmux_kernel_restarts_total", reason="death") == 1 and after("kmux_kernel_restarts_total", reason="asked") == 0


def test_resumes_by_cursor_and_by_number(daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel, session="s", protocol=V1)
    channels.run("echo one")
    first = ask(daemon)
    assert first("kmux_resumes_total", by="cursor") == 0
    cut(channels)
    wait_until(lambda: ask(daemon)("kmux_clients") == 0)
    again = daemon.channels(kernel, session="s", protocol=V1)
    again.run("echo two")
    counting = daemon.channels(kernel, resume=0)
    counting.until(lambda m: "two" in json.dumps(m["content"]))
    after = ask(daemon)
    assert after("kmux_resumes_total", by="cursor") == 1 and after("kmux_resumes_total", by="number") == 1
    wait_until(lambda: ask(daemon)("kmux_clients_behind") == 0)
    assert after("kmux_gaps_total") == 0 and after("kmux_messages_lost_total") == 0


def test_gaps(make_daemon):
    daemon = make_daemon('[kernels]\necho = true\n[journal]\nmax_bytes = "256KiB"\n').start()
    kernel = daemon.kernel()
    writer = daemon.channels(kernel, resume="now")
    said = [writer.run("flood 100 100") for _ in range(20)]
    cell = said[-1][0]["parent_header"]["msg_id"]
    late = daemon.channels(kernel, resume=1)
    seen = sum(said, []) + late.until(lambda m: is_idle_of(m, cell))
    gaps = [m["content"] for m in seen if m["msg_type"] == "kmux_gap"]
    after = ask(daemon)
    assert after("kmux_gaps_total") == len(gaps) > 0
    assert after("kmux_messages_lost_total") == sum(gap["last"] - gap["first"] + 1 for gap in gaps) > 1


def test_who_is_not_let_in(daemon):
    before = ask(daemon)
    assert daemon.get("kernels", token=None).status_code == 401
    for _ in range(2):
        assert daemon.get("kernels", token="wrong-wrong-wrong").status_code == 401
    after = ask(daemon)
    assert after.changes(before, "kmux_auth_failures") == {
        ("kmux_auth_failures_total", ("reason", "missing")): 1,
        ("kmux_auth_failures_total", ("reason", "wrong")): 2,
    }


def test_requests_are_counted_by_their_answer(daemon):
    before = ask(daemon)
    assert daemon.get("kernels").status_code == 200
    assert daemon.get("kernels/3f8e4a66-0000-4000-8000-000000000000").status_code == 404
    channels = daemon.channels(daemon.kernel())
    after = ask(daemon)
    grown = {c: after("kmux_http_requests_total", code=c) - before("kmux_http_requests_total", code=c) for c in ("1xx", "2xx", "4xx", "5xx")}
    assert grown == {"1xx": 1, "2xx": 1 + 1 + 1, "4xx": 1, "5xx": 0}  # the first scrape, the list, the kernel
    assert after("kmux_http_request_duration_seconds_count") == sum(after("kmux_http_requests_total", code=f"{n}xx") for n in range(1, 6))
    channels.close()


def test_only_for_who_may_see_everybodys_kernels(daemon):
    daemon.allow("ann ann token-of-ann-1 use", "reader ann token-of-reader read", "prometheus prometheus token-of-prometheus observe")
    daemon.stop()
    daemon.start()
    for token in ("token-of-ann-1", "token-of-reader"):
        refused = daemon.call("GET", "metrics", token=token)
        assert refused.status_code == 403 and "observe" in refused.json()["message"] and "kmux_" not in refused.text
    assert daemon.call("GET", "metrics", token=None).status_code == 401
    assert ask(daemon, token="token-of-prometheus")("kmux_clients") == 0
    bearer = daemon.call("GET", "metrics", token=None, headers={"Authorization": "Bearer token-of-prometheus"})
    assert bearer.status_code == 200


def test_owners_and_ids_only_where_they_are_wanted(daemon):
    kernel = daemon.kernel()
    owner = daemon.model(kernel)["kmux"]["owner"]
    daemon.channels(kernel).run("echo settled")  # its state and its number stay what they are
    whole(daemon)
    plain = daemon.call("GET", "metrics").text
    assert kernel not in plain and f'"{owner}"' not in plain
    daemon.config.write_text(PER_KERNEL)
    daemon.process.send_signal(signal.SIGHUP)
    named = wait_until(lambda: "kmux_kernel_state" in (m := ask(daemon)).families and m)
    assert named("kmux_kernel_state", kernel=kernel, owner=owner, spec="echo", state=daemon.model(kernel)["execution_state"]) == 1
    seq = daemon.model(kernel)["kmux"]["seq"]
    assert named("kmux_kernel_messages_total", kernel=kernel, owner=owner) == seq


def test_adoption(daemon):
    kernels = [daemon.kernel() for _ in range(3)]
    daemon.stop(signal.SIGKILL)
    dead, unknown = (json.loads((daemon.runtime / "kernels" / each / "record.json").read_text())["pid"] for each in kernels[:2])
    os.kill(dead, signal.SIGKILL)
    wait_until(lambda: has_ended(dead))
    (daemon.runtime / "kernels" / kernels[1] / "record.json").write_text("{")
    orphan = json.loads((daemon.runtime / "kernels" / kernels[1] / "connection.json").read_text())
    assert orphan["key"]
    daemon.start()
    after = ask(daemon)
    found = {result: after("kmux_adoption_kernels", result=result) for result in ("adopted", "found_dead", "quarantined", "left_alone")}
    assert found == {"adopted": 1, "found_dead": 1, "quarantined": 1, "left_alone": 0}
    assert after("kmux_adoption_duration_seconds") > 0
    os.kill(unknown, signal.SIGKILL)  # kmuxd cannot know whose it is


def test_culling(make_daemon):
    daemon = make_daemon('[kernels]\necho = true\n[culling]\ninterval = "50ms"\nwarning = "0s"\nidle_timeout = "300ms"\n').start()
    kernel = daemon.kernel()
    wait_until(lambda: daemon.get(f"kernels/{kernel}").status_code == 404)
    after = ask(daemon)
    assert after("kmux_kernels_culled_total", reason="idle") == 1 and after("kmux_kernels_culled_total", reason="age") == 0
    assert after("kmux_kernel_stop_duration_seconds_count") == 1


def test_the_disk_and_the_process(daemon):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    channels.run("flood 1000 100")
    journal = daemon.runtime / "state/kernels" / kernel

    def size():
        return sum(f.stat().st_size for f in journal.glob("journal.0*"))

    after = wait_until(lambda: "kmux_journal_bytes" in (m := ask(daemon)).families and m("kmux_journal_bytes") == size() and m, what="the journal's size")
    assert after("kmux_journal_bytes") > 100_000
    state = os.statvfs(journal)
    assert after("kmux_filesystem_size_bytes", directory="state") == state.f_frsize * state.f_blocks
    assert 0 < after("kmux_filesystem_available_bytes", directory="state") <= after("kmux_filesystem_size_bytes", directory="state")
    assert 0 < after("process_open_fds") <= after("process_max_fds")
    assert after("process_resident_memory_bytes") > 1 << 20
    assert ask(daemon)("process_cpu_seconds_total") >= after("process_cpu_seconds_total") > 0
    wait_until(lambda: ask(daemon)("kmux_loop_lag_seconds_count") > 1)
    assert after("kmux_draining") == 0
    daemon.post("drain")
    assert ask(daemon)("kmux_draining") == 1
    daemon.delete("drain")


def test_the_rules():
    promtool("check", "rules", EXAMPLES / "kmux.rules.yml")
    said = promtool("test", "rules", EXAMPLES / "kmux.rules.test.yml")
    assert "SUCCESS" in said
    rules = [r["alert"] for g in yaml.safe_load((EXAMPLES / "kmux.rules.yml").read_text())["groups"] for r in g["rules"]]
    tested = (EXAMPLES / "kmux.rules.test.yml").read_text()
    assert rules and all(f'alertname="{name}"' in tested for name in rules), "each alert has a test that it goes off"


def test_the_configuration_for_scraping(tmp_path):
    text = (EXAMPLES / "prometheus.yml").read_text()
    token = tmp_path / "token"
    token.write_text("x")
    (tmp_path / "kmux.rules.yml").write_text((EXAMPLES / "kmux.rules.yml").read_text())
    (tmp_path / "prometheus.yml").write_text(re.sub(r"credentials_file: \S+", f"credentials_file: {token}", text))
    assert "credentials_file: /" in text
    promtool("check", "config", tmp_path / "prometheus.yml")


@pytest.mark.parametrize("file", ["kmux-dashboard.json", "kmux.rules.yml"])
def test_queries_are_of_metrics_that_there_are(daemon, file):
    text = (EXAMPLES / file).read_text()
    if file.endswith(".json"):
        queries = [t["expr"] for p in json.loads(text)["panels"] for t in p.get("targets", [])]
    else:
        queries = [r["expr"] for g in yaml.safe_load(text)["groups"] for r in g["rules"]]
    known = names(daemon)
    asked = {name for q in queries for name in re.findall(r"\b(?:kmux|process)_\w+", q)}
    assert len(asked) > 5 and asked <= known, asked - known
