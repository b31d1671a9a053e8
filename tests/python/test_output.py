"""Output comes at once, in few messages, in order, whole, and to the cell that made it."""

import time

import pytest
from kernel import PATIENCE

TEXT_PAUSE = 0.004  # seconds from one message of text to the next, unless much waits


@pytest.mark.parametrize("how", ["", ", end=''", ", end='', flush=True"])
def test_a_print_arrives_before_its_cell_ends(kernel, how):
    # ipykernel always holds it back for 0.2 s; a machine is busy now and then.
    late = []
    while not late or min(late) > 0.1:
        assert len(late) < 40, late
        id = kernel.send(f"import time\nprint(time.time(){how}); time.sleep(0.5)")
        message = kernel.wait_for_iopub(lambda m: m["msg_type"] == "stream" and m["parent_header"]["msg_id"] == id)
        late.append(time.time() - float(message["content"]["text"]))
        kernel.finish(id)


def test_a_line_is_one_message(kernel):
    code = "import time\nfor i in range(20):\n    print('line', i)\n    time.sleep(0.02)"
    texts = [c["text"] for c in kernel.ok(code).of("stream")]
    assert "".join(texts) == "".join(f"line {i}\n" for i in range(20))
    # Whoever loses the processor for long between the writes of one print() is not waited for; and
    # where the one who sends has lost it, lines may have come together.
    assert len([text for text in texts if not text.endswith("\n")]) <= 2 and len(texts) <= 22


def test_many_prints_are_few_messages_in_order(kernel):
    begin = time.monotonic()
    done = kernel.ok("for i in range(20000): print(i)")
    most = (time.monotonic() - begin) / TEXT_PAUSE + 20
    assert done.text() == "".join(f"{i}\n" for i in range(20000))
    assert len(done.of("stream")) < most


def in_turn(done):
    """[what, text] of each stretch of one stream; a message may end between two writes of a print()."""
    turns = []
    for each in done.messages:
        if each["msg_type"] == "stream":
            what, text = each["content"]["name"], each["content"]["text"]
            if turns and turns[-1][0] == what:
                turns[-1][1] += text
            else:
                turns.append([what, text])
        elif each["msg_type"] == "display_data":
            turns.append(["display", each["content"]["data"]["text/plain"]])
    return turns


def test_stdout_and_stderr_keep_their_order(kernel):
    done = kernel.ok("import sys\nfor i in range(50):\n    print('o', i); print('e', i, file=sys.stderr)")
    assert in_turn(done) == [
        [name, f"{letter} {i}\n"] for i in range(50) for name, letter in (("stdout", "o"), ("stderr", "e"))
    ]


def test_text_stands_before_what_was_displayed_after_it(kernel):
    done = kernel.ok("from IPython.display import display\nfor i in range(20):\n    print(i); display(i)")
    assert in_turn(done) == [each for i in range(20) for each in (["stdout", f"{i}\n"], ["display", str(i)])]


LATER = {
    "thread": (
        "import threading\n"
        "go = threading.Event()\n"
        "def later():\n    go.wait(); print('said later')\n"
        "thread = threading.Thread(target=later); thread.start()"
    ),
    "task": (
        "import asyncio\n"
        "go = asyncio.Event()\n"
        "async def later():\n    await go.wait(); print('said later')\n"
        "task = asyncio.create_task(later())"
    ),
}


@pytest.mark.parametrize("what", list(LATER))
def test_threads_and_tasks_print_into_the_cell_that_started_them(kernel, what):
    first = kernel.send(LATER[what])
    kernel.ok("print('another cell'); go.set()")
    assert kernel.wait_for_text("said later")["parent_header"]["msg_id"] == first
    kernel.finish(first)


def test_a_pool_prints_too(kernel):
    done = kernel.ok(
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(4) as pool: list(pool.map(lambda i: print('job', i), range(8)))"
    )
    assert sorted(done.text().split("\n")[:-1]) == [f"job {i}" for i in range(8)]


def test_a_forked_child_prints(kernel):
    done = kernel.ok(
        "import os\n"
        "pid = os.fork()\n"
        "if pid == 0:\n    print('from the child', flush=True); os._exit(0)\n"
        "status = os.waitpid(pid, 0)[1]; print('the child ended with', status)"
    )
    assert done.text() == "from the child\nthe child ended with 0\n"


def test_a_forked_child_that_does_not_end_itself_leaves_the_kernel_alone(kernel):
    kernel.ok("import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)")
    assert kernel.ok("6 * 7").result == "42"


def test_multiprocessing_prints(kernel):
    done = kernel.ok(
        "import multiprocessing\n"
        "context = multiprocessing.get_context('fork')\n"
        "def job(i): print('process', i, flush=True)\n"
        "all = [context.Process(target=job, args=(i,)) for i in range(3)]\n"
        "for each in all: each.start()\nfor each in all: each.join()"
    )
    assert sorted(done.text().split("\n")[:-1]) == [f"process {i}" for i in range(3)]


def test_a_forked_process_can_be_terminated_without_the_kernel(kernel):
    kernel.ok(
        "import multiprocessing, time\n"
        "process = multiprocessing.get_context('fork').Process(target=time.sleep, args=(30,))\n"
        "process.start(); process.terminate(); process.join(20)\nassert process.exitcode == -15"
    )
    assert kernel.ok("1").result == "1"


def test_what_a_subprocess_writes_is_there_before_idle(kernel):
    for _ in range(20):
        done = kernel.ok("import os\nfor i in range(5): os.system('printf x%.0s $(seq 1000)')")
        assert done.text() == "x" * 5000


def test_subprocesses_keep_their_place_between_prints(kernel):
    done = kernel.ok("import subprocess\nfor i in range(10):\n    print('py', i); subprocess.run(['echo', 'sh', str(i)])")
    assert done.text() == "".join(f"py {i}\nsh {i}\n" for i in range(10))


def test_c_output_is_captured_and_its_characters_are_whole(kernel):
    done = kernel.ok("import os\nfor i in range(200): os.write(1, ('äöü€😀' * 333 + '\\n').encode())")
    assert done.text() == ("äöü€😀" * 333 + "\n") * 200
    done = kernel.ok("import ctypes; libc = ctypes.CDLL(None); libc.printf(b'from C\\n'); libc.fflush(None)")
    assert done.text() == "from C\n"
    done = kernel.ok("os.write(2, b'an error\\n')")
    assert done.text("stderr") == "an error\n"


CRASHES = {
    "a fault": "import ctypes; ctypes.string_at(0)",
    "a fault that is not shown": "import ctypes, faulthandler; faulthandler.disable(); ctypes.string_at(0)",
    "an abort": "import os; os.abort()",
    "an exit": "import os; os._exit(3)",
}


@pytest.mark.parametrize("how", list(CRASHES))
def test_what_was_written_before_a_crash_arrives(start, how):
    kernel = start()
    kernel.send(f"import os\nos.write(1, b'low ')\nprint('last words')\n{CRASHES[how]}")
    text = ""
    while "last words" not in text or "low" not in text:
        text += kernel.wait_for_iopub(lambda m: m["msg_type"] == "stream")["content"]["text"]


def test_a_slow_reader_loses_nothing(start):
    kernel = start()
    # More than all the buffers hold, and said long before the kernel would take us for one that never reads.
    id = kernel.send("from IPython.display import display\nfor i in range(6000): display(i)")
    # Nothing is read on iopub until the reply says that all has been said.
    while kernel.client.get_shell_msg(timeout=PATIENCE)["parent_header"]["msg_id"] != id:
        pass
    shown = 0
    while True:
        message = kernel.client.get_iopub_msg(timeout=PATIENCE)
        shown += message["msg_type"] == "display_data"
        if message["content"].get("execution_state") == "idle" and message["parent_header"]["msg_id"] == id:
            break
    assert shown == 6000


def test_stdout_is_a_text_stream(kernel):
    kernel.ok(
        "import io, sys\n"
        "for stream in (sys.stdout, sys.stderr):\n"
        "    assert isinstance(stream, io.TextIOBase) and not stream.isatty() and stream.writable()\n"
        "    assert stream.encoding.lower() == 'utf-8' and stream.errors and not stream.closed\n"
        "    assert stream.fileno() > 2 and stream._is_master_process()\n"
        "    stream.flush(); stream.close(); assert not stream.closed\n"
        "assert sys.stdout.write('abc') == 3"
    )
    done = kernel.ok("sys.stdout.buffer.write('bytes ä\\n'.encode()); sys.stdout.writelines(['a', 'b'])")
    assert done.text() == "bytes ä\nab"
    assert kernel.run("sys.stdout.write(b'bytes')").ename == "TypeError"
    kernel.ok("import faulthandler; faulthandler.enable(); faulthandler.disable()")
    kernel.ok("import contextlib\nwith contextlib.redirect_stdout(io.StringIO()) as f: print('kept')\nassert f.getvalue() == 'kept\\n'")


def test_lone_surrogates_are_replaced(kernel):
    done = kernel.ok("print('a\\ud800b')")
    assert done.text() == "a?b\n"
    assert kernel.ok("'\\ud800'").status == "ok"


def test_a_million_characters_without_a_newline(kernel):
    done = kernel.ok("print('x' * 5_000_000, end='')")
    assert len(done.text()) == 5_000_000
