"""Kernels run as their owners, by a kmuxd without privilege, and live as all others do."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from shared_host import CONFIG, OPT, RUNTIME, STATE, USERS, processes_of
from kmuxd import QUICK_STOP, has_ended, wait_until


def test_the_shortest_way(daemon):
    kernel = daemon.kernel_of("ann", "echo")
    channels = daemon.channels_of("ann", kernel)
    assert channels.text("echo hello") == "hello\n"
    assert Path(f"/proc/{daemon.pid(kernel)}").owner() == "ann"
    assert Path(f"/proc/{daemon.process.pid}").owner() == "kmux"


@pytest.mark.parametrize("user", USERS)
def test_a_kernel_is_a_login_of_its_owner(daemon, user):
    channels = daemon.channels_of(user, daemon.kernel_of(user))
    said = channels.text("""
import getpass, grp, os
print(getpass.getuser(), os.getuid() == os.geteuid(), os.path.expanduser("~"), os.getcwd())
print(sorted(grp.getgrgid(g).gr_name for g in os.getgroups()))
print({k: os.environ.get(k) for k in ("HOME", "USER", "LOGNAME", "SHELL")})
print(oct(os.umask(0o22)), open("/proc/self/status").read().split("CapEff:")[1].split()[0])
open("made", "w").write("x")
""").splitlines()
    home = f"/home/{user}"
    assert said[0] == f"{user} True {home} {home}"
    assert said[1] == str(sorted([user, "jupyter"]))
    assert said[2] == str({"HOME": home, "USER": user, "LOGNAME": user, "SHELL": "/bin/bash"})
    assert said[3] == "0o22 0000000000000000"
    assert Path(home, "made").owner() == user


def test_restart_interrupt_and_stop_go_through_the_helper(daemon):
    before = processes_of("ann")  # the number may be somebody's outside of these tests
    kernel = daemon.kernel_of("ann")
    channels = daemon.channels_of("ann", kernel)
    assert channels.text("x = 1; print(x)") == "1\n"
    running = channels.execute("import time\nprint('begun', flush=True)\ntime.sleep(600)")
    channels.until(lambda m: m["msg_type"] == "stream")
    assert daemon.post(f"kernels/{kernel}/interrupt", token=daemon.tokens["ann"]).status_code == 204
    assert any(m["msg_type"] == "error" and m["content"]["ename"] == "KeyboardInterrupt" for m in channels.finish(running))
    old = daemon.pid(kernel)
    assert daemon.post(f"kernels/{kernel}/restart", token=daemon.tokens["ann"]).status_code == 200
    assert daemon.pid(kernel) != old and has_ended(old)
    assert channels.text("print('x' in globals())") == "False\n"
    left = channels.text("import subprocess\nprint(subprocess.Popen(['setsid', 'sleep', '600']).pid)")
    assert daemon.delete(f"kernels/{kernel}", token=daemon.tokens["ann"]).status_code == 204
    assert has_ended(int(left))
    # kmux-spawn sends signals as the user: who has sent the last one may still be going.
    wait_until(lambda: {*processes_of("ann")} <= {*before})
    assert list((RUNTIME / "kernels").iterdir()) == list((STATE / "kernels").iterdir()) == []


def test_how_a_kernel_ended_is_told_by_whoever_started_it(daemon):
    kernel = daemon.kernel_of("ann")
    channels = daemon.channels_of("ann", kernel)
    channels.execute("import ctypes\nctypes.string_at(0)")
    told = channels.until(lambda m: m["msg_type"] == "status" and m["content"]["execution_state"] == "restarting")[-1]
    assert "SIGSEGV" in told["content"]["reason"]
    assert channels.text("print(1)") == "1\n"


def test_a_relayed_kernel(spawn, make_shared):
    # It is not to be killed: then nobody would remove what it has made in /tmp.
    daemon = make_shared(CONFIG.replace(QUICK_STOP, 'stop_message = "60s"\n')).start()
    folder = Path("/opt/kernels/relayed")
    folder.mkdir(exist_ok=True)
    (folder / "kernel.json").write_text('{"argv": ["/usr/bin/python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"], '
                                        '"display_name": "x", "language": "python", "env": {"PLACE": "${HOME}/x"}}')
    before = {*Path("/tmp").glob("kmux-*")}
    kernel = daemon.kernel_of("bob", "relayed")
    channels = daemon.channels_of("bob", kernel)
    assert channels.text("import os; print(os.environ['PLACE'], os.getcwd())") == "/home/bob/x /home/bob\n"
    channels.execute("os.abort()")
    channels.until(lambda m: m["msg_type"] == "status" and m["content"]["execution_state"] == "restarting")
    assert channels.text("print(2)") == "2\n"
    daemon.delete(f"kernels/{kernel}")
    assert [p for p in {*Path("/tmp").glob("kmux-*")} - before if p.owner() == "bob"] == []


def test_a_path_is_looked_for_as_the_user(daemon):
    os.makedirs("/home/eve/notes", exist_ok=True)
    os.chmod("/home/eve", 0o700)
    for made in ("/home/eve", "/home/eve/notes"):
        os.chown(made, *[os.stat("/home/eve").st_uid] * 2)
    assert daemon.channels_of("eve", daemon.kernel_of("eve", path="notes/none")).text("import os; print(os.getcwd())") == "/home/eve/notes\n"
    assert daemon.channels_of("eve", daemon.kernel_of("eve", path="../bob")).text("import os; print(os.getcwd())") == "/home/eve\n"


def test_kernels_outlive_both_programs(daemon, spawn):
    kernels = {user: daemon.kernel_of(user) for user in USERS}
    for user, kernel in kernels.items():
        daemon.channels_of(user, kernel).text(f"x = '{user}'")
    pids = {user: daemon.pid(kernel) for user, kernel in kernels.items()}
    spawn.stop(signal.SIGKILL)
    daemon.stop(signal.SIGKILL)
    daemon.start()
    spawn.start()
    for user, kernel in kernels.items():
        channels = daemon.channels_of(user, kernel)
        assert channels.text("print(x)") == user + "\n" and daemon.pid(kernel) == pids[user]
        running = channels.execute("import time\nprint('begun', flush=True)\ntime.sleep(600)")
        channels.until(lambda m: m["msg_type"] == "stream")
        daemon.post(f"kernels/{kernel}/interrupt", token=daemon.tokens[user])
        assert any(m["msg_type"] == "error" for m in channels.finish(running))
    assert daemon.post(f"kernels/{kernels['ann']}/restart").status_code == 200
    assert daemon.channels_of("ann", kernels["ann"]).text("import getpass; print(getpass.getuser())") == "ann\n"
    os.kill(pids["bob"], signal.SIGKILL)
    wait_until(lambda: daemon.pid(kernels["bob"]) not in (None, pids["bob"]), what="another process")


def test_what_they_said_is_read_without_a_daemon(daemon):
    kernel = daemon.kernel_of("ann")
    assert daemon.channels_of("ann", kernel).text("import os; print('said'); os.write(2, b'written')")
    daemon.stop(signal.SIGKILL)

    def kmux(*words):
        return subprocess.run([OPT / "bin/kmux", "--runtime-dir", RUNTIME, "--config", daemon.config, *words], capture_output=True, text=True, timeout=60,
                              env={"PATH": "/usr/bin:/bin", "KMUX_STATE_DIR": str(STATE)}).stdout

    assert "said" in kmux("logs", kernel, "--output") and "said" in kmux("messages", kernel, "--type", "stream")
    assert "written" in kmux("logs", kernel)
    assert "ann" in kmux("ps")


def test_kernels_outlive_an_upgrade(daemon):
    kernel = daemon.kernel_of("ann")
    daemon.channels_of("ann", kernel).text("x = 1")
    pid, told = daemon.pid(kernel), daemon.log.read_text().count("event=ready")
    assert daemon.post("upgrade").status_code == 202
    wait_until(lambda: daemon.log.read_text().count("event=ready") > told, what="the successor")
    channels = daemon.channels_of("ann", kernel)
    assert channels.text("print(x)") == "1\n" and daemon.pid(kernel) == pid
    assert daemon.post(f"kernels/{kernel}/restart").status_code == 200
    assert channels.text("print('x' in globals())") == "False\n" and has_ended(pid)


def test_what_ended_while_nobody_looked_is_found_dead_and_its_rest_is_ended(daemon):
    kernel = daemon.kernel_of("ann")
    left = int(daemon.channels_of("ann", kernel).text("import subprocess\nprint(subprocess.Popen(['setsid', 'sleep', '600']).pid)"))
    pid = daemon.pid(kernel)
    daemon.stop(signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: has_ended(pid))
    daemon.start()
    assert daemon.model(kernel)["execution_state"] == "dead"
    assert has_ended(left)
    assert daemon.post(f"kernels/{kernel}/restart").status_code == 200


def test_a_helper_that_is_away_is_said_and_does_no_harm(daemon, spawn):
    kernel = daemon.kernel_of("ann")
    spawn.stop()
    spawn.socket.close()
    answer = daemon.post("kernels", {"name": "echo"}, token=daemon.tokens["bob"])
    assert answer.status_code == 500 and "kmux-spawn cannot be asked" in answer.text
    assert daemon.channels_of("ann", kernel).text("print(1)") == "1\n"
    spawn.__init__(spawn.log)
    spawn.start()
    assert daemon.channels_of("bob", daemon.kernel_of("bob", "echo")).text("echo 2") == "2\n"


@pytest.mark.parametrize("user, why", [("nobody-at-all", "is no user of this system"), ("mallory", "not among those who may"),
                                       ("root", "that is root")])
def test_who_may_not_is_told_so(daemon, user, why):
    answer = daemon.post("kernels", {"name": "echo"}, token=daemon.tokens[user])
    assert answer.status_code == 403 and why in answer.text, answer.text
    answer = daemon.post("sessions", {"path": "a.ipynb", "name": "a", "type": "notebook", "kernel": {"name": "echo"}}, token=daemon.tokens[user])
    assert answer.status_code == 403 and why in answer.text
    assert daemon.get("kernels").json() == daemon.get("sessions").json() == []
    assert list((RUNTIME / "kernels").iterdir()) == []


def test_limits_hold_for_the_user(spawn, make_shared):
    daemon = make_shared(CONFIG + "limit_files = 77\nlimit_core = 0\nnice = 3\n").start()
    said = daemon.channels_of("ann", daemon.kernel_of("ann")).text(
        "import os, resource; print(resource.getrlimit(resource.RLIMIT_NOFILE), os.nice(0))")
    assert said == "(77, 77) 3\n"


def test_a_pam_session_lasts_as_long_as_its_kernel(make_spawn, make_shared):
    log = Path("/run/sessions")
    log.write_text("")
    log.chmod(0o666)
    Path("/etc/pam.d/kmux-test").write_text(
        "account required pam_permit.so\nsession required pam_limits.so conf=/etc/kmux/limits\n"
        "session required pam_env.so envfile=/etc/kmux/env user_readenv=0\n"
        "session required pam_exec.so /etc/kmux/session\n")
    Path("/etc/kmux/session").write_text(f"#!/bin/sh\necho $PAM_TYPE $PAM_USER >> {log}\n")
    Path("/etc/kmux/session").chmod(0o755)
    Path("/etc/kmux/limits").write_text("ann hard nofile 99\nann soft nofile 88\n")
    Path("/etc/kmux/env").write_text("FROM_PAM=yes\n")
    make_spawn('pam = "kmux-test"\n')
    daemon = make_shared().start()
    kernel = daemon.kernel_of("ann")
    said = daemon.channels_of("ann", kernel).text(
        "import os, resource; print(os.environ['FROM_PAM'], resource.getrlimit(resource.RLIMIT_NOFILE), os.getuid())")
    assert said.startswith("yes (88, 99) ")
    daemon.delete(f"kernels/{kernel}")
    told = wait_until(lambda: len(lines := log.read_text().splitlines()) == 2 and lines, what="the session's end")
    assert told == ["open_session ann", "close_session ann"]


def test_pam_may_refuse(make_spawn, make_shared):
    Path("/etc/pam.d/kmux-refuses").write_text("account required pam_deny.so\nsession required pam_permit.so\n")
    make_spawn('pam = "kmux-refuses"\n')
    answer = make_shared().start().post("kernels", {"name": "echo"}, token="the-token-of-ann")
    assert answer.status_code == 403 and "PAM (kmux-refuses) refuses a session for ann" in answer.text


def test_private_places(make_spawn, make_shared):
    make_spawn("private_tmp = true\nhide_proc = true\n", capabilities="-all,+setuid,+setgid,+sys_admin")
    daemon = make_shared().start()
    ann, bob = (daemon.channels_of(user, daemon.kernel_of(user)) for user in ("ann", "bob"))
    ann.text("open('/tmp/mine', 'w').write('x')")
    assert bob.text("import os; print('mine' in os.listdir('/tmp'))") == "False\n"
    assert not os.path.exists("/tmp/mine")
    pids = bob.text("print({os.stat(f'/proc/{p}').st_uid for p in os.listdir('/proc') if p.isdigit()} == {os.getuid()})")
    assert pids == "True\n"


def test_the_users_own_kernelspecs_run_as_that_user_alone(spawn, make_shared):
    folder = Path("/home/ann/kernels/mine")
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text('{"argv": ["/usr/bin/python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "x", "language": "python"}')
    for made in (folder.parent, folder, folder / "kernel.json"):
        os.chown(made, *[os.stat("/home/ann").st_uid] * 2)
    os.chmod("/home/ann", 0o755)
    daemon = make_shared(CONFIG.replace('path = ["', 'path = ["/home/ann/kernels", "')).start()
    assert daemon.channels_of("ann", daemon.kernel_of("ann", "mine")).text("print(1)") == "1\n"
    answer = daemon.post("kernels", {"name": "mine"}, token=daemon.tokens["bob"])
    assert answer.status_code == 403 and "root's or the user's own" in answer.text
    os.chmod(folder, 0o777)
    answer = daemon.post("kernels", {"name": "mine"}, token=daemon.tokens["ann"])
    assert answer.status_code == 403 and "could be changed by others" in answer.text
