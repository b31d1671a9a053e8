"""A kernel of the daemon's own user that writes over its own files, and over the sockets that it is reached by.

Whatever it does, the daemon and the other kernels go on, a new daemon starts, and what cannot be used is said."""

import contextlib
import os
import re
import sys
from pathlib import Path

import pytest
from kmuxd import QUICK_STOP, has_ended, wait_until
from test_slow import MIB, rss

KERNEL = Path(__file__).parents[1] / "integration/hostile_kernel.py"
CONFIG = f'[kernels]\necho = true\nrestart_limit = 2\nrestart_first_delay = "10ms"\n{QUICK_STOP}'

#: For every attack: its own files, as it sees them.
HERE = """
import glob, json, mmap, os, shutil, socket, struct, threading
runtime = os.environ['KMUX_KERNEL_DIR']
state = runtime.replace('/kernels/', '/state/kernels/')
segments = sorted(glob.glob(state + '/journal.0*'))
def put(path, what, mode='wb'):
    remove(path)
    with open(path, mode) as f: f.write(what)
def remove(path):
    if os.path.isdir(path) and not os.path.islink(path): shutil.rmtree(path)
    elif os.path.lexists(path): os.remove(path)
def fifo(path):
    remove(path)
    os.mkfifo(path)
def link(path, to):
    remove(path)
    os.symlink(to, path)
def longer(path, size):
    with open(path, 'ab') as f: f.truncate(size)
def record(**changes):
    with open(runtime + '/record.json') as f: r = json.load(f)
    put(runtime + '/record.json', json.dumps({**r, **changes}).encode())
"""

ATTACKS = {
    # its journal
    "journal: garbage": "for s in segments: put(s, os.urandom(1_000_000))",
    "journal: a TiB of nothing": "longer(segments[-1], 1 << 40)",
    "journal: TiBs of nothing": "for n in range(20): longer(f'{state}/journal.{10**15 + n:020}', 1 << 40)",
    "journal: many segments": "for n in range(3000): put(f'{state}/journal.{10**15 + n:020}', b'')",
    "journal: the last number": "for n in (2**63, 2**64 - 1): put(f'{state}/journal.{n:020}', b'kmuxjnl1' + struct.pack('<Q', n))",
    "journal: huge lengths": "put(segments[-1], b'kmuxjnl1' + bytes(8) + (b'\\xb1kmr' + b'\\xff' * 36) * 10_000)",
    "journal: lengths that nothing fills": "put(segments[-1], b'kmuxjnl1' + bytes(8) + (b'\\xb1kmr' + struct.pack('<I', 500 << 20) + bytes(32)) * 10_000); longer(segments[-1], 1 << 40)",
    "journal: fifos": "for s in segments: fifo(s)",
    "journal: endless": "for s in segments: link(s, '/dev/zero')",
    "journal: directories": "for s in segments: remove(s); os.mkdir(s)",
    "journal: gone": "shutil.rmtree(state)",
    "journal: elsewhere": "shutil.rmtree(state); os.symlink('/proc', state)",
    "journal: a file": "shutil.rmtree(state); put(state, b'x')",
    "journal: not to be read": "for s in segments: os.chmod(s, 0)",
    # cursors
    "cursors: garbage": "put(state + '/cursors', os.urandom(2_000_000))",
    "cursors: a TiB": "longer(state + '/cursors', 1 << 40)",
    "cursors: a fifo": "fifo(state + '/cursors')",
    "cursors: a directory": "remove(state + '/cursors'); os.mkdir(state + '/cursors')",
    "cursors: elsewhere": "link(state + '/cursors', '/etc/passwd')",
    # its log, its exit
    "stdio.log: a fifo": "fifo(state + '/stdio.log')",
    "stdio.log: elsewhere": "link(state + '/stdio.log', '/dev/zero')",
    "stdio.log: a directory": "remove(state + '/stdio.log'); os.mkdir(state + '/stdio.log')",
    "stdio.log: a TiB": "longer(state + '/stdio.log', 1 << 40)",
    "stdio.log: terminal": "put(state + '/stdio.log', b'\\x1b]0;x\\x07\\x1b[31m\\x00\\xff\\n' * 1000)",
    "summary.json: garbage": "put(state + '/summary.json', b'{')",
    "summary.json.new: a fifo": "fifo(state + '/summary.json.new')",
    "exit.json: garbage": "put(runtime + '/exit.json', b'[' * 60_000)",
    "exit.json: endless": "link(runtime + '/exit.json', '/dev/zero')",
    "exit.json: a fifo": "fifo(runtime + '/exit.json')",
    # its connection file
    "connection.json: garbage": "put(runtime + '/connection.json', os.urandom(1000))",
    "connection.json: long": "put(runtime + '/connection.json', b' ' * 100_000_000)",
    "connection.json: a fifo": "fifo(runtime + '/connection.json')",
    "connection.json: a directory": "remove(runtime + '/connection.json'); os.mkdir(runtime + '/connection.json')",
    "connection.json: elsewhere": "link(runtime + '/connection.json', '/etc/passwd')",
    "connection.json: another transport": "put(runtime + '/connection.json', json.dumps({**info, 'transport': 'pgm', 'ip': '../' * 1000}).encode())",
    "connection.json: nobody": "put(runtime + '/connection.json', json.dumps({**info, 'transport': 'tcp', 'ip': '127.0.0.1', **{p + '_port': 1 for p in ('shell', 'iopub', 'stdin', 'control', 'hb')}}).encode())",
    "connection.json.new: a fifo": "fifo(runtime + '/connection.json.new')",
    # its record
    "record.json: garbage": "put(runtime + '/record.json', os.urandom(1000))",
    "record.json: deep": "put(runtime + '/record.json', b'[' * 1_000_000)",
    "record.json: a fifo": "fifo(runtime + '/record.json')",
    "record.json: elsewhere": "link(runtime + '/record.json', '/etc/passwd')",
    "record.json: a directory": "remove(runtime + '/record.json'); os.mkdir(runtime + '/record.json')",
    "record.json.new: a fifo": "fifo(runtime + '/record.json.new')",
    "record.json: another kernel": "record(id='11111111-1111-1111-1111-111111111111')",
    "record.json: init": "record(pid=1)",
    "record.json: a group": "record(pid=0)",
    "record.json: another's process": "record(pid=PID, start_ticks=int(open('/proc/PID/stat').read().rsplit(')', 1)[1].split()[19]))",
    "record.json: other places": "record(cwd='/nowhere', exit_file='/dev/zero', socket_prefix='/etc/x', kernel_socket_prefix='/', cgroup='/sys/fs/cgroup')",
    "record.json: another kernelspec": "record(kernelspec='../../x')",
    # everything
    "the directories: gone": "shutil.rmtree(runtime); shutil.rmtree(state)",
    "the directory: elsewhere": "shutil.rmtree(runtime); os.symlink('/proc', runtime)",
    "the directory: full": "for n in range(5000): put(f'{runtime}/x{n}', b'')",
    "the directory: deep": "os.chdir(runtime)\nfor n in range(300): os.mkdir('x' * 200); os.chdir('x' * 200)",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    from kmuxd import Daemon
    daemon = Daemon(tmp_path_factory.mktemp("hostile"), CONFIG)
    daemon.add_kernelspec("hostile", [sys.executable, str(KERNEL), "{connection_file}"])
    daemon.start()
    neighbour = daemon.kernel()
    yield daemon, neighbour
    daemon.end()


def neighbour_works(daemon, neighbour, text):
    channels = daemon.channels(neighbour)
    assert channels.text(f"echo {text}") == f"{text}\n"
    channels.close()


def all_answers(daemon, kernel):
    """Whatever there is to read of a kernel, its clients included: an answer, however little is in it."""
    for path in ("", "/messages", "/executions", "/executions/x/outputs", "/messages?after=18446744073709551614"):
        assert daemon.get(f"kernels/{kernel}{path}").status_code in (200, 404), path
    if daemon.get(f"kernels/{kernel}").status_code == 200:
        daemon.channels(kernel, session="returning").socket.shutdown()
        daemon.channels(kernel, resume=0).socket.shutdown()


@pytest.mark.parametrize("name", ATTACKS)
def test_its_own_files(place, name):
    daemon, neighbour = place
    kernel = daemon.kernel("hostile")
    channels = daemon.channels(kernel, session="returning")
    channels.run("pass")
    memory = rss(daemon)
    other = daemon.model(neighbour)["kmux"]["pid"]
    channels.run(HERE + ATTACKS[name].replace("PID", str(other)))
    channels.socket.shutdown()
    # While it lives, then when it has died (which has its process started again), then for a new daemon.
    all_answers(daemon, kernel)
    neighbour_works(daemon, neighbour, "beside it")
    before = daemon.model(kernel)
    pid = before["kmux"]["pid"]
    for victim in [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, 9)
    wait_until(lambda: (m := daemon.model(kernel))["kmux"]["pid"] != pid and m["execution_state"] in ("idle", "starting", "dead"), 60, "its end to be noticed")
    all_answers(daemon, kernel)
    neighbour_works(daemon, neighbour, "after its end")
    assert rss(daemon) < memory + 256 * MIB
    daemon.process.kill()
    daemon.process.wait()
    daemon.start()
    assert daemon.model(neighbour)["kmux"]["pid"] == other and not has_ended(other)
    neighbour_works(daemon, neighbour, "of a new daemon")
    all_answers(daemon, kernel)
    daemon.delete(f"kernels/{kernel}")
    assert [k["id"] for k in daemon.get("kernels").json()] == [neighbour]
    assert "This is a defect" not in daemon.log.read_text()


#: A record as it was changed while the process lived: what the next daemon says of it.
SAID = {
    "record.json: garbage": "is not JSON", "record.json: deep": "nested deeper", "record.json: a fifo": "is not a regular file",
    "record.json: another kernel": "the record names another kernel", "record.json: init": "no process of ours",
    "record.json: another's process": "the record names a process that is not its", "record.json: elsewhere": "record.json",
}


@pytest.mark.parametrize("name", SAID)
def test_a_record_that_is_damaged_is_put_aside_and_said(place, name):
    daemon, neighbour = place
    kernel = daemon.kernel("hostile")
    channels = daemon.channels(kernel)
    other = daemon.model(neighbour)["kmux"]["pid"]
    pid = daemon.model(kernel)["kmux"]["pid"]
    channels.run("pass")
    channels.run(HERE + ATTACKS[name].replace("PID", str(other)))
    channels.socket.shutdown()
    daemon.process.kill()
    daemon.process.wait()
    before = len(daemon.log.read_text())
    daemon.start()
    said = [line for line in daemon.log.read_text()[before:].splitlines() if "event=kernel_quarantined" in line and kernel in line]
    assert len(said) == 1 and SAID[name] in said[0]
    aside = Path(re.search(r"moved_to=(\S+)", said[0])[1])
    assert aside.is_dir() and not (daemon.runtime / "kernels" / kernel).exists()
    assert daemon.get(f"kernels/{kernel}").status_code == 404
    assert daemon.model(neighbour)["kmux"]["pid"] == other and not has_ended(other)
    neighbour_works(daemon, neighbour, "still")
    if not has_ended(pid):  # nobody's any more: ours to end
        os.killpg(pid, 9)


#: What speaks on the five sockets that the next daemon finds it by.
SPEAKERS = {
    "nothing": "pass",
    "garbage": "c.sendall(os.urandom(1_000_000))",
    "zeros without an end": "while True: c.sendall(bytes(1_000_000))",
    "the greeting again and again": "while True: c.sendall(b'\\xff' + bytes(8) + b'\\x7f\\3\\0NULL' + bytes(48))",
    "HTTP": "c.sendall(b'HTTP/1.1 200 OK\\r\\n\\r\\n' * 100_000)",
    "a frame of exabytes": "c.sendall(b'\\xff' + bytes(8) + b'\\x7f\\3\\0NULL' + bytes(48) + b'\\2' + struct.pack('>Q', 2**63 - 1) + bytes(1_000_000))",
    "many frames of one message": "c.sendall(GREETING)\nwhile True: c.sendall(b'\\1\\1x' * 100_000)",
    "a command without an end": "c.sendall(GREETING + b'\\6' + struct.pack('>Q', 2**31))\nwhile True: c.sendall(bytes(1_000_000))",
    "hanging up at once": "c.close()",
    "hanging up after the greeting": "c.sendall(GREETING); c.close()",
}
TAKE_OVER = """
GREETING = (b'\\xff' + bytes(8) + b'\\x7f\\3\\0NULL' + bytes(48) + b'\\4\\x29\\5READY\\x0bSocket-Type' + struct.pack('>I', 6) + b'ROUTER\\x08Identity' + bytes(4))
with open(runtime + '/connection.json') as f: outer = json.load(f)
def serve(listener):
    while True:
        c, _ = listener.accept()
        threading.Thread(target=speak, args=(c,), daemon=True).start()
        kept.append(c)
kept = []
def speak(c):
    try:
        SPEAKER
    except OSError: pass
for name in ('shell', 'iopub', 'stdin', 'control', 'hb'):
    path = f"{outer['ip']}-{outer[name + '_port']}"
    remove(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(100)
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
"""


@pytest.mark.parametrize("name", SPEAKERS)
def test_what_speaks_where_the_kernel_should(place, name):
    daemon, neighbour = place
    kernel = daemon.kernel("hostile")
    channels = daemon.channels(kernel)
    channels.run("pass")
    speaker = SPEAKERS[name].replace("\n", "\n        ")
    # With the cell's names as globals, which its threads need.
    channels.run(f"exec({(HERE + TAKE_OVER.replace('SPEAKER', speaker))!r}, globals())")
    channels.socket.shutdown()
    daemon.process.kill()
    daemon.process.wait()
    daemon.start()
    memory = rss(daemon)
    with pytest.raises(Exception):
        impatient = daemon.channels(kernel, timeout=1)
        impatient.run("pass")
    for _ in range(20):
        neighbour_works(daemon, neighbour, "meanwhile")
    assert rss(daemon) < memory + 256 * MIB
    assert daemon.delete(f"kernels/{kernel}").status_code == 204
