"""kmux exec, run and export: code on real kernels, from scripts."""

import json
import signal

import cli
import nbformat
import pytest
from cli import FAILED, NOT_FOUND, TIMED_OUT, USAGE
from kmuxd import wait_until

PYTHON = '[kernels]\necho = true\npython = "/usr/bin/python3"\nrestart = false\n'


@pytest.fixture
def daemon(make_daemon):
    return make_daemon(PYTHON).start()


def test_output_comes_as_it_is_said(daemon, kernel, tmp_path):
    code = "import time\nprint('first')\nwhile True:\n  time.sleep(0.05)\n  if __import__('os').path.exists(%r): break\nprint('second')" % str(tmp_path / "go")
    running = cli.start("--runtime-dir", daemon.runtime, "exec", kernel, "-c", code)
    assert running.stdout.readline() == "first\n"
    (tmp_path / "go").touch()
    assert running.communicate(timeout=60)[0] == "second\n" and running.returncode == 0


def test_what_is_said_where(daemon, kernel):
    ran = cli.run("--runtime-dir", daemon.runtime, "exec", kernel, "-c", "import sys; print('out'); print('err', file=sys.stderr); 6 * 7")
    assert (ran.stdout, ran.stderr, ran.returncode) == ("out\n42\n", "err\n", 0)
    ran = cli.run("--runtime-dir", daemon.runtime, "exec", kernel, "-c", "1 / 0")
    assert ran.returncode == FAILED and ran.stdout == ""
    assert "ZeroDivisionError: division by zero" in ran.stderr and "\x1b" not in ran.stderr


def test_code_from_a_file_and_from_stdin(at, kernel, tmp_path):
    (tmp_path / "x.py").write_text("x = 'é'\nprint(x * 3)\n")
    assert at("exec", kernel, tmp_path / "x.py") == "ééé\n"
    assert at("exec", kernel, stdin="print(x)") == "é\n"
    assert at("exec", kernel, "-", stdin="print(x, x)") == "é é\n"
    assert "No such file" in at("exec", kernel, tmp_path / "none.py", code=NOT_FOUND)
    assert "-c CODE" in at("exec", kernel, tmp_path / "x.py", "-c", "x", code=USAGE)
    messages = [json.loads(line) for line in at("exec", kernel, "-c", "x", "-o", "json").splitlines()]
    assert messages[0]["content"]["execution_state"] == "busy" and "execute_result" in {m["msg_type"] for m in messages}


def test_without_a_terminal_nobody_is_asked(at, kernel):
    assert "StdinNotImplementedError" in at("exec", kernel, "-c", "input('name? ')", code=FAILED)


def test_a_large_message(at, kernel):
    assert len(at("exec", kernel, "-c", "print('x' * 3_000_000)")) == 3_000_001
    assert at("exec", kernel, stdin="x = '" + "y" * 200_000 + "'\nprint(len(x))") == "200000\n"


def test_a_timeout_leaves_it_running(daemon, at, kernel):
    said = at("exec", kernel, "-c", "import time; time.sleep(60)", "--timeout", "0.3", code=TIMED_OUT)
    assert f"Try: kmux interrupt {kernel[:8]}" in said
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "busy")
    at("interrupt", kernel, "--wait")


def test_sigint_interrupts_the_cell_and_twice_leaves_it(daemon, at, kernel):
    running = cli.start("--runtime-dir", daemon.runtime, "exec", kernel, "-c", "import time\nprint('on', flush=True)\ntime.sleep(60)")
    assert running.stdout.readline() == "on\n"
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == FAILED and "KeyboardInterrupt" in err
    stubborn = "import time\nprint('on', flush=True)\nwhile True:\n  try: time.sleep(60)\n  except KeyboardInterrupt: print('no', flush=True)"
    running = cli.start("--runtime-dir", daemon.runtime, "exec", kernel, "-c", stubborn)
    assert running.stdout.readline() == "on\n"
    running.send_signal(signal.SIGINT)
    assert running.stdout.readline() == "no\n"
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=60)
    assert running.returncode == TIMED_OUT and "goes on alone" in err
    at("stop", kernel)


def test_a_death_is_said_with_its_reason(daemon, kernel):
    ran = cli.run("--runtime-dir", daemon.runtime, "exec", kernel, "-c", "import os; os.kill(os.getpid(), 9)")
    assert ran.returncode == FAILED and "killed by SIGKILL" in ran.stderr and "Try: kmux describe" in ran.stderr


def test_an_upgrade_or_a_killed_daemon_loses_nothing(daemon, at, kernel, tmp_path):
    code = "import time, os\nprint('begun')\nwhile not os.path.exists(%r): time.sleep(0.02)\nfor i in range(100): print(i)" % str(tmp_path / "go")
    running = cli.start("--runtime-dir", daemon.runtime, "exec", kernel, "-c", code)
    assert running.stdout.readline() == "begun\n"
    at("upgrade")
    daemon.process.kill()
    daemon.process.wait()
    (tmp_path / "go").touch()
    daemon.start()
    out, err = running.communicate(timeout=60)
    assert out == "".join(f"{i}\n" for i in range(100)) and running.returncode == 0, err


def test_python_stacks(daemon, at, kernel):
    code = "import threading, time\ndef inner():\n    print('on', flush=True)\n    time.sleep(60)\nthreading.Thread(target=time.sleep, args=(60,), name='helper', daemon=True).start()\ninner()"
    running = cli.start("--runtime-dir", daemon.runtime, "exec", kernel, "-c", code)
    assert running.stdout.readline() == "on\n"
    # What it has said may be here before it sleeps.
    said = wait_until(lambda: (s := at("stack", kernel)) and ":4 in inner" in s and s, what="the kernel to sleep")
    assert ":6 in <module>" in said and "helper" in said and "kmux_child" not in said.split("process")[0]
    threads = json.loads(at("stack", kernel, "-o", "json"))["threads"]
    assert [t["frames"][-1]["function"] for t in threads if t["name"] == "MainThread"] == ["inner"]
    at("interrupt", kernel, "--wait")
    assert running.wait(60) == FAILED
    running.stdout.close()
    running.stderr.close()


def notebook(path, *sources, **metadata):
    cells = [nbformat.v4.new_markdown_cell("# Title")] + [nbformat.v4.new_code_cell(s) for s in sources]
    book = nbformat.v4.new_notebook(cells=cells, metadata={"kept": {"as": ["it", 1.5, None, "ü"]}, **metadata})
    nbformat.write(book, path)
    return book


def test_a_notebook_is_run_and_written_back(daemon, at, spec, tmp_path):
    path = tmp_path / "a.ipynb"
    before = notebook(path, "import os\nprint('here:', os.path.basename(os.getcwd()))", "", "from IPython.display import display\nh = display('one', display_id=True)",
                      "h.update('two')\n[1, 2]", "print('a\\rb')")
    path.chmod(0o640)
    at("run", spec, path)
    after = nbformat.read(path, 4)
    nbformat.validate(after)
    assert path.stat().st_mode & 0o777 == 0o640
    assert after.metadata == before.metadata and [c.source for c in after.cells] == [c.source for c in before.cells]
    assert [c.id for c in after.cells] == [c.id for c in before.cells]
    one, empty, shown, result, erased = (c for c in after.cells if c.cell_type == "code")
    assert one.outputs[0].text == f"here: {tmp_path.name}\n" and one.execution_count == 1
    assert empty.outputs == [] and empty.execution_count is None
    assert shown.outputs[0].data["text/plain"] == "'two'"
    assert result.outputs[0].data["text/plain"] == "[1, 2]" and result.outputs[0].output_type == "execute_result"
    assert erased.outputs[0].text == "b\n"
    assert daemon.get("kernels").json() == []


def test_a_cell_that_fails_ends_the_run(daemon, at, spec, tmp_path):
    path, other = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    notebook(path, "x = 1", "1 / 0", "print('after')")
    before = path.read_text()
    assert "cell 2 failed" in at("run", spec, path, "--to", other, code=FAILED)
    assert path.read_text() == before
    first, failed, after = (c for c in nbformat.read(other, 4).cells if c.cell_type == "code")
    assert failed.outputs[0].ename == "ZeroDivisionError" and after.outputs == [] and after.execution_count is None
    at("run", spec, path, "--to", other, "--keep-going", code=FAILED)
    assert nbformat.read(other, 4).cells[-1].outputs[0].text == "after\n"
    assert daemon.get("kernels").json() == []


def test_a_script_is_run(daemon, at, spec, tmp_path):
    (tmp_path / "s.py").write_text("import os, sys\nprint(os.environ['WHO'])\nprint(1)\n")
    assert at("run", spec, tmp_path / "s.py", "--env", "WHO=me") == "me\n1\n"
    assert daemon.get("kernels").json() == []
    assert at("run", "echo", tmp_path / "none.py", code=NOT_FOUND)
    assert at("run", "nothing", tmp_path / "s.py", code=NOT_FOUND)
    (tmp_path / "bad.ipynb").write_text("{}")
    assert "nbformat 4" in at("run", spec, tmp_path / "bad.ipynb", code=FAILED)
    ran = cli.run("--runtime-dir", daemon.runtime, "run", spec, tmp_path / "s.py", "--env", "WHO=me", "--keep")
    (kept,) = daemon.get("kernels").json()
    assert kept["id"] in ran.stderr


def test_whoever_ends_a_run_ends_its_kernel(daemon, spec, tmp_path):
    (tmp_path / "s.py").write_text("import time\nprint('on', flush=True)\ntime.sleep(60)\n")
    running = cli.start("--runtime-dir", daemon.runtime, "run", spec, tmp_path / "s.py")
    assert running.stdout.readline() == "on\n"
    running.terminate()
    running.communicate(timeout=60)
    assert running.returncode == TIMED_OUT
    wait_until(lambda: daemon.get("kernels").json() == [])


def test_a_notebook_of_the_journal(daemon, at, kernel, tmp_path):
    at("exec", kernel, "-c", "print('one')\n2")
    at("exec", kernel, "-c", "1 / 0", code=FAILED)
    daemon.process.kill()
    daemon.process.wait()
    book = nbformat.reads(at("export", kernel), 4)
    nbformat.validate(book)
    first, second = book.cells
    assert first.source == "print('one')\n2" and first.outputs[0].text == "one\n" and first.outputs[1].data["text/plain"] == "2"
    assert second.outputs[0].ename == "ZeroDivisionError" and second.execution_count == 2
    daemon.start()
