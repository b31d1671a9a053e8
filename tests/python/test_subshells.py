"""Subshells (JEP 91): further shells of one kernel, which can be interrupted, and deleted while busy."""

import time

import pytest
from kernel import PATIENCE

AT_ONCE = 20  # seconds: below those of the cells that would have to be waited for


@pytest.fixture(scope="module")
def kernel(python):
    from kernel import Kernel

    it = Kernel(python, arguments=["--IPKernelApp.subshells=True"])
    yield it
    it.close()


@pytest.fixture
def subshell(kernel):
    content, took = kernel.control("create_subshell_request")
    assert content["status"] == "ok" and took < AT_ONCE
    yield content["subshell_id"]
    kernel.control("delete_subshell_request", {"subshell_id": content["subshell_id"]})


def send(kernel, subshell, code):
    content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}
    return kernel.shell("execute_request", content, header={"subshell_id": subshell})


def test_it_is_told_and_not_offered_unless_wanted(kernel, shared):
    assert "kernel subshells" in kernel.ask("kernel_info_request")["supported_features"]
    assert "kernel subshells" not in shared.ask("kernel_info_request")["supported_features"]
    assert shared.control("create_subshell_request")[0]["status"] == "error"


def test_a_subshell_runs_beside_the_main_shell(kernel, subshell):
    assert subshell in kernel.control("list_subshell_request")[0]["subshell_id"]
    slow = kernel.send("import time\nprint('on'); time.sleep(40)")
    kernel.wait_for_text("on")
    done = kernel.finish(send(kernel, subshell, "value = 5; print('beside')"))
    assert done.text() == "beside\n"
    kernel.interrupt()
    assert kernel.finish(slow).ename == "KeyboardInterrupt"
    assert kernel.value("value") == 5


@pytest.mark.parametrize("code", ["print('on')\nwhile True: pass", "import asyncio\nprint('on')\nawait asyncio.sleep(30)"])
def test_a_subshell_is_interrupted(kernel, subshell, code):
    id = send(kernel, subshell, code)
    kernel.wait_for_text("on")
    begin = time.monotonic()
    kernel.interrupt("message")
    done = kernel.finish(id)
    assert done.ename == "KeyboardInterrupt" and time.monotonic() - begin < AT_ONCE
    assert "kmux_child" not in done.traceback
    assert kernel.finish(send(kernel, subshell, "print('still there')")).text() == "still there\n"


def test_a_busy_subshell_is_deleted_without_a_wait(kernel):
    subshell = kernel.control("create_subshell_request")[0]["subshell_id"]
    send(kernel, subshell, "import time\nprint('on'); time.sleep(40)")
    kernel.wait_for_text("on")
    content, took = kernel.control("delete_subshell_request", {"subshell_id": subshell})
    assert content["status"] == "ok" and took < AT_ONCE
    assert kernel.control("list_subshell_request")[0]["subshell_id"] == []
    assert kernel.ok("1 + 1").result == "2"


@pytest.mark.parametrize("code", [
    "import asyncio\nprint('on')\ntry: await asyncio.sleep(40)\nfinally:\n    await asyncio.sleep(0); print('cleaned')",
    "import asyncio\nawait asyncio.sleep(0); print('on')\nwhile True: pass",
    "import asyncio\nprint('on')\nwhile True:\n    try: await asyncio.sleep(40)\n    except BaseException: pass",
])
def test_a_cell_that_awaits_when_its_subshell_is_deleted_ends(kernel, code):
    subshell = kernel.control("create_subshell_request")[0]["subshell_id"]
    cell = send(kernel, subshell, code)
    kernel.wait_for_text("on", of=cell)
    kernel.control("delete_subshell_request", {"subshell_id": subshell})
    assert kernel.finish(cell).ename == "KeyboardInterrupt"


def test_what_waits_for_a_subshell_that_is_deleted_is_answered(kernel):
    subshell = kernel.control("create_subshell_request")[0]["subshell_id"]
    busy = send(kernel, subshell, "import time\nprint('on'); time.sleep(40)")
    kernel.wait_for_text("on", of=busy)
    cell = send(kernel, subshell, "print('never')")
    question = kernel.shell("kernel_info_request", {}, header={"subshell_id": subshell})
    kernel.wait_for_requests(2)
    kernel.control("delete_subshell_request", {"subshell_id": subshell})
    assert kernel.finish(busy).ename == "KeyboardInterrupt"
    done = kernel.finish(cell)
    assert done.status == "aborted" and not done.text()
    assert kernel.finish(question).ename == "UnknownSubshellError"


FEW_DESCRIPTORS = """
import os, resource
top = max(map(int, os.listdir('/proc/self/fd')))
while (free := os.dup(0)) < top: pass
os.close(free)
resource.setrlimit(resource.RLIMIT_NOFILE, (free + 3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
"""


def test_a_subshell_that_could_not_begin_refuses_what_it_is_asked(start):
    kernel = start(arguments=["--IPKernelApp.subshells=True"])
    kernel.ok(FEW_DESCRIPTORS)  # enough for its queue, and too few for its loop
    subshell = kernel.control("create_subshell_request")[0]["subshell_id"]
    for _ in range(2):
        assert kernel.finish(send(kernel, subshell, "1")).ename == "UnknownSubshellError"
    assert kernel.control("delete_subshell_request", {"subshell_id": subshell})[0]["status"] == "ok"
    assert kernel.ok("1 + 1").result == "2"


def test_an_error_aborts_only_its_own_subshell(kernel, subshell, tmp_path):
    go = tmp_path / "go"
    first = send(kernel, subshell, f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\n1/0")
    second = send(kernel, subshell, "print('aborted')")
    kernel.wait_for_requests(1)
    go.touch()
    assert kernel.ok("print('main')").text() == "main\n"
    assert kernel.finish(first).status == "error" and kernel.finish(second).status == "aborted"


def test_cells_at_the_same_time_have_numbers_of_their_own(kernel, subshell):
    """IPython counts for one cell at a time: two under one number lose one of them in its history."""
    slow = "import time\nprint('on'); time.sleep(0.3); {!r}"
    one = send(kernel, subshell, slow.format("one"))
    kernel.wait_for_text("on")
    two = kernel.send(slow.format("two"))
    counts = []
    for done in (kernel.finish(one), kernel.finish(two)):
        counts.append(done.content["execution_count"])
        assert {each["execution_count"] for each in done.of("execute_input", "execute_result")} == {counts[-1]}
    assert counts[1] == counts[0] + 1
    assert kernel.value("[Out[{}], Out[{}]]".format(*counts)) == ["one", "two"]
    assert kernel.ok("get_ipython().history_manager.writeout_cache()").text() == ""
    kept = {number: code for _, number, code in kernel.ask("history_request", {"hist_access_type": "tail", "n": 5})["history"]}
    assert [kept[count] for count in counts] == [slow.format("one"), slow.format("two")]


def test_reset_counts_anew(kernel):
    kernel.ok("get_ipython().reset()")
    count = kernel.ok("1").content["execution_count"]
    assert count in (1, 2)  # before IPython 9 it counts the cell that begins anew
    assert kernel.ok("1").content["execution_count"] == count + 1


def test_inputs_do_not_cross(kernel, subshell):
    content = {"code": "print('sub', input('from sub'))", "silent": False, "allow_stdin": True, "store_history": True, "user_expressions": {}, "stop_on_error": True}
    one = kernel.shell("execute_request", content, header={"subshell_id": subshell})
    two = kernel.send("print('main', input('from main'))", allow_stdin=True)
    for _ in range(2):
        question = kernel.client.get_stdin_msg(timeout=PATIENCE)
        answer = kernel.client.session.msg("input_reply", {"value": "to " + question["content"]["prompt"]}, parent=question)
        answer["parent_header"] = question["parent_header"]
        kernel.client.stdin_channel.send(answer)
    assert kernel.finish(one).text() == "sub to from sub\n"
    assert kernel.finish(two).text() == "main to from main\n"
