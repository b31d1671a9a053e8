"""embed_kernel() and the process that it is in: where it may be called, interrupts, signals, the end."""

import signal
from textwrap import dedent

import pytest
from kernel import PATIENCE


def test_elsewhere_than_on_the_main_thread_it_says_so(program):
    it = program("""
        import threading

        def work():
            try:
                embed_kernel()
            except RuntimeError as problem:
                print(problem)

        thread = threading.Thread(target=work, name="other")
        thread.start()
        thread.join()
    """)
    (said,) = it.end()
    assert "must be called on the main thread" in said and said.endswith("This is other")


def test_inside_a_kernel_it_says_so(program, shared):
    it = program("embed_kernel()")
    kernel = it.connect()
    done = kernel.run("embed_kernel()")
    assert done.ename == "RuntimeError" and f"--existing {kernel.file}" in done.content["evalue"]
    assert kernel.ok("1 + 1").result == "2"
    kernel.shut_down()
    it.end()
    done = shared.run("import IPython; IPython.embed_kernel()")
    assert done.ename == "RuntimeError" and "There is a kernel in this process already" in done.content["evalue"]


# Interrupts and the end.


@pytest.mark.parametrize("by", ["signal", "message"])
def test_interrupts_hit_cells_and_nothing_else(program, by):
    it = program("""
        import subprocess
        other = subprocess.Popen(["sleep", "1000"], start_new_session=%r)
        embed_kernel()
        print(other.poll())
        other.kill()
    """ % (by == "signal"))
    kernel = it.connect()
    for _ in range(2):
        slow = kernel.send("import time\nprint('on')\ntime.sleep(60)")
        kernel.wait_for_text("on")
        kernel.interrupt(by)
        done = kernel.finish(slow)
        assert done.ename == "KeyboardInterrupt" and "kmux_child" not in done.traceback
    kernel.interrupt(by)
    assert kernel.ok("1 + 1").result == "2"
    kernel.shut_down()
    assert it.end() == ["None"]


def test_sigterm_is_the_programs(program):
    it = program("embed_kernel()")
    it.connect()
    it.process.terminate()
    assert it.process.wait(PATIENCE) == -signal.SIGTERM


def test_shutdown_ends_a_cell_and_waits_for_one_that_takes_no_notice(program):
    it = program("""
        for _ in range(2):
            embed_kernel(connection_file=f"{_}.json")
            print("went on")
    """)
    # Longer than a kernel's own process is given.
    for number, code in enumerate(("import time\nprint('on'); time.sleep(60)", "import ctypes\nprint('on'); ctypes.PyDLL(None).sleep(3)")):
        kernel = it.connect(f"{number}.json")
        kernel.send(code)
        kernel.wait_for_text("on")
        kernel.shut_down()
        kernel.close()
    assert it.end() == ["went on"] and it.log().count("went on") == 2


def test_tasks_of_cells_are_ended(program):
    it = program("""
        embed_kernel()
        print(sorted(ended))
    """)
    kernel = it.connect()
    kernel.ok(dedent("""
        import asyncio
        ended = []
        async def work(name):
            try:
                await asyncio.sleep(1000)
            finally:
                ended.append(name)
        tasks = [asyncio.ensure_future(work(name)) for name in "ab"]
        await asyncio.sleep(0)
    """))
    kernel.shut_down()
    assert it.end() == ["['a', 'b']"]
