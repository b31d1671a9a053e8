"""kmux, as the person on duty types it: what there is, and what is done to it."""

import json
import os
import re
import signal

import cli
import kmuxd
from cli import FAILED, NOT_FOUND, REFUSED, TIMED_OUT, UNREACHABLE, USAGE, kmux
from kmuxd import TOKEN, has_ended, wait_until


def columns(text):
    """A table's rows as dicts."""
    head, *rows = text.splitlines()
    starts = [m.start() for m in re.finditer(r"\S+( \S+)*", head)]
    names = re.findall(r"\S+(?: \S+)*", head)
    ends = [*starts[1:], None]
    return [{n: row[a:b].strip() for n, a, b in zip(names, starts, ends)} for row in rows]


def test_a_kernels_life(daemon, at):
    kernel = at("start", "echo").strip()
    assert daemon.model(kernel)["name"] == "echo"
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "idle")
    (row,) = columns(at("ps"))
    pid = daemon.model(kernel)["kmux"]["pid"]
    assert (row["ID"], row["SPEC"], row["STATE"], row["CLIENTS"], row["PID"]) == (kernel[:8], "echo", "idle", "0", str(pid))
    assert re.fullmatch(r"\d+(\.\d)?[KMG]", row["MEM"]) and row["CPU"].endswith("s")
    assert json.loads(at("ps", "-o", "json"))[0]["id"] == kernel
    assert at("ps", "-o", "name") == kernel + "\n"
    assert columns(at("ps", "-o", "wide"))[0]["FULL ID"] == kernel
    described = at("describe", kernel[:6])
    assert re.search(rf"^id +{kernel}$", described, re.M) and re.search(r"^kmux.journal +recording$", described, re.M)
    assert at("restart", "@last") == f"{kernel} restarted\n"
    assert daemon.model(kernel)["kmux"]["pid"] != pid
    channels = daemon.channels(kernel)
    cell = channels.execute("sleep 100")
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "busy")
    said = at("interrupt", kernel, "--wait")
    assert re.search(r"delivered after \d+ ms, idle after \d+ ms", said)
    assert channels.finish(cell)
    assert at("stop", kernel) == f"{kernel} stopped\n"
    assert columns(at("ps")) == []


def test_the_daemon_itself(daemon, at):
    daemon.kernel()
    status = dict(re.split(r" {2,}", line.strip(), maxsplit=1) for line in at("status").splitlines())
    assert status["state"] == "ready" and status["kernels"] == "1" and status["kmuxd"]
    assert json.loads(at("drain"))["state"] == "draining"
    assert re.search(r"^state +draining$", at("status"), re.M)
    assert "drain" in at("start", "echo", code=REFUSED)
    at("undrain")
    before = daemon.get("status").json()["started"]
    assert "has taken over" in at("upgrade")
    assert daemon.get("status").json()["started"] != before
    assert len(daemon.get("kernels").json()) == 1


def test_filters_and_sorting(daemon, at):
    daemon.add_kernelspec("other", [str(cli.BIN / "kmux-child"), "echo", "-f", "{connection_file}"])
    first = at("start", "echo", "--wait").strip()
    second = at("start", "other", "--wait").strip()
    assert at("ps", "--filter", "spec=oth*", "-o", "name") == second + "\n"
    assert at("ps", "--filter", "spec!=other", "-o", "name") == first + "\n"
    assert at("ps", "--filter", "age<1h", "--filter", "state=idle", "--sort", "age", "-o", "name").split() == [second, first]
    assert at("ps", "--sort", "-age", "-o", "name").split() == [first, second]
    assert at("ps", "--filter", "mem>100GiB", "-o", "name") == ""
    assert [k["id"] for k in json.loads(at("ps", "--filter", "spec=other", "-o", "json"))] == [second]
    assert "kmux ps --help" in at("ps", "--filter", "size=5", code=USAGE)
    assert "no filter" in at("ps", "--filter", "spec>5", code=USAGE)
    owners = columns(at("owners"))
    assert [o["KERNELS"] for o in owners] == ["2"] and json.loads(at("owners", "-o", "json"))[0]["kernels"] == 2
    assert {s["NAME"] for s in columns(at("specs"))} >= {"echo", "other"}
    assert "other" in at("specs", "-o", "name").split()


def test_ps_again_and_again(daemon):
    kernel = daemon.kernel()
    watching = cli.start("--runtime-dir", daemon.runtime, "ps", "--watch", "0.1", "-o", "name")
    assert watching.stdout.readline() == kernel + "\n"
    daemon.delete(f"kernels/{kernel}")
    wait_until(lambda: watching.stdout.readline() == "\n" and watching.stdout.readline() == "\n")
    watching.send_signal(signal.SIGINT)
    assert watching.wait(60) == 0
    watching.stdout.close()
    watching.stderr.close()


def test_names(daemon, at, tmp_path):
    kernel = at("start", "echo", "--name", "analysis", "--cwd", tmp_path, "--env", "A=b c").strip()
    assert at("start", "echo", "--name", "analysis").strip() == kernel
    assert json.loads(at("describe", "analysis", "-o", "json"))["id"] == kernel
    (session,) = columns(at("sessions"))
    assert (session["NAME"], session["KERNEL"]) == ("analysis", kernel[:8])
    record = json.loads((daemon.runtime / "kernels" / kernel / "record.json").read_text())
    assert record["cwd"] == str(tmp_path) and record["env"]["A"] == "b c"
    assert "NAME=VALUE" in at("start", "echo", "--env", "A", code=USAGE)
    assert f"{tmp_path}/none" in at("start", "echo", "--cwd", "none", cwd=tmp_path, code=USAGE)
    assert at("stop", "analysis") == f"{kernel} stopped\n"


def test_a_runtime_directory_from_where_one_is(daemon):
    kernel = daemon.kernel()
    place = daemon.runtime.relative_to(daemon.directory)
    assert kernel[:8] in kmux("--runtime-dir", place, "ps", cwd=daemon.directory)
    assert kernel[:8] in kmux("--runtime-dir", f"./{place}/../{place}", "ps", cwd=daemon.directory)
    # Not the default: that may be somebody else's.
    said = kmux("ps", code=USAGE, cwd=daemon.directory, environment={"KMUX_RUNTIME_DIR": str(place)})
    assert "KMUX_RUNTIME_DIR" in said and "absolute" in said


def test_what_goes_wrong_is_said_with_what_to_do(daemon, at, tmp_path):
    assert "--runtime-dir" in kmux("--runtime-dir", tmp_path / "none", "ps", code=UNREACHABLE)
    assert "Try: kmux ps" in at("stop", "1234", code=NOT_FOUND)
    kernels = [daemon.post("kernels", {"name": "echo", "kernel_id": f"abcd{i}000-0000-0000-0000-000000000000"}).json()["id"] for i in range(2)]
    assert "2 kernels" in at("stop", "abcd", code=USAGE)
    assert len(daemon.get("kernels").json()) == 2
    assert at("stop", *kernels).count("stopped") == 2
    said = at("start", "no-such-spec", code=NOT_FOUND)
    assert "no-such-spec" in said and "Try: kmux specs" in said
    assert "seconds" in at("drain", "soon", code=USAGE)
    at("dance", code=USAGE)
    at(code=USAGE)
    at("stop", code=USAGE)
    assert "upgrade" in at("--help") and at("--version").startswith("kmux ")


def test_every_command_has_help_with_an_example(at):
    names = re.findall(r"^  (\w+) {2,}\S", at("--help"), re.M)
    assert len(names) > 30
    for name in names:
        assert f"kmux {name}" in at(name, "--help").split("Examples:")[1], name


def test_by_url(daemon):
    kernel = daemon.kernel()
    environment = {"KMUX_URL": daemon.url, "KMUX_TOKEN": TOKEN}
    assert kernel[:8] in kmux("ps", environment=environment)
    assert kernel[:8] in kmux("--url", daemon.url, "--token-file", daemon.token_file, "ps")
    assert "Try:" in kmux("--url", daemon.url, "ps", code=REFUSED)
    kmux("--url", "ftp://here/", "ps", code=USAGE)
    kmux("--url", "http://127.0.0.1:1/", "ps", code=UNREACHABLE)
    assert kmux("exec", kernel[:8], "-c", "echo by url", environment=environment) == "by url\n"
    # kmuxd takes no offence at the CLI's variables.
    daemon.environment |= environment
    daemon.stop()
    daemon.start()
    assert kmuxd.PROGRAM.exists() and daemon.model(kernel)["id"] == kernel


def test_scopes(make_daemon):
    daemon = make_daemon()
    daemon.allow("o mon observing-token observe", "r ann reading-token read", "u ann using-token")
    daemon.start()

    def as_token(token, *words, **more):
        return kmux("--url", daemon.url, *words, environment={"KMUX_TOKEN": token}, **more)

    kernel = as_token("using-token", "start", "echo", "--wait").strip()
    channels = daemon.channels(kernel)
    assert as_token("using-token", "exec", kernel, "-c", "echo said") == "said\n"
    assert as_token("reading-token", "logs", kernel, "--output") == "said\n" and as_token("reading-token", "logs", kernel) == ""
    assert kernel[:8] in as_token("observing-token", "ps")
    # That of exec may not have gone yet.
    (client,) = wait_until(lambda: len(c := columns(as_token("observing-token", "clients"))) == 1 and c)
    for words in (("logs", kernel), ("messages", kernel), ("stop", kernel)):
        assert "Try:" in as_token("observing-token", *words, code=REFUSED)
    for words in (("signal", kernel, "USR1"), ("pin", kernel), ("kick", client["ID"]), ("stop", kernel)):
        assert "Try:" in as_token("reading-token", *words, code=REFUSED)
    assert "dministrator" in as_token("using-token", "reload", code=REFUSED)
    assert channels.text("echo still here") == "still here\n"
    as_token("using-token", "kick", client["ID"])
    assert channels.until(lambda m: "closed" in m)[-1]["closed"] == 4403


def test_waiting(daemon, at):
    kernel = daemon.kernel()
    assert at("wait", kernel, "--for", "idle") == f"{kernel} idle\n"
    channels = daemon.channels(kernel)
    channels.execute("echo on\nsleep 100")
    channels.until(lambda m: m["msg_type"] == "stream")
    assert "Try: kmux stack" in at("wait", kernel, "--timeout", "200ms", code=TIMED_OUT)
    waiting = cli.Terminal("--runtime-dir", daemon.runtime, "wait", kernel, "--for", "dead")
    waiting.expect(f"{kernel[:8]} is waited for until it is dead: busy")
    at("stop", kernel)
    waiting.expect(f"{kernel} gone")
    assert waiting.wait() == 0
    waiting.close()
    assert "no time" in at("wait", kernel, "--timeout", "soon", code=USAGE)
    assert "idle, busy or dead" in at("wait", kernel, "--for", "lunch", code=USAGE)


def test_signals_and_dead_kernels(make_daemon):
    daemon = make_daemon('[kernels]\necho = true\nrestart = false\n').start()

    def at(*words, **more):
        return kmux("--runtime-dir", daemon.runtime, *words, **more)

    kernel = daemon.kernel()
    at("wait", kernel)
    pid = daemon.model(kernel)["kmux"]["pid"]
    assert "not dead" in at("rm", kernel, code=REFUSED)
    assert "name or number" in at("signal", kernel, "HELLO", code=FAILED)
    assert at("signal", kernel, "KILL") == f"{kernel} signalled\n"
    assert at("wait", kernel, "--for", "dead") == f"{kernel} dead\n"
    assert has_ended(pid)
    described = at("describe", kernel)
    assert re.search(r"^kmux.exit.cause +signaled$", described, re.M) and "killed by SIGKILL" in described
    assert "is dead" in at("exec", kernel, "-c", "echo x", code=FAILED)
    assert at("wait", kernel, "--for", "idle", code=FAILED)
    assert "kernels: 1 dead" in cli.run("--runtime-dir", daemon.runtime, "doctor").stdout
    assert "IDs, or --all" in at("rm", code=USAGE)
    assert at("rm", "--all") == f"{kernel} removed\n"
    assert daemon.get("kernels").json() == [] and at("rm", "--all") == ""


def test_pinned_kernels_are_not_culled(make_daemon):
    daemon = make_daemon('[kernels]\necho = true\n[culling]\nidle_timeout = "1h"\nmax_age = "50h"\ninterval = "50ms"\n').start()

    def at(*words, **more):
        return kmux("--runtime-dir", daemon.runtime, *words, **more)

    kept, other = daemon.kernel(), daemon.kernel()
    at("wait", kept, other)
    assert at("pin", kept) == f"{kept} pinned\n"
    wait_until(lambda: [r["ID"] for r in columns(at("cull", "--dry-run"))] == [other[:8]])
    (row,) = columns(at("cull", "--dry-run"))
    assert row["IN"] in ("59m", "1h") and "nobody used it" in row["BECAUSE"]
    daemon.stop()
    daemon.start()
    assert daemon.model(kept)["kmux"]["pinned"] and not daemon.model(other)["kmux"]["pinned"]
    at("wait", kept, other)
    wait_until(lambda: len(columns(at("cull", "--idle", "0", "--dry-run"))) == 1)
    assert len(daemon.get("kernels").json()) == 2
    assert "--idle" in at("cull", code=USAGE)
    at("cull", "--idle", "0", "--spec", "none")
    assert other[:8] in at("cull", "--idle", "0")
    assert [k["id"] for k in daemon.get("kernels").json()] == [kept]
    at("unpin", kept)
    assert kept[:8] in at("cull", "--idle", "0", "--owner", daemon.model(kept)["kmux"]["owner"])


def test_clients_are_listed_and_kicked(daemon, at):
    kernel = daemon.kernel()
    channels = daemon.channels(kernel)
    channels.text("echo here")
    (row,) = columns(at("clients"))
    assert (row["KERNEL"], row["SESSION"], row["BEHIND"]) == (kernel[:8], channels.session, "0")
    assert row["ADDRESS"].startswith("127.0.0.1:")
    assert f"session {channels.session}" in at("describe", kernel)
    assert "kmux clients" in at("kick", "987654", code=NOT_FOUND)
    assert at("kick", row["ID"]) == f"{row['ID']} disconnected\n"
    assert channels.until(lambda m: "closed" in m)[-1]["closed"] == 4403
    wait_until(lambda: columns(at("clients")) == [])


def test_reload(daemon, at):
    daemon.config.write_text("[kernels]\necho = true\nmax_kernels = 1\n")
    at("reload")
    daemon.kernel()
    assert "max_kernels" in at("start", "echo", code=REFUSED)
    daemon.config.write_text("[kernels]\nmax_kernel = 2\n")
    said = at("reload", code=REFUSED)
    assert "kernels.max_kernels?" in said and "Try: kmux config check" in said
    assert "max_kernels" in at("start", "echo", code=REFUSED)


def test_configuration(daemon, at):
    daemon.config.write_text('[kernels]\necho = true\n')
    shown = at("config", "show", "--config", daemon.config, environment={"KMUX_LOG_LEVEL": "debug"})
    assert re.search(rf"^kernels.echo +true +{re.escape(str(daemon.config))}:2:\d+$", shown, re.M)
    assert re.search(r'^log.level +"debug" +KMUX_LOG_LEVEL$', shown, re.M)
    assert re.search(r"^kernels.restart +true +default$", shown, re.M)
    changed = json.loads(at("config", "diff", "-o", "json", "--config", daemon.config))
    assert [c["key"] for c in changed] == ["kernels.echo"]
    assert "is good" in at("config", "check", "--config", daemon.config)
    daemon.config.write_text('[kernels]\nehco = true\n')
    assert "1 to mend" in at("config", "check", "--config", daemon.config, code=FAILED)
    at("config", "burn", code=USAGE)


def test_logs_and_messages(daemon, at):
    daemon.add_kernelspec("noisy", ["/bin/sh", "-c", f"echo one; echo two >&2; exec {cli.BIN / 'kmux-child'} echo -f $0", "{connection_file}"])
    kernel = at("start", "noisy", "--wait").strip()
    wait_until(lambda: at("logs", kernel) == "one\ntwo\n")
    assert at("logs", "@last", "--output") == ""
    at("exec", kernel, "-c", "echo said")
    assert at("logs", kernel, "--output") == "said\n"
    assert at("logs", kernel, "--output", "--since", "1h") == "said\n"
    assert "--output --since 1h" in at("logs", kernel, "--since", "1h", code=USAGE)
    (line,) = at("messages", kernel, "--type", "stream").splitlines()
    assert line.split()[2:] == ["iopub", "stream", "said"]
    (message,) = map(json.loads, at("messages", kernel, "--type", "stream", "-o", "json").splitlines())
    parent = message["parent_header"]["msg_id"]
    assert {json.loads(x)["parent_header"]["msg_id"] for x in at("messages", kernel, "--parent", parent, "-o", "json").splitlines()} == {parent}
    following = cli.start("--runtime-dir", daemon.runtime, "logs", kernel, "--output", "-f")
    assert following.stdout.readline() == "said\n"
    at("exec", kernel, "-c", "echo again")
    assert following.stdout.readline() == "again\n"
    at("stop", kernel)
    assert following.wait(60) == 0
    following.stdout.close()
    following.stderr.close()


def test_the_processs_log_is_followed(daemon, at):
    daemon.add_kernelspec("talker", ["/bin/sh", "-c", f"(while sleep 0.2; do echo tick; done) & exec {cli.BIN / 'kmux-child'} echo -f $0", "{connection_file}"])
    kernel = daemon.kernel("talker")
    following = cli.start("--runtime-dir", daemon.runtime, "logs", kernel, "-f")
    assert [following.stdout.readline() for _ in range(3)] == ["tick\n"] * 3
    following.terminate()
    following.wait(60)
    following.stdout.close()
    following.stderr.close()


def test_trees_and_stacks(daemon, at):
    kernel = at("start", "echo", "--wait").strip()
    pid = daemon.model(kernel)["kmux"]["pid"]
    assert re.search(rf"^{pid} \S .*kmux-child", at("tree", kernel), re.M)
    said = at("stack", kernel)
    assert f"process {pid}" in said and re.search(rf"^thread {pid} kmux-child state \S", said, re.M)
    assert at("stack", kernel, "-o", "json") == "null\n"


def test_a_bug_report_has_no_secrets(daemon, at):
    kernel = at("start", "echo", "--env", "SECRET=hidden-value", "--wait").strip()
    at("exec", kernel, "-c", "echo private-output")
    said = at("bugreport", environment={"KMUX_AUTH_TOKEN": "hidden-token"})
    assert kernel[:8] in said and "## doctor" in said
    for secret in ("hidden", "private-output", TOKEN):
        assert secret not in said


def test_the_doctor(daemon, at):
    ran = cli.run("--runtime-dir", daemon.runtime, "doctor")
    assert "kmuxd: " in ran.stdout and "answers at" in ran.stdout
    assert re.search(r"descriptors: kmuxd may have \d+", ran.stdout)
    assert (ran.returncode == FAILED) == ("BAD" in ran.stdout)
    daemon.runtime.chmod(0o755)
    said = cli.run("--runtime-dir", daemon.runtime, "doctor")
    daemon.runtime.chmod(0o700)
    assert said.returncode == FAILED and f"mend: chmod 700 {daemon.runtime}" in said.stdout
    findings = json.loads(cli.run("--runtime-dir", daemon.runtime, "doctor", "-o", "json").stdout)
    assert {f["level"] for f in findings} <= {"good", "note", "bad"}


def test_a_dead_daemons_directories_are_read(daemon, at):
    kernel = at("start", "echo", "--wait").strip()
    at("exec", kernel, "-c", "echo last words")
    pid = daemon.model(kernel)["kmux"]["pid"]
    daemon.process.kill()
    daemon.process.wait()
    ran = cli.run("--runtime-dir", daemon.runtime, "ps")
    assert ran.returncode == 0 and "no kmuxd answers" in ran.stderr
    (row,) = columns(ran.stdout)
    assert (row["ID"], row["STATE"], row["PID"]) == (kernel[:8], "unknown", str(pid))
    assert at("logs", "@last", "--output") == "last words\n"
    assert json.loads(at("messages", kernel, "--type", "stream", "-o", "json"))["content"]["text"] == "last words\n"
    assert "stdio log" in at("describe", kernel) and at("logs", kernel) == ""
    assert str(pid) in at("tree")
    for words in (("stop", kernel), ("exec", kernel, "-c", "echo x"), ("start", "echo"), ("status",)):
        assert "Try: kmux doctor" in at(*words, code=UNREACHABLE)
    assert re.search(r"^BAD +kmuxd: No kmuxd answers", cli.run("--runtime-dir", daemon.runtime, "doctor").stdout, re.M)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: has_ended(pid))
    wait_until(lambda: columns(at("ps"))[0]["STATE"] == "dead")
    assert at("ps", "-o", "name") == kernel + "\n"
    daemon.start()


def test_tokens(daemon, at):
    token = at("token", "create", "laptop", "--owner", "ann", "--expires", "1h").strip()
    assert token.startswith("kmux_") and "\n" not in token
    assert daemon.get("me", token=token).json()["identity"]["username"] == "ann"
    (row,) = columns(at("token", "list"))
    assert (row["NAME"], row["OWNER"], row["SCOPES"]) == ("laptop", "ann", "use") and row["EXPIRES"].endswith("Z")
    again = at("token", "rotate", "laptop", "--owner", "ann").strip()
    assert again != token and daemon.get("me", token=token).status_code == 401
    assert json.loads(at("token", "list", "-o", "json"))[0]["owner"] == "ann"
    at("token", "revoke", "laptop", "--owner", "ann")
    assert daemon.get("me", token=again).status_code == 401
    at("token", "revoke", "laptop", "--owner", "ann", code=NOT_FOUND)
    for wrong in (["create"], ["create", "a/b"], ["make", "x"], ["list", "x"], ["create", "x", "--expires", "soon"]):
        at("token", *wrong, code=USAGE)
