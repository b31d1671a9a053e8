"""Everything that IPython users have."""

import base64
import time

import pytest
from kernel import PATIENCE, PYTHONS, Kernel


def test_results_and_counts(kernel):
    done = kernel.ok("7 * 6")
    assert done.result == "42"
    (executed,) = done.of("execute_input")
    count = executed["execution_count"]
    assert done.of("execute_result")[0]["execution_count"] == done.content["execution_count"] == count
    assert kernel.ok("Out[%d], _" % count).result == "(42, 42)"
    assert kernel.ok("x = 1").content["execution_count"] == count + 2


def test_silent_cells_do_not_count(kernel):
    before = kernel.ok("0").content["execution_count"]
    done = kernel.run("print('seen'); 5", silent=True)
    assert done.status == "ok" and not done.of("execute_input", "execute_result")
    assert kernel.ok("0").content["execution_count"] == before + 1
    assert kernel.run("1", store_history=False).status == "ok"
    assert kernel.ok("0").content["execution_count"] == before + 2


def test_displays_and_their_updates(kernel):
    done = kernel.ok(
        "from IPython.display import display, HTML, Image, clear_output, update_display\n"
        "handle = display(HTML('<b>x</b>'), display_id='here')\n"
        "update_display('new', display_id='here'); clear_output(wait=True)"
    )
    first, second = done.of("display_data", "update_display_data")
    assert first["data"]["text/html"] == "<b>x</b>" and first["transient"] == {"display_id": "here"}
    assert second["data"]["text/plain"] == "'new'" and second["transient"] == {"display_id": "here"}
    assert done.of("clear_output") == [{"wait": True}]


def test_pictures_are_base64(kernel):
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(100)).decode()
    done = kernel.ok(f"import base64\nfrom IPython.display import Image, display\ndisplay(Image(base64.b64decode('{png}')))")
    assert done.of("display_data")[0]["data"]["image/png"].replace("\n", "") == png


def test_what_is_no_json_is_made_fit_for_it(kernel):
    done = kernel.ok(
        "from IPython.display import publish_display_data\nimport datetime\n"
        "publish_display_data({'application/json': {'nan': float('nan'), 'b': b'x', 'd': datetime.date(2026, 1, 2), 1: [2]}})"
    )
    data = done.of("display_data")[0]["data"]["application/json"]
    assert data["b"] == "eA==" and data["d"] == "2026-01-02" and data["1"] == [2] and isinstance(data["nan"], str)


def test_errors(kernel):
    done = kernel.run("def f(): return 1 / 0\nf()")
    (error,) = done.of("error")
    assert error["ename"] == done.ename == "ZeroDivisionError" and error["evalue"] == "division by zero"
    assert error["traceback"] == done.content["traceback"]
    assert "kmux_child" not in done.traceback
    assert kernel.run("this is no code").ename == "SyntaxError"
    assert kernel.ok("1").status == "ok"


def test_ipythons_history_has_the_errors_that_were_shown(newest):
    for code, ename in (("1/0", "ZeroDivisionError"), ("a b", "SyntaxError"), ("raise SystemError('x')", "SystemError")):
        count = newest.value("get_ipython().execution_count")  # of the next cell
        done = newest.run(code)
        kept = newest.value(f"dict(get_ipython().history_manager.exceptions[{count}])")
        assert kept["ename"] == done.ename == ename
        assert kept["traceback"] == done.content["traceback"] and kept["evalue"] == done.content["evalue"]


def test_an_error_that_was_shown_before_is_not_the_cells(newest):
    done = newest.run("try: 1/0\nexcept Exception: get_ipython().showtraceback()\nraise ExceptionGroup('two', [OSError()])")
    assert done.of("error")[0]["ename"] == "ZeroDivisionError" and done.ename == "ExceptionGroup"
    count = newest.value("get_ipython().execution_count") - 2
    assert newest.value(f"get_ipython().history_manager.exceptions[{count}]['ename']") == "ExceptionGroup"


def test_an_error_aborts_what_is_queued_and_nothing_else(kernel, tmp_path):
    go = tmp_path / "go"
    first = kernel.send(f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\n1/0")
    ids = [first, kernel.send("print('not run')"), kernel.send("print('nor this')")]
    info = kernel.shell("kernel_info_request")
    kernel.wait_for_requests(3)
    go.touch()
    ends = [kernel.finish(id) for id in ids]
    assert [end.status for end in ends] == ["error", "aborted", "aborted"]
    assert not any(end.of("stream", "execute_input") for end in ends[1:])
    assert kernel.finish(info).status == "ok"
    assert kernel.ok("print('run')").text() == "run\n"


@pytest.mark.parametrize("option", [
    "--Kernel.stop_on_error_timeout=3600", "--IPythonKernel.stop_on_error_timeout=3600", "config file",
])
def test_cells_that_come_soon_after_an_error_are_aborted_where_that_is_wanted(start, option, tmp_path):
    arguments, env = [option], {}
    if option == "config file":
        (tmp_path / "profile_default").mkdir()
        text = "c.IPythonKernel.stop_on_error_timeout = 3600.0\n"
        (tmp_path / "profile_default/ipython_kernel_config.py").write_text(text)
        arguments, env = [], {"IPYTHONDIR": str(tmp_path)}
    kernel = start(arguments=arguments, env=env)
    assert kernel.run("1/0").status == "error"
    for _ in range(2):
        done = kernel.run("print('not run')")
        assert done.status == "aborted" and not done.of("stream", "execute_input")
    assert kernel.ask("kernel_info_request")["status"] == "ok"
    assert kernel.ask("complete_request", {"code": "le", "cursor_pos": 2})["status"] == "ok"


def test_cells_run_again_when_the_time_after_an_error_is_over(start):
    kernel = start(arguments=["--Kernel.stop_on_error_timeout=0.2"])
    begin = time.monotonic()
    assert kernel.run("1/0").status == "error"
    while kernel.run("x = 1").status == "aborted":
        assert time.monotonic() - begin < PATIENCE
    assert time.monotonic() - begin > 0.2
    assert kernel.ok("x").result == "1"


def test_user_expressions_and_payloads(kernel):
    done = kernel.run("y = 5", user_expressions={"a": "y + 1", "b": "nothing"})
    assert done.content["user_expressions"]["a"]["data"]["text/plain"] == "6"
    assert done.content["user_expressions"]["b"]["ename"] == "NameError"
    done = kernel.ok("len?")
    (page,) = done.content["payload"]
    assert page["source"] == "page" and "items in a container" in page["data"]["text/plain"]
    (asked,) = kernel.ok("get_ipython().set_next_input('z = 1')").content["payload"]
    assert asked == {"source": "set_next_input", "text": "z = 1", "replace": False}


def test_magics_of_a_kernel(kernel, tmp_path):
    (tmp_path / "a.py").write_text("text = 1\n")
    (page,) = kernel.ok(f"%less {tmp_path}/a.py").content["payload"]
    assert page["source"] == "page" and "text = 1" in page["data"]["text/plain"]
    (edit,) = kernel.ok(f"%edit {tmp_path}/a.py").content["payload"]
    assert edit["source"] == "edit_magic" and edit["filename"] == f"{tmp_path}/a.py"
    assert "shell_port" in kernel.ok("%connect_info").text()
    assert "Autosaving every 60 seconds" in kernel.ok("%autosave 60").text()
    assert "subshell id: None" in kernel.ok("%subshell").text()
    assert kernel.ok("!echo from a shell").text().strip() == "from a shell"
    assert kernel.ok("files = !echo one two\nfiles.s").result == "'one two'"
    assert kernel.ok("%%bash\necho in bash").text() == "in bash\n"
    assert kernel.run("%less").status == "error"


def test_completion_with_types(kernel):
    kernel.ok("class Thing:\n    colour = 1\n    def colourful(self): ...\nthing = Thing()")
    content = kernel.ask("complete_request", {"code": "thing.col", "cursor_pos": 9})
    assert {"colour", "colourful"} <= {match.split(".")[-1] for match in content["matches"]}
    assert content["cursor_end"] == 9
    types = content["metadata"]["_jupyter_types_experimental"]
    assert any(each["text"].endswith("colourful") and each["type"] for each in types)
    assert kernel.ask("complete_request", {"code": "ä = 'ü'; thi", "cursor_pos": 12})["cursor_start"] == 9


def test_inspection(kernel):
    content = kernel.ask("inspect_request", {"code": "print(", "cursor_pos": 3, "detail_level": 0})
    assert content["found"] and "Prints the values" in content["data"]["text/plain"]
    assert not kernel.ask("inspect_request", {"code": "no_such_name", "cursor_pos": 3})["found"]


def test_is_complete(kernel):
    assert kernel.ask("is_complete_request", {"code": "x = 1"})["status"] == "complete"
    assert kernel.ask("is_complete_request", {"code": "for i in x:"}) == {"status": "incomplete", "indent": "    "}
    assert kernel.ask("is_complete_request", {"code": "raise = 2"})["status"] == "invalid"


def test_history_lasts(start, tmp_path):
    directory = {"env": {"IPYTHONDIR": str(tmp_path / "ipython")}}
    first = start(**directory)
    first.ok("first_cell = 'of a session'")
    first.ok("1 + 1")
    assert [line for _, _, line in first.ask("history_request", {"hist_access_type": "tail", "n": 2, "raw": True, "output": False})["history"]] == ["first_cell = 'of a session'", "1 + 1"]
    (found,) = first.ask("history_request", {"hist_access_type": "range", "session": 0, "start": 2, "stop": 3, "output": True, "raw": True})["history"]
    assert found[2] == ["1 + 1", "2"]
    first.manager.shutdown_kernel()
    second = start(**directory)
    found = second.ask("history_request", {"hist_access_type": "search", "pattern": "first_cell*", "n": 5, "raw": True, "output": False})
    assert [line for _, _, line in found["history"]] == ["first_cell = 'of a session'"]


def test_input(kernel):
    def answer(question):
        assert question["content"] == {"prompt": "name? ", "password": False}
        kernel.client.input("Ada")

    assert kernel.run("print('hello', input('name? '))", ask=answer).text() == "hello Ada\n"

    def secret(question):
        assert question["content"]["password"]
        kernel.client.input("sesame")

    assert kernel.run("from getpass import getpass\nprint(len(getpass('word: ')))", ask=secret).text() == "6\n"
    assert kernel.run("input()").ename == "StdinNotImplementedError"


def test_input_lets_threads_run(kernel, tmp_path):
    asked = tmp_path / "asked"
    kernel.ok(
        "import os, threading, time\n"
        f"def run():\n    while not os.path.exists({str(asked)!r}): time.sleep(0.01)\n"
        "    for _ in range(20): time.sleep(0.001)\n    print('it has run')\n"
        "threading.Thread(target=run, daemon=True).start()"
    )

    def answer(_):
        asked.touch()
        kernel.wait_for_text("it has run")
        kernel.client.input("x")

    assert kernel.run("input()", ask=answer).result == "'x'"


def test_pdb(kernel):
    answers = iter(["p value", "c"])
    done = kernel.run("def f():\n    value = 41\n    import pdb; pdb.set_trace()\n    return value\nf()", ask=lambda _: kernel.client.input(next(answers)))
    assert done.status == "ok" and "41" in done.text() and done.result == "41"
    kernel.run("def g():\n    inner = 'found'\n    raise ValueError\ng()")
    answers = iter(["p inner", "q"])
    assert "found" in kernel.run("%debug", ask=lambda _: kernel.client.input(next(answers))).text()


def test_asyncio_goes_on_between_cells(kernel):
    kernel.ok("import asyncio\nticks = 0\nasync def tick():\n    global ticks\n    while True: ticks += 1; await asyncio.sleep(0.005)\ntask = asyncio.create_task(tick())")
    before = kernel.value("ticks")
    deadline = time.monotonic() + PATIENCE
    while kernel.value("ticks") < before + 10:
        assert time.monotonic() < deadline
    kernel.ok("task.cancel()")


def test_context_variables_last(kernel):
    kernel.ok("from contextvars import ContextVar\nwho = ContextVar('who')\nwho.set('sync')")
    assert kernel.ok("who.get()").result == "'sync'"
    kernel.ok("import asyncio; await asyncio.sleep(0); who.set('async')")
    expected = "'async'" if kernel.value("__import__('sys').version_info[:2]") >= (3, 11) else "'sync'"
    assert kernel.ok("who.get()").result == expected


def test_the_loop_runs_in_sync_cells(kernel):
    assert kernel.ok("import asyncio; asyncio.get_running_loop().is_running()").result == "True"


def test_questions_are_answered_while_a_cell_awaits(kernel):
    kernel.ok("import asyncio\nvariable_name = 1")
    id = kernel.send("await asyncio.sleep(60)")
    begin = time.monotonic()
    assert "variable_name" in kernel.ask("complete_request", {"code": "variable_n", "cursor_pos": 10})["matches"]
    assert kernel.ask("inspect_request", {"code": "variable_name", "cursor_pos": 3})["found"]
    assert kernel.ask("kernel_info_request")["execution_state"] == "busy"
    assert time.monotonic() - begin < 50
    kernel.interrupt()
    kernel.finish(id)


def test_a_completion_does_not_wait_for_a_cell_that_blocks(kernel):
    kernel.ok("import time\nvariable_name = 1")
    id = kernel.send("print('on'); time.sleep(100)")
    kernel.wait_for_text("on")
    assert "variable_name" in kernel.completions("variable_n")
    kernel.interrupt()
    assert kernel.finish(id).ename == "KeyboardInterrupt"
    # C code that holds the GIL: nothing is found, and that is said soon. A signal ends sleep(3).
    id = kernel.send("import ctypes\nprint('on')\nctypes.PyDLL(None).sleep(100)")
    kernel.wait_for_text("on")
    content = kernel.ask("complete_request", {"code": "variable_n", "cursor_pos": 10})
    assert content["status"] == "ok" and content["matches"] == []
    kernel.interrupt()
    assert kernel.finish(id).ename == "KeyboardInterrupt"


def test_control_answers_whatever_holds_the_gil(kernel):
    id = kernel.send("import ctypes\nprint('on')\nctypes.PyDLL(None).sleep(100)")
    kernel.wait_for_text("on")
    # The interrupt is the last: a signal ends sleep(3), and nothing else does so soon.
    for kind in ("kernel_info_request", "usage_request", "list_subshell_request", "interrupt_request"):
        assert "status" in kernel.control(kind)[0]
    assert kernel.finish(id).ename == "KeyboardInterrupt"


def test_usage_tells_how_long_requests_waited_behind_others(start, tmp_path):
    kernel, go = start(), tmp_path / "go"
    usage = lambda: kernel.control("usage_request")[0]["kmux"]  # noqa: E731
    kernel.ok("0")  # what was asked for until it was ready has been served now
    before = usage()["requests"]
    first = kernel.send(f"import os\nprint('on')\nwhile not os.path.exists({str(go)!r}): pass")
    kernel.wait_for_text("on")
    begin = time.monotonic()
    second = kernel.send("x = 1")
    while usage()["requests"] != {**usage()["requests"], "served": before["served"] + 1, "waiting": 1}:
        assert time.monotonic() - begin < PATIENCE
    since = time.monotonic()
    while time.monotonic() < since + 0.1:
        assert usage()["requests"]["waiting"] == 1
    waited = time.monotonic() - since
    go.touch()
    assert kernel.finish(first).status == kernel.finish(second).status == "ok"
    after = usage()
    end = time.monotonic()
    assert after["requests"]["served"] == before["served"] + 2 and after["requests"]["waiting"] == 0
    assert waited <= after["requests"]["longest_wait_seconds"] <= max(end - begin, before["longest_wait_seconds"])
    assert after["requests"]["wait_seconds"] >= before["wait_seconds"] + waited
    assert 0 <= after["control_lag_seconds"] < end - begin


@pytest.fixture
def newest():
    """A kernel on the one of the two that has the libraries."""
    it = Kernel(PYTHONS["newest"])
    yield it
    it.close()


def test_autoawait_trio(newest):
    newest.ok("import trio")
    newest.ok("%autoawait trio")
    assert newest.ok("await trio.sleep(0.01); print('slept')").text() == "slept\n"
    id = newest.send("print('on')\nawait trio.sleep(30)")
    newest.wait_for_text("on")
    newest.interrupt()
    assert newest.finish(id).ename == "KeyboardInterrupt"
    newest.ok("%autoawait asyncio")
    assert newest.ok("import asyncio\nawait asyncio.sleep(0.01)\n5").result == "5"
