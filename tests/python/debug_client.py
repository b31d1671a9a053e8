"""A front end with a debugger, for the tests of it."""

import pytest


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
