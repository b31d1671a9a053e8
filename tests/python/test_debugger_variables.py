"""What front ends ask a debugger besides stopping: cells as files, modules, and variables."""

import os
import stat

from debug_client import Client, client, detached  # noqa: F401  fixtures
from kernel import PATIENCE

CODE = """def f(a):
    b = a + 1
    c = b * 2
    return c

print(f(20))"""


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
