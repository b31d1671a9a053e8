"""embed_kernel(): a kernel inside a program, which then goes on as if nothing had been."""

import os
import subprocess
import sys

import pytest
from kernel import PACKAGE, PATIENCE
from program import EMBED

# The namespace.


def test_a_function_has_its_variables_in_the_kernel_and_what_they_were_set_to(program):
    it = program("""
        there = "global"

        def work(count):
            names = ["a"]
            embed_kernel()
            print(count, names, there, sorted(locals()))

        work(1)
    """)
    kernel = it.connect()
    assert kernel.value("(count, names, there)") == (1, ["a"], "global")
    kernel.ok("count += 41\nnames.append('b')\nnew = 1")
    assert kernel.value("(count, new)") == (42, 1)
    assert kernel.value("globals()['there'], work.__name__") == ("global", "work")
    assert "count" in kernel.ask("complete_request", {"code": "coun", "cursor_pos": 4})["matches"]
    kernel.shut_down()
    assert it.end() == ["42 ['a', 'b'] global ['count', 'names']"]


def test_at_the_top_of_a_module_its_globals_are_the_kernels(program):
    it = program("""
        _, value = "translate", 1
        embed_kernel()
        print(value, new(), _, open is __builtins__.open)
        print([name for name in ("In", "Out", "exit", "get_ipython", "_1", "_i1", "_ih", "__builtin__") if name in globals()])
    """)
    kernel = it.connect()
    kernel.ok("def new(): return value + 1")
    assert kernel.ok("value = 5; new()").result == "6"
    assert kernel.value("Out[2], _, __name__") == (6, 6, "__main__")
    kernel.shut_down()
    assert it.end() == ["5 6 translate True", "[]"]


def test_a_module_and_a_namespace_may_be_given(program):
    it = program("""
        import string
        mine = {"value": 1}
        embed_kernel(module=string, local_ns=mine, connection_file="mine.json")
        print(mine)
        try:
            embed_kernel(local_ns=[])
        except TypeError as problem:
            print(problem)
        try:
            embed_kernel(colour="red")
        except TypeError as problem:
            print(problem)
    """)
    kernel = it.connect("mine.json")
    assert kernel.value("(value, digits)") == (1, "0123456789")
    kernel.ok("value = 2; more = 3")
    kernel.shut_down()
    assert it.end() == [
        "{'value': 2, 'more': 3}", "local_ns must be a dict, not list", "embed_kernel() knows no option 'colour'",
    ]


def test_ipythons_own_name_for_it_is_ours_too(program):
    it = program("""
        import IPython, warnings
        warnings.simplefilter("ignore")

        def work():
            value = 1
            IPython.embed_kernel()
            import ipykernel.embed
            print(ipykernel.embed.embed_kernel is embed_kernel)

        work()
    """)
    kernel = it.connect()
    assert kernel.value("value") == 1
    assert kernel.value("type(get_ipython()).__module__") == "kmux_child.shell"
    kernel.ok("exit")
    assert it.end() == ["True"]


def test_it_is_imported_when_it_is_wanted(python):
    code = f"""
import sys
import kmux_child
assert not [name for name in sys.modules if name.startswith(("kmux_child.", "IPython", "ipykernel"))]
{EMBED}
assert "IPython" not in sys.modules and "jupyter_core" not in sys.modules
try:
    kmux_child.nothing
except AttributeError as problem:
    print(problem)
"""
    done = subprocess.run([python, "-c", code], env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)}, capture_output=True, text=True)
    assert done.stdout == "module 'kmux_child' has no attribute 'nothing'\n", done.stderr


# The connection file.


def test_the_connection_file_says_how_to_connect_and_is_gone_afterwards(program):
    it = program("embed_kernel()")
    kernel = it.connect()
    assert f"    jupyter console --existing {kernel.file}\n" in it.log()
    assert kernel.file.stat().st_mode & 0o777 == 0o600 and kernel.file.parent.stat().st_mode & 0o777 == 0o700
    info = kernel.client.get_connection_info()
    assert info["ip"] == "127.0.0.1" and info["transport"] == "tcp" and len(info["key"]) == 64
    assert len({info[f"{name}_port"] for name in ("shell", "iopub", "stdin", "control", "hb")} - {0}) == 5
    assert os.listdir(kernel.file.parent) == [kernel.file.name]
    assert kernel.value("get_ipython().kernel.connection_file") == str(kernel.file)
    kernel.shut_down()
    it.end()
    assert os.listdir(kernel.file.parent) == []


@pytest.mark.parametrize("names", [
    ("HOME",), ("HOME", "XDG_DATA_HOME"), ("HOME", "XDG_DATA_HOME", "JUPYTER_DATA_DIR"),
    ("HOME", "XDG_DATA_HOME", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"),
], ids=lambda names: names[-1])
def test_it_is_where_jupyter_looks(names, tmp_path):
    env = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "XDG"))}
    env |= {"PYTHONPATH": str(PACKAGE.parent), **{name: str(tmp_path / name) for name in names}}
    code = (
        "from kmux_child.embed import connection_path as ours; from jupyter_core.paths import jupyter_runtime_dir\n"
        "import os; print(os.path.dirname(ours(None)) == jupyter_runtime_dir(), ours(None), ours('x/k.json'), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
    same, usual, given = done.stdout.split()
    assert same == "True" and usual.startswith(str(tmp_path / names[-1])) and given == str(tmp_path / "x/k.json")


# What is given back.

STATE = """
    import asyncio, builtins, getpass, os, pdb, signal, sys, threading

    def state():
        return {
            "streams": (sys.stdout, sys.stderr), "descriptors": [(os.fstat(fd).st_dev, os.fstat(fd).st_ino) for fd in (1, 2)],
            "input": (builtins.input, getpass.getpass), "exit": os._exit, "hooks": (sys.excepthook, sys.displayhook),
            "signals": [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGSEGV)],
            "mask": signal.pthread_sigmask(signal.SIG_BLOCK, ()), "wakeup": signal.set_wakeup_fd(-1),
            "builtins": sorted(vars(builtins)), "environment": dict(os.environ), "path": list(sys.path),
            "threads": threading.enumerate(), "start": (threading.Thread.start, threading.Thread._bootstrap_inner),
            "pdb": (pdb.Pdb, pdb.set_trace), "main": sys.modules["__main__"], "prompt": hasattr(sys, "ps1"),
            "modules": [name for name in sys.modules if name.startswith("ipykernel")],
            "loop": vars(asyncio.get_event_loop_policy()._local).copy(), "collected": __import__("gc").isenabled(),
        }

    def differences(before):
        return [name for name, value in state().items() if value != before[name]]
"""


def test_the_process_is_as_it_was(program):
    it = program(STATE + """
    signal.signal(signal.SIGINT, lambda *_: print("the program's interrupt"))
    os.environ["PAGER"] = "less"
    import pdb
    before = state()
    embed_kernel()
    print(differences(before))
    os.kill(os.getpid(), signal.SIGINT)
    sys.stderr.write("to the program\\n")
    """)
    kernel = it.connect()
    assert kernel.value("get_ipython().__class__.__name__") == "ZMQInteractiveShell"
    kernel.ok("import asyncio, threading, os; waiting = asyncio.ensure_future(asyncio.sleep(1000))")
    assert kernel.ok("said = threading.Thread(target=print, args=['hello']); said.start(); said.join()").text() == "hello\n"
    assert kernel.value("os.environ['PAGER'], 'ipykernel.comm' in __import__('sys').modules") == ("cat", True)
    kernel.interrupt()
    kernel.shut_down()
    assert it.end() == ["[]", "the program's interrupt", "to the program"]


def test_the_terminal_stays_the_programs(program):
    it = program("""
        import sys
        embed_kernel()
        print("kept", file=kept)
        kept.flush()
        print(open("/proc/self/fd/1").name and "printed")
    """)
    kernel = it.connect()
    done = kernel.ok("import os, sys; kept = sys.stdout; print('shown'); written = os.write(1, b'not captured\\n')")
    assert done.text() == "shown\n"
    assert kernel.run("print(input('? '))", ask=lambda _: kernel.client.input("answer")).text() == "answer\n"
    kernel.shut_down()
    assert it.end() == ["not captured", "kept", "printed"]


def test_the_programs_objects_are_let_go(program):
    it = program("""
        import gc, weakref

        class Thing:
            pass

        def work():
            thing = Thing()
            embed_kernel()
            return weakref.ref(thing)

        seen = work()
        gc.collect()
        print(seen())
    """)
    kernel = it.connect()
    kernel.ok("thing")
    kernel.ok("other = thing; thing")
    kernel.shut_down()
    assert it.end() == ["None"]


def test_one_after_the_other(program):
    it = program(STATE + """
    before = state()
    for name in ("one", "two"):
        embed_kernel(connection_file=name + ".json")
    print(differences(before), one, two)
    """)
    for name in ("one", "two"):
        kernel = it.connect(f"{name}.json")
        kernel.ok(f"{name} = 1")
        slow = kernel.send("import time\nprint('on')\ntime.sleep(60)")
        kernel.wait_for_text("on")
        kernel.interrupt("message")
        assert kernel.finish(slow).ename == "KeyboardInterrupt"
        kernel.shut_down()
        kernel.close()
    assert it.end() == ["[] 1 1"]


def test_clients_stay_connected_to_the_next_one(program):
    it = program("""
        count = 0
        while count < 3:
            embed_kernel()
            count += 1
        print(count)
    """)
    kernel = it.connect()
    for count in range(3):
        it.wait_until(lambda: it.log().count("--existing") == count + 1)
        kernel.client.wait_for_ready(timeout=PATIENCE)  # iopub, which says nothing to who has not subscribed
        assert kernel.value("count") == count
        kernel.shut_down()
    assert it.end() == ["3"]


def test_forks_after_the_end_are_the_programs(program):
    it = program("""
        import os, signal
        signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
        embed_kernel()
        child = os.fork()
        if child == 0:
            os.kill(os.getpid(), signal.SIGTERM)
            os._exit(1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """)
    it.connect().shut_down()
    assert it.end() == ["7"]


def test_an_application_and_a_shell_of_the_programs_are_set_aside(program):
    it = program("""
        from IPython import get_ipython
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Application
        mine = Application.instance(), InteractiveShell.instance()
        embed_kernel()
        print((Application.instance(), InteractiveShell.instance()) == mine, get_ipython() is mine[1])
    """)
    kernel = it.connect()
    assert kernel.value("type(get_ipython()).__name__") == "ZMQInteractiveShell"
    kernel.shut_down()
    assert it.end() == ["True True"]


# Where it can be called.


def test_it_may_be_called_in_a_coroutine(program):
    it = program("""
        import asyncio

        async def tick():
            await asyncio.sleep(0)
            return "ticked"

        async def main():
            ticking = asyncio.ensure_future(tick())
            embed_kernel()
            print(asyncio.current_task() is this, await ticking)

        async def outer():
            global this
            this = asyncio.ensure_future(main())
            await this

        asyncio.run(outer())
    """)
    kernel = it.connect()
    assert kernel.ok("import asyncio\nawait asyncio.sleep(0.01)\nprint(ticking.done())").text() == "False\n"
    kernel.shut_down()
    assert it.end() == ["True ticked"]
