"""debug_request, as JupyterLab uses it: cells are debugged while the control channel answers."""

import os
import signal
from pathlib import Path

from debug_client import Client, client, detached  # noqa: F401  fixtures
from kernel import PATIENCE


CODE = """def f(a):
    b = a + 1
    c = b * 2
    return c

print(f(20))"""


class Gate:
    """A pipe: who opens it to read stands still until it is opened here."""

    def __init__(self, path):
        self.path = str(path)
        os.mkfifo(self.path)

    def open(self):
        open(self.path, "w").close()


# Starting.


def test_attach_tells_capabilities_and_events(detached, kernel):
    client = detached
    assert client.do("debugInfo")["isStarted"] is False
    assert client.attach()["supportsSetVariable"] is True
    client.event("initialized")
    assert client.do("debugInfo")["isStarted"] is True
    assert [(each["id"], each["name"]) for each in client.do("threads")["threads"]] == [(1, "MainThread")]
    assert kernel.ok("1 + 1").result == "2"
    client.do("disconnect", terminateDebuggee=True)
    assert client.do("debugInfo")["isStarted"] is False
    assert kernel.ok("1 + 1").result == "2"


def test_attaching_does_not_wait_for_a_running_cell(start, tmp_path):
    kernel = start()
    client = Client(kernel)
    go = Gate(tmp_path / "go")
    id = kernel.send(f"print('on')\nopen({go.path!r}).read()\nprint('end')")
    kernel.wait_for_text("on")
    client.attach()
    go.open()
    done = kernel.finish(id)
    assert done.status == "ok" and done.text() == "on\nend\n"
    client.go_on(client.stop_at(CODE, 3)[0])


STRANGER = """
import debugpy.common.sockets as sockets, socket
create_server = sockets.create_server
def knocked_at(*arguments, **options):
    global stranger  # which stays
    sockets.create_server = create_server
    server = create_server(*arguments, **options)
    stranger = socket.create_connection(server.getsockname())
    stranger.sendall(b"\\xff\\0")
    return server
sockets.create_server = knocked_at
"""


def test_a_stranger_knocks_at_the_debuggers_port(start):
    """As libzmq's clients do, which look for a kernel that had this port before."""
    kernel = start()
    kernel.ok(STRANGER)
    client = Client(kernel)
    client.attach()
    assert kernel.ok("stranger.fileno() > 0").result == "True"
    client.go_on(client.stop_at(CODE, 3)[0])


def test_control_answers_while_the_debugger_starts(start, tmp_path):
    kernel = start()
    cell, adapter, slow_python = Gate(tmp_path / "cell"), Gate(tmp_path / "adapter"), tmp_path / "python"
    python = kernel.value("__import__('sys').executable")
    slow_python.write_text(f'#!/bin/sh\ncat {adapter.path}\nexec {python} "$@"\n')
    slow_python.chmod(0o755)
    id = kernel.send(f"import sys\nsys.executable = {str(slow_python)!r}\nprint('on')\nopen({cell.path!r}).read()")
    kernel.wait_for_text("on")
    session, channel = kernel.client.session, kernel.client.control_channel
    asked = session.msg("debug_request", {"seq": 1, "type": "request", "command": "initialize", "arguments": {}})
    channel.send(asked)
    for _ in range(20):
        info = session.msg("kernel_info_request", {})
        channel.send(info)
        reply = kernel.client.get_control_msg(timeout=PATIENCE)
        assert reply["parent_header"]["msg_id"] == info["header"]["msg_id"], reply
    adapter.open()
    reply = kernel.client.get_control_msg(timeout=PATIENCE)
    assert reply["parent_header"]["msg_id"] == asked["header"]["msg_id"] and reply["content"]["success"], reply
    cell.open()
    assert kernel.finish(id).status == "ok"


def test_detached_it_starts_again(detached, kernel):
    client = detached
    for _ in range(3):
        client.attach()
        id, path = client.stop_at(CODE, 3)
        assert client.do("debugInfo")["breakpoints"] == [{"source": path, "breakpoints": [{"line": 3}]}]
        client.do("disconnect", restart=False, terminateDebuggee=False)
        assert "42" in kernel.finish(id).text()  # it goes on
        info = client.do("debugInfo")
        assert (info["isStarted"], info["breakpoints"], info["stoppedThreads"]) == (False, [], [])
        assert "42" in kernel.ok(CODE).text()


# Breakpoints.


def test_a_breakpoint_stops_and_the_kernel_answers(client, kernel):
    id, path = client.stop_at(CODE, 3)
    assert kernel.control("kernel_info_request")[0]["status"] == "ok"
    assert client.do("debugInfo")["stoppedThreads"] == [1]
    frames = client.frames()
    assert [(each["name"], each["line"], each["source"]["path"]) for each in frames] == [
        ("f", 3, path), ("<module>", 6, path),
    ]
    variables = client.locals()[1]
    assert {name: each["value"] for name, each in variables.items()} == {"a": "20", "b": "21"}
    done = client.go_on(id)
    assert "42" in done.text()
    assert client.do("debugInfo")["stoppedThreads"] == []


def test_steps(client):
    id, path = client.stop_at(CODE, 6)
    assert client.frames()[0]["line"] == 6
    for command, line in [("stepIn", 2), ("next", 3), ("next", 4), ("stepOut", 6)]:
        client.do(command, threadId=1)
        client.event("stopped")
        assert client.frames()[0]["line"] == line
    assert "42" in client.go_on(id).text()


def test_evaluate_in_a_frame(client):
    id, _ = client.stop_at(CODE, 3)
    frame = client.frames()[0]["id"]
    assert client.do("evaluate", expression="a + b", frameId=frame, context="repl")["result"] == "41"
    assert client.do("setVariable", variablesReference=client.do("scopes", frameId=frame)["scopes"][0][
        "variablesReference"], name="b", value="50")["value"] == "50"
    assert "100" in client.go_on(id).text()


def test_empty_lines_at_the_begin_count(client):
    id, path = client.stop_at("\n\n\nx = 1\ny = 2", 5)
    assert client.frames()[0]["line"] == 5
    client.go_on(id)


def test_a_function_of_an_earlier_cell_is_debugged(client, kernel):
    kernel.ok(CODE)
    path = client.do("dumpCell", code=CODE)["sourcePath"]
    client.break_at(path, 4)
    id = kernel.send("f(1)")
    client.event("stopped")
    assert client.frames()[0]["line"] == 4
    client.go_on(id)


def test_an_async_cell_stops(client):
    id, _ = client.stop_at("import asyncio\nawait asyncio.sleep(0.01)\nz = 3\nprint(z)", 4)
    assert client.frames()[0]["line"] == 4
    client.go_on(id)


def test_questions_about_code_are_answered_while_stopped(client, kernel):
    kernel.completions("prin")  # the first one takes long, it imports jedi
    id, _ = client.stop_at(CODE, 3)
    assert "print" in kernel.completions("prin")
    client.go_on(id)


def test_an_interrupt_ends_a_stopped_cell(client, kernel):
    id, _ = client.stop_at(CODE, 3)
    kernel.interrupt("message")
    done = kernel.finish(id)
    assert done.ename == "KeyboardInterrupt"
    client.go_on(client.stop_at(CODE, 3)[0])


def test_exceptions_stop(client, kernel):
    client.do("setExceptionBreakpoints", filters=["raised"])
    id = kernel.send("def g():\n    raise ValueError('no')\ntry:\n    g()\nexcept ValueError: pass")
    assert client.event("stopped")["reason"] == "exception"
    assert client.frames()[0]["name"] == "g"
    client.do("setExceptionBreakpoints", filters=[])
    client.go_on(id)


def test_tracebacks_name_the_cell(client, kernel):
    done = kernel.run("def h():\n    1 / 0\nh()")
    assert "Cell" in plain(done.traceback) and "line 2" in plain(done.traceback)
    assert ".py" not in plain(done.traceback)


def plain(text):
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", text)


# What goes wrong.


def test_bad_requests_are_refused(client):
    for command in ("dumpCell", "setBreakpoints", "variables", "richInspectVariables", "copyToGlobals", "source"):
        response = client.ask(command)
        assert not response["success"] and response["message"], response
    response = client.ask("noSuchThing")
    assert not response["success"] and response["message"]
    assert not client.ask("stackTrace", {"threadId": 999})["success"]


def test_requests_that_are_none(kernel):
    for content in ({}, {"seq": 1}, {"command": 5}, {"seq": 1, "command": "source", "arguments": []}):
        response = kernel.control("debug_request", content)[0]
        assert response["type"] == "response" and not response["success"] and response["message"]


def test_before_initialize(detached, kernel):
    client = detached
    for command in ("attach", "setBreakpoints", "configurationDone", "stackTrace", "noSuchThing", "disconnect"):
        response = client.ask(command)
        assert not response["success"] and "initialize" in response["message"]
    assert client.do("inspectVariables")["variables"] is not None


def adapter_of(kernel):
    """The process; it is nobody's child, but has its kernel's environment."""
    mine = f"IPYTHONDIR={kernel.directory.name}".encode()
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if b"--for-server" in (each / "cmdline").read_bytes() and mine in (each / "environ").read_bytes():
                return int(each.name)
        except OSError:
            pass  # it has ended
    raise AssertionError("there is no adapter")


def test_a_dead_adapter_is_told(start):
    kernel = start()
    client = Client(kernel)
    client.attach()
    id, _ = client.stop_at(CODE, 3)
    os.kill(adapter_of(kernel), signal.SIGKILL)
    kernel.finish(id)
    assert not client.ask("stackTrace", {"threadId": 1})["success"]
    response = client.ask("initialize")
    assert not response["success"] and response["message"]
    assert client.do("debugInfo")["isStarted"] is False
    assert "42" in kernel.ok(CODE).text()


def test_without_debugpy_it_says_so(start):
    kernel = start()
    kernel.ok("import sys; sys.modules['debugpy'] = None")
    response = Client(kernel).ask("initialize")
    assert not response["success"] and "pip install debugpy" in response["message"]
