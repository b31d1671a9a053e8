"""What one user tries on another's kernels, and on kmuxd and kmux-spawn. Each attack is first tried where it must succeed."""

import json
import os
import pwd
import signal
import subprocess
from pathlib import Path

import pytest
from shared_host import RUNTIME, SOCKET, STATE, as_user
from kmuxd import wait_until

SECRET = "the-word-that-only-ann-knows"

#: Each prints "in" where it gets what it wants; argv: kernel id, pid, port of its relay.
ATTACKS = {
    "list the runtime directories": "os.listdir('/run/kmux/kernels')",
    "list the state directories": "os.listdir('/var/lib/kmux/kernels')",
    "list the kernel's directory": "os.listdir(run)",
    "read the record": "open(run + '/record.json').read()",
    "read the connection file": "open(run + '/connection.json').read()",
    "read what the kernel writes": "os.listdir(run + '/user')",
    "read the journal": "open(glob_of(state + '/user'), 'rb').read()",
    "read the summary": "open(state + '/summary.json').read()",
    "read the log": "open(state + '/user/stdio.log').read()",
    "write to the log": "open(state + '/user/stdio.log', 'a')",
    "replace the record": "os.rename(__file__ if '__file__' in dir() else '/etc/hostname', run + '/record.json')",
    "make a file beside it": "open(run + '/x', 'w')",
    "make a file in the runtime directory": "open('/run/kmux/x', 'w')",
    "make a kernel of one's own": "os.mkdir('/run/kmux/kernels/1-1-1-1-1')",
    "remove the kernel's socket": "os.unlink(run + '/user/k-1')",
    "connect to the kernel's socket": "socket.socket(socket.AF_UNIX).connect(run + '/user/k-1')",
    "connect to the administrator's socket": "socket.socket(socket.AF_UNIX).connect('/run/kmux/admin.sock')",
    "connect to kmux-spawn": "socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect('/run/kmux-spawn/socket')",
    "signal the kernel": "os.kill(pid, 0)",
    "signal its group": "os.killpg(pid, 0)",
    "signal it by pidfd": "signal.pidfd_send_signal(os.pidfd_open(pid), 0)",
    "signal kmuxd": "os.kill(daemon, 0)",
    "signal kmux-spawn": "os.kill(helper, 0)",
    "read its environment": "open(f'/proc/{pid}/environ').read()",
    "read its memory": "open(f'/proc/{pid}/mem', 'rb')",
    "see its descriptors": "os.listdir(f'/proc/{pid}/fd')",
    "trace it": "trace(pid)",
    "steal a descriptor": "steal(pid)",
}

PRELUDE = """
import ctypes, glob, os, signal, socket, sys
kernel, pid, daemon, helper = sys.argv[1], *map(int, sys.argv[2:5])
run, state = "/run/kmux/kernels/" + kernel, "/var/lib/kmux/kernels/" + kernel
libc = ctypes.CDLL(None, use_errno=True)
def glob_of(place):
    return [place + "/" + f for f in os.listdir(place) if f.startswith("journal.0")][0]
def checked(n):
    if n < 0: raise OSError(ctypes.get_errno(), "refused")
def trace(pid):
    checked(libc.ptrace(0x4206, pid, 0, 0))  # PTRACE_SEIZE
def steal(pid):
    checked(libc.syscall(438, os.pidfd_open(pid), 0, 0))  # pidfd_getfd
try:
    {attack}
    print("in")
except OSError as e:
    print("out", e.errno)
"""


@pytest.fixture
def anns(daemon):
    """A kernel of ann's that has said something secret."""
    kernel = daemon.kernel_of("ann")
    assert daemon.channels_of("ann", kernel).text(f"print('{SECRET}')") == SECRET + "\n"
    return kernel


def test_nothing_of_another_users_is_reached(daemon, spawn, anns):
    about = (anns, daemon.pid(anns), daemon.process.pid, spawn.process.pid)
    got = {name: as_user("bob", PRELUDE.replace("{attack}", attack), *about) for name, attack in ATTACKS.items()}
    assert {name: said for name, said in got.items() if not said.startswith("out")} == {}
    # They would be noticed: the owner can do what is the owner's.
    may = ["list the kernel's directory", "read the record", "read the connection file", "read what the kernel writes", "read the journal", "read the log",
           "connect to the kernel's socket", "signal the kernel", "read its environment", "trace it"]
    assert {name: said for name in may if (said := as_user("ann", PRELUDE.replace("{attack}", ATTACKS[name]), *about)) != "in"} == {}
    mine = [*set(ATTACKS) & {"replace the record", "make a file beside it", "make a kernel of one's own", "connect to kmux-spawn", "signal kmuxd",
                             "signal kmux-spawn", "connect to the administrator's socket"}]
    assert {name: said for name in mine if not (said := as_user("ann", PRELUDE.replace("{attack}", ATTACKS[name]), *about)).startswith("out")} == {}


def test_others_get_404(daemon, anns):
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/restart"), ("POST", "/interrupt"), ("GET", "/messages?after=0"), ("GET", "/executions")):
        assert daemon.call(method, f"api/kernels/{anns}{path}", token=daemon.tokens["bob"]).status_code == 404, path


def test_a_port_is_of_no_use_without_the_key(daemon):
    """A kernel that can only use TCP: everybody reaches its ports."""
    folder = Path("/opt/kernels/by-tcp")
    folder.mkdir(exist_ok=True)
    (folder / "kernel.json").write_text('{"argv": ["/usr/bin/python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "x", "language": "python"}')
    daemon.config.write_text(daemon.config.read_text() + 'tcp = ["by-tcp"]\n')
    daemon.stop()
    daemon.start()
    kernel = daemon.kernel_of("ann", "by-tcp")
    channels = daemon.channels_of("ann", kernel)
    assert channels.text("print(1)") == "1\n"
    port = json.loads((RUNTIME / "kernels" / kernel / "user/kernel.json").read_text())["shell_port"]
    said = as_user("bob", f"""
        import json, zmq
        socket = zmq.Context().socket(zmq.DEALER)
        socket.connect("tcp://127.0.0.1:{port}")
        head = json.dumps({{"msg_id": "1", "msg_type": "execute_request", "session": "s", "username": "bob", "version": "5.3", "date": ""}})
        socket.send_multipart([b"<IDS|MSG>", b"0" * 64, head.encode(), b"{{}}", b"{{}}", json.dumps({{"code": "open('/tmp/bob-was-here', 'w')", "silent": False}}).encode()])
        print(socket.poll(2000))
        """)
    assert said == "0" and not Path("/tmp/bob-was-here").exists()
    assert channels.text("print(2)") == "2\n"


def messages(daemon, kernel, user):
    return daemon.get(f"kernels/{kernel}/messages?after=0", token=daemon.tokens[user]).text


def test_links_lead_nowhere(daemon, anns):
    """bob's kernel puts links to ann's files where kmuxd reads his."""
    kernel = daemon.kernel_of("bob")
    bobs = daemon.channels_of("bob", kernel)
    assert bobs.text("print('mine')") == "mine\n"
    assert "mine" in messages(daemon, kernel, "bob")
    hers = f"{STATE}/kernels/{anns}/user"
    (journal,) = Path(hers).glob("journal.0*")
    bobs.text(f"""
import os
here, run = "{STATE}/kernels/{kernel}/user", "{RUNTIME}/kernels/{kernel}/user"
for name in os.listdir(here):
    if name.startswith("journal.0"):
        os.unlink(here + "/" + name)
        os.symlink("{journal}", here + "/" + name)
os.unlink(here + "/stdio.log")
os.symlink("{hers}/stdio.log", here + "/stdio.log")
os.symlink("{RUNTIME}/kernels/{anns}/record.json", run + "/exit.json")
for n in range(1, 6):
    os.unlink(f"{{run}}/k-{{n}}")
    os.symlink(f"{RUNTIME}/kernels/{anns}/user/k-{{n}}", f"{{run}}/k-{{n}}")
""")
    assert SECRET not in messages(daemon, kernel, "bob")
    log_before = Path(hers, "stdio.log").read_bytes()
    # A new daemon connects to where the links lead, and sees whose socket that is.
    daemon.stop(signal.SIGKILL)
    daemon.start()
    assert daemon.channels_of("ann", anns).text("print(1)") == "1\n"
    assert SECRET not in messages(daemon, kernel, "bob") and SECRET in messages(daemon, anns, "ann")

    def connected():
        rows = [row.split() for row in Path("/proc/net/unix").read_text().splitlines() if f"{anns}/user/k-1" in row]
        return sum(row[5] == "03" for row in rows)

    # Through bob's it is tried again and again: each time until kmuxd has seen whose socket that is.
    wait_until(lambda: connected() == 1, what="only ann's link")
    os.kill(daemon.pid(kernel), signal.SIGKILL)
    model = wait_until(lambda: (m := daemon.model(kernel))["kmux"]["exit"] and m, what="its end")
    assert SECRET not in json.dumps(model) and anns not in json.dumps(model)
    assert Path(hers, "stdio.log").read_bytes() == log_before
    daemon.delete(f"kernels/{kernel}")
    assert daemon.channels_of("ann", anns).text("print(2)") == "2\n"
    assert journal.exists() and (RUNTIME / "kernels" / anns / "record.json").exists()


def test_a_race_of_links_and_files_gives_nothing_away(daemon, anns):
    """bob exchanges his journal for a link to ann's, all the time, while kmuxd reads."""
    kernel = daemon.kernel_of("bob")
    bobs = daemon.channels_of("bob", kernel)
    bobs.text("print('mine')")
    (journal,) = Path(f"{STATE}/kernels/{anns}/user").glob("journal.0*")
    bobs.execute(f"""
import ctypes, os
here = "{STATE}/kernels/{kernel}/user/"
name = [n for n in os.listdir(here) if n.startswith("journal.0")][0]
os.symlink("{journal}", here + "link")
swap = ctypes.CDLL(None).renameat2
print("begun", flush=True)
while True:
    swap(-100, (here + name).encode(), -100, (here + "link").encode(), 2)
""")
    bobs.until(lambda m: m["msg_type"] == "stream")
    seen = [messages(daemon, kernel, "bob") for _ in range(300)]
    assert not any(SECRET in each for each in seen)
    assert any("mine" in each for each in seen), "it was never the file"


def test_a_kernel_cannot_pretend_to_be_anothers(daemon, anns):
    kernel = daemon.kernel_of("bob")
    bobs = daemon.channels_of("bob", kernel)
    pid = daemon.pid(anns)
    said = bobs.text(f"""
import json, os, shutil
run, state = "{RUNTIME}/kernels/{kernel}", "{STATE}/kernels/{kernel}"
def tried(what):
    try:
        what()
        return "in"
    except OSError as e:
        return "out"
forged = json.dumps({{"schema": 1, "id": "{kernel}", "kernelspec": "python3", "owner": "ann", "pid": {pid}}})
print(tried(lambda: open(run + "/record.json", "w")), tried(lambda: os.unlink(run + "/record.json")),
      tried(lambda: os.rename(run, run + "x")), tried(lambda: os.rename(run + "/user", run + "/other")),
      tried(lambda: os.chmod(run + "/user", 0o777)), tried(lambda: os.link("{RUNTIME}/kmux.lock", run + "/user/l")),
      tried(lambda: open(state + "/summary.json", "w")), tried(lambda: open(state + "/cursors", "w")))
for place in (run, state):
    for name in ("record.json", "summary.json", "connection.json", "cursors"):
        open(place + "/user/" + name, "w").write(forged)
""")
    assert said == "out out out out out out out out\n"
    daemon.stop(signal.SIGKILL)
    daemon.start()
    assert daemon.model(kernel)["kmux"]["owner"] == "bob"
    assert [each["id"] for each in daemon.get("kernels", token=daemon.tokens["ann"]).json()] == [anns]


def test_what_a_user_locks_away_keeps_nobody_from_ending(daemon):
    kernel = daemon.kernel_of("bob")
    daemon.channels_of("bob", kernel).text(f"""
import os
for place in ("{RUNTIME}", "{STATE}"):
    os.makedirs(place + "/kernels/{kernel}/user/a/b")
    os.chmod(place + "/kernels/{kernel}/user/a", 0)
""")
    assert daemon.delete(f"kernels/{kernel}", token=daemon.tokens["bob"]).status_code == 204
    assert daemon.get("kernels").json() == []
    wait_until(lambda: not (RUNTIME / "kernels" / kernel).exists() and not (STATE / "kernels" / kernel).exists(), what="an end of its directories")


def test_a_directory_full_of_files_holds_nobody_up(daemon, anns):
    kernel = daemon.kernel_of("bob")
    channels = daemon.channels_of("bob", kernel, timeout=150)
    channels.text(f"""
for place in ("{RUNTIME}", "{STATE}"):
    for n in range(30000):
        open(place + "/kernels/{kernel}/user/journal." + str(10**12 + n).zfill(20), "w").close()
""")
    daemon.channels_of("bob", kernel, resume=0)  # looks for his journal
    assert messages(daemon, kernel, "bob") is not None
    assert daemon.delete(f"kernels/{kernel}", token=daemon.tokens["bob"]).status_code == 204
    assert daemon.channels_of("ann", anns).text("print(1)") == "1\n"
    wait_until(lambda: not (RUNTIME / "kernels" / kernel).exists() and not (STATE / "kernels" / kernel).exists(), 60, "an end of its directories")


def ask(packet, descriptors=(), user="kmux"):
    """kmux-spawn's answer to a packet of that user's; "" where it closes the connection."""
    code = """
        import array, os, socket, sys
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.settimeout(60)
        try:
            s.connect("/run/kmux-spawn/socket")
            given = [eval(d) for d in sys.argv[1:]]
            s.sendmsg([bytes.fromhex(sys.stdin.read())], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", given))] if given else [])
            print(s.recv(200000).decode())
        except OSError as e:
            print("error", e)
        """
    return as_user(user, code, *descriptors, given=packet.hex())


def request(**members):
    return json.dumps({"child": "echo", "pid": -1, **members}).encode()


START = {"do": "start", "user": "ann", "kernel_id": "1-1-1-1-1"}


def test_a_stranger_at_the_helpers_socket_is_not_heard(spawn):
    assert "Permission denied" in ask(request(**START), user="bob")
    os.chmod(SOCKET, 0o666)  # even then
    for user in ("bob", "ann", "root"):
        assert ask(request(**START), ["0"], user) in ("", "error [Errno 104] Connection reset by peer", "error [Errno 32] Broken pipe"), user
    assert "event=stranger" in spawn.log.read_text()


def codes(answer):
    return json.loads(answer)["code"], json.loads(answer)["detail"]


def test_even_kmuxd_can_ask_for_no_more_than_is_allowed(spawn):
    """As if kmuxd were broken into."""
    for user, why in (("root", "root"), ("mallory", "not among"), ("daemon", "numbers from"), ("kmux", "numbers from"), ("nobody-at-all", "no user")):
        code, detail = codes(ask(request(**{**START, "user": user}), ["os.pipe()[0]"]))
        assert code == "refused" and why in detail
    code, detail = codes(ask(request(**{**START, "spec_dir": "/tmp"}), ["os.pipe()[0]"]))
    assert code == "refused" and "kernelspec" in detail
    code, detail = codes(ask(request(**{**START, "stdio_log": "/etc/kmux-spawn-was-here"}), ["os.pipe()[0]"]))
    assert "Permission denied" in detail and not Path("/etc/kmux-spawn-was-here").exists()
    for wrong in ({"kernel_id": "../../etc"}, {"user": ""}, {"child": "/bin/sh"}, {"do": "exec"}, {"stdio_log": "x"}, {"env": {"A=B": "c"}}):
        assert "the request" in codes(ask(request(**{**START, **wrong}), ["os.pipe()[0]"]))[1], wrong
    assert "descriptor" in codes(ask(request(**START)))[1]
    assert "descriptor" in codes(ask(request(**START), ["os.pipe()[0]"] * 3))[1]


@pytest.mark.parametrize("packet", [b"{", b"\0" * 1000, b"[" * 100000, b'{"do": 1}', b"x" * 140000], ids=["brace", "zeros", "nested", "number", "long"])
def test_nonsense_is_refused_and_no_more(spawn, packet):
    answer = ask(packet)
    assert answer == "" or codes(answer)[0] == "io", answer
    assert codes(ask(request(do="signal", user="ann", signal=9), ["os.pipe()[0]"]))[0] == "not_found"


def test_a_signal_reaches_only_the_users_own_processes(spawn):
    sleeper = subprocess.Popen(["setpriv", "--reuid=bob", "--clear-groups", f"--regid={pwd.getpwnam('bob').pw_gid}", "sleep", "600"])
    wait_until(lambda: Path(f"/proc/{sleeper.pid}").owner() == "bob")
    for pid, user in ((sleeper.pid, "ann"), (1, "ann"), (os.getpid(), "ann"), (spawn.process.pid, "bob")):
        for group in (False, True):
            code, detail = codes(ask(request(do="signal", user=user, signal=9, group=group), [f"os.pidfd_open({pid})"]))
            assert code != "ok", (pid, user, detail)
            assert "Operation not permitted" in detail or group or pid == 1
    assert sleeper.poll() is None
    assert codes(ask(request(do="signal", user="bob", signal=9), [f"os.pidfd_open({sleeper.pid})"]))[0] == "ok"
    assert sleeper.wait(timeout=60) == -9


def test_an_end_ends_only_the_users_own_processes(spawn):
    """The request names bob's process as if ann's kernel had left it."""
    mark = {**os.environ, "KERNEL_ID": "1-1-1-1-1", "KMUX_KERNEL_DIR": "/run/kmux/kernels/1-1-1-1-1"}
    bobs, anns = (subprocess.Popen(["setpriv", f"--reuid={user}", "--clear-groups", f"--regid={pwd.getpwnam(user).pw_gid}", "sleep", "600"], env=mark)
                  for user in ("bob", "ann"))
    wait_until(lambda: Path(f"/proc/{bobs.pid}").owner() == "bob" and Path(f"/proc/{anns.pid}").owner() == "ann")
    ticks = int(Path(f"/proc/{bobs.pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    ask(request(do="end", user="ann", kernel_id="1-1-1-1-1", directory="/run/kmux/kernels/1-1-1-1-1", noted=[[bobs.pid, ticks]], boot_id=boot))
    assert anns.wait(timeout=60) == -15 and bobs.poll() is None
    bobs.kill()
    bobs.wait()


def test_slow_and_silent_peers_hold_nobody_up(daemon, spawn):
    silent = []
    for _ in range(50):
        silent.append(subprocess.Popen(["setpriv", "--reuid=kmux", "--clear-groups", f"--regid={pwd.getpwnam('kmux').pw_gid}", "/usr/bin/python3", "-c",
                      "import socket\ns=socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\ns.connect('/run/kmux-spawn/socket')\nprint(flush=True)\ninput()"],
                      stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    for each in silent:
        each.stdout.readline()
    assert daemon.channels_of("ann", daemon.kernel_of("ann", "echo")).text("echo 1") == "1\n"
    for each in silent:
        each.communicate(b"\n", timeout=60)
