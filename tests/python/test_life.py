"""A Python kernel's process: how it begins and ends, and what it is to others."""

import hmac
import json
import shutil
import subprocess
import sys
import time

import pytest
import zmq
from jupyter_client import BlockingKernelClient
from kernel import PACKAGE, PATIENCE


def test_shutdown_ends_a_cell_that_blocks(start):
    for code in ("import time\nprint('on')\ntime.sleep(60)", "import ctypes\nprint('on')\nctypes.PyDLL(None).sleep(60)"):
        kernel = start()
        kernel.send(code)
        kernel.wait_for_text("on")
        kernel.control("shutdown_request", {"restart": False})
        assert kernel.manager.provisioner.process.wait(timeout=PATIENCE) == 0


def test_exit_handlers_run_and_are_heard(start):
    kernel = start()
    kernel.ok("import atexit; atexit.register(print, 'goodbye')")
    kernel.control("shutdown_request", {"restart": False})
    kernel.wait_for_text("goodbye")


LATE = ["kmux_child.debugger", "kmux_child.eventloops", "kmux_child.install", "kmux_child.embed", "ipykernel.connect",
        "ipykernel.pylab"]


@pytest.mark.parametrize("then", ["upgraded", "removed"])
def test_what_is_imported_late_is_of_the_kernels_own_version(start, python, tmp_path, then):
    package = shutil.copytree(PACKAGE, tmp_path / "kmux_child")
    kernel = start(argv=[python, str(package)])
    names = kernel.value(f"[name for name in {LATE} if name in __import__('sys').modules]")
    assert not names, "they are not late"
    if then == "removed":
        shutil.rmtree(package)
    else:
        for file in package.rglob("*.py"):
            file.write_text("raise ImportError('of another version')")
    for name in LATE:
        kernel.ok(f"import {name}")
    assert "runs no other kernel" in kernel.run("import ipykernel.inprocess").content["evalue"]
    assert kernel.value("ipykernel.connect.get_connection_file()") == kernel.manager.connection_file
    assert kernel.control("debug_request", {"type": "request", "seq": 1, "command": "debugInfo"})[0]["success"]


def test_exit_asks_and_ends(start):
    kernel = start()
    done = kernel.ok("exit")
    assert done.content["payload"] == [{"source": "ask_exit", "keepkernel": False}]
    assert kernel.manager.provisioner.process.wait(timeout=PATIENCE) == 0


def test_a_kernel_ends_with_its_parent(start, python):
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    kernel = start(argv=["/usr/bin/env", f"JPY_PARENT_PID={parent.pid}", python, str(PACKAGE)])
    assert kernel.value("__import__('os').getpid()") == kernel.pid
    parent.kill()
    parent.wait()
    kernel.manager.provisioner.process.wait(timeout=PATIENCE)


def signed(key, content):
    """The frames of a handshake's message (JEP 66)."""
    return [b"<IDS|MSG>", hmac.new(key, content, "sha256").hexdigest().encode(), content]


def test_a_kernel_registers_with_its_launcher(tmp_path, python):
    launcher, file, key = zmq.Context.instance().socket(zmq.ROUTER), tmp_path / "registration.json", b"a key"
    port = launcher.bind_to_random_port("tcp://127.0.0.1")
    file.write_text(json.dumps({
        "kernel_id": "k", "transport": "tcp", "registration_ip": "127.0.0.1", "registration_port": port,
        "signature_scheme": "hmac-sha256", "key": key.decode()}))
    process = subprocess.Popen([python, PACKAGE, "-f", file])
    try:
        assert launcher.poll(PATIENCE * 1000), "no registration came"
        identity, *frames = launcher.recv_multipart()
        told = json.loads(frames[-1])
        assert frames == signed(key, frames[-1]) and told["kernel_id"] == "k" and int(told["shell_port"]) > 0
        launcher.send_multipart([identity, *signed(key, b"{}")])
        deadline = time.monotonic() + PATIENCE
        while "shell_port" not in (info := json.loads(file.read_text())):
            assert time.monotonic() < deadline, "no connection file came"
        assert info["shell_port"] == int(told["shell_port"])
        client = BlockingKernelClient(connection_file=str(file))
        client.load_connection_file()
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE)
        client.shutdown()
        assert process.wait(PATIENCE) == 0
        client.stop_channels()
    finally:
        process.kill()
        process.wait()
        launcher.close(0)


def test_startup_files_and_options(start, tmp_path):
    profile = tmp_path / "ipython/profile_default"
    (profile / "startup").mkdir(parents=True)
    (profile / "startup/a.py").write_text("from_startup = 'yes'\n")
    (profile / "ipython_kernel_config.py").write_text("c.InteractiveShellApp.exec_lines = ['from_config = 1']\n")
    kernel = start(env={"IPYTHONDIR": str(tmp_path / "ipython")}, arguments=["--IPKernelApp.nonsense=1", "--no-such-option"])
    assert kernel.value("(from_startup, from_config)") == ("yes", 1)


def test_fds_are_not_leaked_into_children(kernel):
    done = kernel.ok("import subprocess; print(subprocess.run(['ls', '/proc/self/fd'], capture_output=True, text=True).stdout.split())")
    assert set(eval(done.text())) <= {"0", "1", "2", "3"}


def test_a_child_process_has_ordinary_signals(kernel):
    done = kernel.ok(
        "import subprocess\nprint([l for l in subprocess.run(['cat', '/proc/self/status'], capture_output=True, text=True).stdout.splitlines() if l.startswith(('SigBlk', 'SigIgn'))])"
    )
    assert "SigBlk:\\t0000000000000000" in done.text()


def test_stacks_are_told_while_a_cell_runs(start):
    kernel = start()
    id = kernel.send("import threading, time\ndef inner():\n    print('on'); time.sleep(60)\ninner()")
    kernel.wait_for_text("on")
    content, took = kernel.control("stack_request")
    assert content["status"] == "ok" and took < 30
    (main,) = [t for t in content["threads"] if t["name"] == "MainThread"]
    assert [(f["function"], f["line"]) for f in main["frames"][-2:]] == [("<module>", 4), ("inner", 3)]
    assert not any("kmux_child" in f["file"] for t in content["threads"] for f in t["frames"])
    kernel.interrupt()
    kernel.finish(id)


# Every further thread would get a stack that is larger than the address space.
NO_ROOM = """
import ctypes
libc, attributes = ctypes.CDLL(None), ctypes.create_string_buffer(256)
assert libc.pthread_getattr_default_np(attributes) == 0
assert libc.pthread_attr_setstacksize(attributes, ctypes.c_size_t(1 << 47)) == 0
assert libc.pthread_setattr_default_np(attributes) == 0
"""


def test_a_kernel_without_room_for_another_thread_answers_and_lives(start):
    kernel = start(arguments=["--IPKernelApp.subshells=True"])
    kernel.control("create_subshell_request")
    kernel.ok(NO_ROOM)
    for request in ("stack_request", "debug_request", "create_subshell_request"):
        content = kernel.control(request, {"seq": 1, "type": "request", "command": "debugInfo"})[0]
        assert (content["status"], content["ename"]) == ("error", "RuntimeError"), (request, content)
    assert kernel.control("interrupt_request")[0]["status"] == "ok"
    id = kernel.send("import time; print('on'); time.sleep(100)")
    kernel.wait_for_text("on", of=id)
    assert kernel.ask("complete_request", {"code": "pri", "cursor_pos": 3})["status"] == "ok"
    kernel.interrupt()
    assert kernel.finish(id).ename == "KeyboardInterrupt"
