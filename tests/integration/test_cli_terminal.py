"""kmux at a terminal: console, top, questions, colours."""

import re

import cli
import pytest
from cli import DONE, REFUSED, USAGE, Terminal, kmux
from kmuxd import wait_until

PYTHON = '[kernels]\necho = true\npython = "/usr/bin/python3"\n'


@pytest.fixture
def daemon(make_daemon):
    return make_daemon(PYTHON).start()


@pytest.fixture
def terminal(daemon):
    made = []

    def make(*words, **more):
        made.append(Terminal("--runtime-dir", daemon.runtime, *words, **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_a_console(daemon, at, terminal, kernel):
    at("exec", kernel, "-c", "remembered = 'by history'")
    it = terminal("console", kernel)
    it.expect(">>> ")
    it.type("6 * 7\n")
    it.expect(r"\n42\r\n.*>>> ")
    # Several lines, with the indentation that the kernel proposes.
    it.type("for i in range(2):\n")
    it.expect(r"\.\.\. +")
    it.type("print('line', i)\n\n")
    it.expect(r"line 0\r\nline 1\r\n.*>>> ")
    # A question.
    it.type("name = input('who? ')\n")
    it.expect(r"who\? ")
    it.type("ann\n")
    it.expect(">>> ")
    it.type("name * 2\n")
    it.expect("'annann'")
    # What was typed before, also by others.
    it.type("\x1b[A" * 4)
    it.type("\x1b[A" * 1 + "\n")
    it.expect(">>> ")
    it.type("\x04")
    it.expect("The kernel goes on")
    assert it.wait() == DONE
    assert daemon.model(kernel)["execution_state"] == "idle"
    assert at("exec", kernel, "-c", "name") == "'ann'\n"


def test_history_and_completion_are_the_kernels(at, terminal, kernel):
    at("exec", kernel, "-c", "remembered = 'by history'")
    it = terminal("console", kernel)
    it.expect(">>> ")
    it.type("\x1b[A")
    it.expect("remembered = 'by history'")
    it.type("\x15remem\t\n")
    it.expect(r"\r\n'by history'\r\n")
    # One match is put in, of several those are listed.
    it.type("import ite\t as found\n")
    it.expect(">>> ")
    it.type("found.co\t")
    it.expect("combinations .*count ")
    it.type("unt\n")
    it.expect("itertools.count.*>>> ")
    it.type("\x04")
    assert it.wait() == DONE


def test_what_is_typed_ahead_is_not_lost(at, terminal, kernel):
    it = terminal("console", kernel)
    it.expect(">>> ")
    it.type("import time; print('on'); time.sleep(1)\n")
    it.expect(r"\non\r\n")
    it.type("'next' * 2\n\x04")
    it.expect("nextnext.*The kernel goes on")
    assert it.wait() == DONE


def test_control_c_interrupts_and_control_backslash_leaves(daemon, at, terminal, kernel):
    it = terminal("console", kernel)
    it.expect(">>> ")
    it.type("unfinished\x03")
    it.expect(r"\^C.*>>> ")
    it.type("import time; print('on'); time.sleep(60)\n")
    it.expect(r"\non\r\n")
    it.type("\x03")
    it.expect("KeyboardInterrupt.*>>> ")
    it.type("print('again'); time.sleep(60)\n")
    it.expect(r"\nagain\r\n")
    it.type("\x1c")
    it.wait()
    assert daemon.model(kernel)["execution_state"] == "busy"
    at("interrupt", kernel, "--wait")
    it = terminal("console", kernel)
    it.expect(">>> ")
    it.type("\x1c")
    it.expect("The kernel goes on")
    assert it.wait() == DONE


def test_what_others_do_is_shown(at, terminal, kernel):
    it = terminal("console", kernel)
    watching = terminal("console", kernel, "--read-only")
    it.expect(">>> ")
    watching.expect("What others do")
    it.type("half a li")
    it.expect("half a li")
    at("exec", kernel, "-c", "print('from elsewhere')")
    it.expect(r"print\('from elsewhere'\)\r\n.*from elsewhere\r\n.*half a li")
    watching.expect(r"print\('from elsewhere'\)\r\nfrom elsewhere\r\n")
    it.type("\x15'mine'\n")
    it.expect("'mine'.*'mine'.*>>> ")
    watching.expect("'mine'.*'mine'")
    watching.type("\x03")
    assert watching.wait() == DONE
    it.type("\x04")
    assert it.wait() == DONE


def test_a_console_survives_its_kernel_and_its_daemon(daemon, terminal, kernel):
    it = terminal("console", kernel)
    it.expect(">>> ")
    it.type("import os; os.kill(os.getpid(), 9)\n")
    it.expect("killed by SIGKILL.*>>> ")
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "idle")
    daemon.process.kill()
    daemon.process.wait()
    daemon.start()
    it.type("'alive' * 2\n")
    it.expect("alivealive.*>>> ")
    it.type("\x04")
    assert it.wait() == DONE


def test_a_console_needs_a_terminal(at, kernel):
    assert "kmux exec" in at("console", kernel, code=USAGE)
    assert "kmux ps --watch" in at("top", code=USAGE)


def test_a_hostile_kernels_text_steers_no_terminal(at, terminal, kernel):
    at("exec", kernel, "-c", r"print('\x1b]0;title\x07\x1b[2Jplain\x1b[31mred\x1b[0m')")
    it = terminal("logs", kernel, "--output")
    it.expect("red")
    assert it.wait() == DONE
    assert "\x1b]" not in it.seen and "\x1b[2J" not in it.seen and "\x1b[31mred" in it.seen


def test_top(daemon, at, terminal, kernel):
    other = daemon.kernel()
    at("wait", other)
    daemon.channels(kernel).execute("while True: pass")
    it = terminal("top", "-d", "0.3", rows=20, columns=100)
    it.expect("kmux top.*2 kernels")
    it.expect(rf"{kernel[:8]} .*busy")
    row = it.expect(rf"{kernel[:8]}[^\n]*busy[^\n]*  (\d+\.\d)  ")
    wait_until(lambda: float(it.expect(rf"{kernel[:8]}[^\n]*busy[^\n]*  (\d+\.\d)  ")[1]) > 5, what=row[0])
    it.type("h")
    it.expect("by memory")
    it.type("o")
    it.expect("kmux top")
    it.type("q")
    assert it.wait() == DONE
    assert it.seen.startswith("\x1b[?1049h") and "\x1b[?1049l" in it.seen
    at("interrupt", kernel)


def test_what_cannot_be_taken_back_is_asked(daemon, terminal, kernel):
    it = terminal("stop", kernel)
    it.expect(r"Ends .*Go on\? \[y/N\] ")
    it.type("\n")
    it.expect("Nothing was done")
    assert it.wait() == REFUSED and len(daemon.get("kernels").json()) == 1
    it = terminal("stop", kernel)
    it.expect(r"\[y/N\] ")
    it.type("y\n")
    assert it.wait() == DONE and daemon.get("kernels").json() == []
    fresh = daemon.kernel()
    it = terminal("stop", "--yes", fresh)
    assert it.wait() == DONE and "[y/N]" not in it.seen


def test_colours(terminal, daemon):
    daemon.kernel()
    it = terminal("ps")
    assert it.wait() == DONE and "\x1b[1m" in it.seen
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        it = terminal("ps", environment=environment)
        assert it.wait() == DONE and "\x1b" not in it.seen
    assert "\x1b" not in kmux("--runtime-dir", daemon.runtime, "ps")
    assert re.search(r"^ID ", cli.run("--runtime-dir", daemon.runtime, "ps").stdout)
