"""debug_request, as JupyterLab uses it: cells are debugged while the control channel answers."""

import os
import signal
import stat
import time
from pathlib import Path

import pytest

PATIENCE = 20  # seconds: for what has to happen at all
AT_ONCE = 0.25  # seconds


class Client:
    """A front end with a debugger."""

    def __init__(self, kernel):
        self.kernel, self.seq, self.seen = kernel, 0, set()
        kernel.unclaimed.clear()

    def ask(self, command, arguments=None):
        """→ the response."""
        self.seq += 1
        request = {"seq": self.seq, "type": "request", "command": command, "arguments": arguments or {}}
        response = self.kernel.control("debug_request", request)[0]
        assert response["type"] == "response" and response["request_seq"] == self.seq, response
        return response

    def do(self, command, **arguments):
        """→ the body of a response that tells success."""
        response = self.ask(command, arguments)
        assert response["success"], response
        return response["body"]

    def attach(self):
        capabilities = self.do("initialize", clientID="test", adapterID="", pathFormat="path")
        self.do("attach")
        self.do("configurationDone")
        return capabilities

    def event(self, kind):
        """→ the body of the next one."""
        message = self.kernel.wait_for_iopub(
            lambda m: m["msg_type"] == "debug_event" and m["content"]["event"] == kind and m["msg_id"] not in self.seen
        )
        self.seen.add(message["msg_id"])
        return message["content"].get("body", {})

    def stop_at(self, code, *lines):
        """Runs `code` up to the first breakpoint → (its id, the cell's file)."""
        path = self.do("dumpCell", code=code)["sourcePath"]
        self.break_at(path, *lines)
        id = self.kernel.send(code)
        assert self.event("stopped")["reason"] == "breakpoint"
        return id, path

    def break_at(self, path, *lines):
        found = self.do(
            "setBreakpoints", source={"path": path}, breakpoints=[{"line": line} for line in lines]
        )["breakpoints"]
        assert [each["line"] for each in found] == list(lines), found

    def frames(self):
        return self.do("stackTrace", threadId=1)["stackFrames"]

    def locals(self):
        (frame, *_), variables = self.frames(), {}
        scope = self.do("scopes", frameId=frame["id"])["scopes"][0]
        for each in self.do("variables", variablesReference=scope["variablesReference"])["variables"]:
            variables[each["name"]] = each
        return frame["id"], variables

    def go_on(self, id):
        self.do("continue", threadId=1)
        self.event("continued")
        done = self.kernel.finish(id)
        assert done.status == "ok", done.content
        return done


@pytest.fixture
def detached(kernel):
    """Not attached; after the test neither."""
    it = Client(kernel)
    yield it
    it.ask("disconnect", {"restart": False, "terminateDebuggee": False})


@pytest.fixture
def client(detached):
    """Attached."""
    detached.attach()
    return detached


CODE = """def f(a):
    b = a + 1
    c = b * 2
    return c

print(f(20))"""


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


def test_attaching_does_not_wait_for_a_running_cell(start):
    kernel = start()
    client = Client(kernel)
    id = kernel.send("import time\nprint('on')\ntime.sleep(5)\nprint('end')")
    kernel.wait_for_text("on")
    begin = time.monotonic()
    client.attach()
    assert time.monotonic() - begin < 4
    done = kernel.finish(id)
    assert done.status == "ok"
    client.go_on(client.stop_at(CODE, 3)[0])


def test_control_answers_while_the_debugger_starts(start):
    kernel = start()
    id = kernel.send("import time\nprint('on')\ntime.sleep(5)")
    kernel.wait_for_text("on")
    session, channel = kernel.client.session, kernel.client.control_channel
    asked = session.msg("debug_request", {"seq": 1, "type": "request", "command": "initialize", "arguments": {}})
    begin, others = time.monotonic(), []
    channel.send(asked)
    while True:
        info, sent = session.msg("kernel_info_request", {}), time.monotonic()
        channel.send(info)
        replies = {}
        while info["header"]["msg_id"] not in replies:
            reply = kernel.client.get_control_msg(timeout=PATIENCE)
            replies[reply["parent_header"]["msg_id"]] = reply
        others.append(time.monotonic() - sent)
        if asked["header"]["msg_id"] in replies:
            break
    assert replies[asked["header"]["msg_id"]]["content"]["success"]
    assert time.monotonic() - begin < 4
    assert max(others) < AT_ONCE, others
    kernel.interrupt()
    kernel.finish(id)


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
    content, took = kernel.control("kernel_info_request")
    assert content["status"] == "ok" and took < AT_ONCE
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
    question = {"code": "prin", "cursor_pos": 4}
    kernel.ask("complete_request", question)  # the first one takes long, it imports jedi
    id, _ = client.stop_at(CODE, 3)
    assert "print" in kernel.ask("complete_request", question)["matches"]
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


# Files.


def test_cells_are_files_that_only_the_user_reads(client):
    info = client.do("debugInfo")
    assert (info["hashMethod"], info["hashSeed"], info["tmpFileSuffix"]) == ("Murmur2", 0xC70F6907, ".py")
    # The hashes are those that JupyterLab computes.
    for code, hash in HASHES.items():
        path = client.do("dumpCell", code=code)["sourcePath"]
        assert path == f"{info['tmpFilePrefix']}{hash}.py"
        with open(path, newline="") as file:
            assert file.read() == code
    assert stat.S_IMODE(os.stat(info["tmpFilePrefix"]).st_mode) == 0o700


HASHES = {
    "": 3990065800,
    "1": 224161117,
    "12": 1447420617,
    "x = 1": 3427300630,
    "print(1)\n": 3089598676,
    "s = 'ä€😀'": 1116365268,
}


def test_the_directory_is_gone_with_the_kernel(start):
    kernel = start()
    directory = os.path.dirname(Client(kernel).do("dumpCell", code="1")["sourcePath"])
    assert os.path.isdir(directory)
    kernel.client.shutdown()
    kernel.manager.provisioner.process.wait(PATIENCE)
    assert not os.path.exists(directory)


def test_source(client, kernel):
    path = client.do("dumpCell", code=CODE)["sourcePath"]
    assert client.do("source", source={"path": path})["content"] == CODE
    response = client.ask("source", {"source": {"path": "/no/such.py"}})
    assert not response["success"] and response["message"] == "source unavailable"


def test_modules(client, kernel):
    body = client.do("modules")
    assert body["totalModules"] >= len(body["modules"]) > 50
    assert all(each["path"].endswith(".py") for each in body["modules"])
    assert "threading" in [each["name"] for each in body["modules"]]
    some = client.do("modules", startModule=10, moduleCount=20)["modules"]
    assert all(10 <= each["id"] < 30 for each in some)


def test_a_cell_of_a_subshell_stops(start):
    kernel = start(arguments=["--IPKernelApp.subshells=True"])
    client = Client(kernel)
    client.attach()
    path = client.do("dumpCell", code=CODE)["sourcePath"]
    client.break_at(path, 3)
    subshell = kernel.control("create_subshell_request")[0]["subshell_id"]
    id = kernel.shell("execute_request", {"code": CODE, "silent": False}, header={"subshell_id": subshell})
    thread = client.event("stopped")["threadId"]
    assert client.do("stackTrace", threadId=thread)["stackFrames"][0]["line"] == 3
    client.do("continue", threadId=thread)
    assert "42" in kernel.finish(id).text()


# Variables.


def test_inspect_variables(client, kernel):
    kernel.ok("number, words, _hidden = 7, {'a': [1, 2]}, 3")
    found = {each["name"]: each for each in client.do("inspectVariables")["variables"]}
    assert found["number"]["value"] == "7" and found["number"]["type"] == "int"
    assert not {"In", "Out", "_", "_i1", "get_ipython", "__name__"} & set(found)
    inside = client.do("variables", variablesReference=found["words"]["variablesReference"])["variables"]
    assert {"'a'": "[1, 2]"}.items() <= {each["name"]: each["value"] for each in inside}.items()


RICH = """class Rich:
    def _repr_html_(self):
        return "<b>rich</b>" * 1000
    def __repr__(self):
        return "poor"
"""


def test_rich_inspect_variables(client, kernel):
    kernel.ok(RICH + "rich = Rich()")
    body = client.do("richInspectVariables", variableName="rich")
    assert body["data"] == {"text/html": "<b>rich</b>" * 1000, "text/plain": "poor"}
    assert client.do("richInspectVariables", variableName="special variables") == {"data": {}, "metadata": {}}
    response = client.ask("richInspectVariables", {"variableName": "not_there"})
    assert not response["success"] and "not_there" in response["message"]


def test_rich_inspect_variables_of_a_frame(client, kernel):
    kernel.ok(RICH)
    id, _ = client.stop_at("def f():\n    inner = Rich()\n    return 1\nf()", 3)
    frame = client.frames()[0]["id"]
    body = client.do("richInspectVariables", variableName="inner", frameId=frame)
    assert body["data"] == {"text/html": "<b>rich</b>" * 1000, "text/plain": "poor"}
    assert not client.ask("richInspectVariables", {"variableName": "outer", "frameId": frame})["success"]
    client.go_on(id)


def test_copy_to_globals(client, kernel):
    id, _ = client.stop_at(CODE, 3)
    frame = client.frames()[0]["id"]
    response = client.ask("copyToGlobals", {"srcVariableName": "b", "dstVariableName": "copied", "srcFrameId": frame})
    assert response["success"] and response["body"]["value"] == "21"
    for bad in ({"srcVariableName": "b + 1"}, {"dstVariableName": "x.y"}, {"srcVariableName": "nothing"}):
        arguments = {"srcVariableName": "b", "dstVariableName": "copied", "srcFrameId": frame, **bad}
        assert not client.ask("copyToGlobals", arguments)["success"]
    client.go_on(id)
    assert kernel.ok("copied").result == "21"


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
