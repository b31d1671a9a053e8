"""%gui: windows live while the kernel is idle, and asyncio and requests go on beside them.

Needs Debian's xvfb and python3-tk (whose libraries the newest Python's tkinter uses as well), and
a Qt for each Python: Debian's python3-pyqt5, PyPI's PyQt5.
"""

import os
import select
import subprocess
import time

import pytest
from kernel import PATIENCE, Kernel
from waits import ROUND_TRIP, round_trips, wait_for, wait_until

TK = """
%gui tk
import tkinter, time
window = tkinter.Tk()
def after(milliseconds, function):
    window.after(milliseconds, function)
def is_mapped():
    return bool(window.winfo_ismapped())
"""

QT = """
%gui qt
import time
from PyQt5 import QtCore, QtWidgets
window = QtWidgets.QLabel('kmux')
window.show()
def after(milliseconds, function):
    QtCore.QTimer.singleShot(milliseconds, function)
def is_mapped():
    return window.windowHandle().isExposed()
"""

TOOLKITS = {"tk": TK, "qt": QT}


@pytest.fixture(scope="session")
def display(tmp_path_factory):
    """The environment of who uses a display of our own."""
    read, write = os.pipe()
    # The server chooses a free number, and says which when clients may connect.
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "640x480x24", "-nolisten", "tcp"],
        pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    os.close(write)
    said = b""
    deadline = time.monotonic() + PATIENCE
    while not said.endswith(b"\n"):
        assert select.select([read], [], [], deadline - time.monotonic())[0], "Xvfb does not start"
        part = os.read(read, 16)
        assert part, "Xvfb has ended"
        said += part
    directory = tmp_path_factory.mktemp("runtime", numbered=False)
    directory.chmod(0o700)  # else Qt complains
    yield {"DISPLAY": f":{int(said)}", "XDG_RUNTIME_DIR": str(directory)}
    server.terminate()
    server.wait(PATIENCE)
    os.close(read)


@pytest.fixture(scope="module", params=list(TOOLKITS))
def toolkit(request):
    return request.param


@pytest.fixture(scope="module")
def windowed(python, toolkit, display):
    """A kernel with %gui and a window, for tests that leave it as it was."""
    it = Kernel(python, env=display)
    done = it.ok(TOOLKITS[toolkit])
    assert done.text("stderr") == ""
    yield it
    it.close()


@pytest.fixture
def start_shown(start, display):
    return lambda: start(env=display)


def say_later(kernel, code, text):
    """The request's id, when its code, or a callback of it, has said the text. The request is not
    finished before: that would take the text, where it comes soon."""
    id = kernel.send(code)
    wait_for(kernel, id, text)
    return id


def test_a_callback_runs_while_the_kernel_is_idle(windowed):
    windowed.finish(say_later(windowed, "after(50, lambda: print('it is', 'time'))", "it is time"))


def test_the_window_appears(windowed):
    wait_until(windowed, "is_mapped()")


def test_callbacks_come_in_time(windowed):
    windowed.ok("""
came = []
def again():
    came.append(time.monotonic())
    if len(came) < 20: after(20, again)
after(20, again)
""")
    wait_until(windowed, "len(came) == 20")
    gaps = windowed.value("sorted(b - a for a, b in zip(came, came[1:]))")
    assert gaps[0] > 0.018 and gaps[len(gaps) // 2] < 0.3  # a machine is busy now and then


def test_a_callback_prints_into_the_latest_cell(windowed):
    windowed.ok("asked = False\ndef look():\n    print('late', 'words') if asked else after(5, look)\nlook()")
    windowed.finish(say_later(windowed, "asked = True", "late words"))


def test_callbacks_see_context_variables_of_cells(windowed):
    windowed.ok("import contextvars; variable = contextvars.ContextVar('variable', default=0)")
    windowed.ok("variable.set(7); seen = []; after(20, lambda: seen.append(variable.get()))")
    wait_until(windowed, "bool(seen)")
    assert windowed.value("seen") == [7]


def test_asyncio_goes_on(windowed):
    windowed.ok("""
import asyncio
ticks, calls, on = [], [], True
async def tick():
    while on:
        ticks.append(time.monotonic())
        await asyncio.sleep(0.005)
def call():
    calls.append(1)
    if on: after(5, call)
task = asyncio.create_task(tick())
call()
""")
    wait_until(windowed, "len(ticks) > 100 and len(calls) > 20")
    windowed.ok("on = False; await task")
    gap = windowed.value("sorted(b - a for a, b in zip(ticks, ticks[1:]))[len(ticks) // 2]")
    assert gap < 0.2


def test_requests_do_not_wait(windowed):
    assert round_trips(windowed) < ROUND_TRIP


def test_requests_do_not_wait_for_a_toolkit_that_never_rests(windowed):
    windowed.ok("busy = True\ndef work():\n    time.sleep(0.001)\n    if busy: after(0, work)\nwork()")
    try:
        assert round_trips(windowed) < ROUND_TRIP
    finally:
        windowed.ok("busy = False")


def test_the_window_lives_while_a_cell_awaits(windowed):
    windowed.ok("""
fired = asyncio.Event() if 'asyncio' in globals() else __import__('asyncio').Event()
after(30, fired.set)
await __import__('asyncio').wait_for(fired.wait(), 50)
""")


def test_an_exception_of_a_callback_is_shown_and_ends_nothing(windowed):
    windowed.finish(say_later(windowed, "after(20, lambda: 1 / 0)", "ZeroDivisionError"))
    windowed.ok("ok = []; after(20, lambda: ok.append(1))")
    wait_until(windowed, "bool(ok)")


SPIN = """
def spin():
    print('spins')
    while True: pass
after(20, spin)
"""


@pytest.mark.parametrize("by", ["signal", "message"])
def test_a_callback_that_spins_is_interrupted(windowed, by):
    id = say_later(windowed, SPIN, "spins")
    windowed.interrupt(by)
    wait_for(windowed, id, "KeyboardInterrupt")
    windowed.finish(id)
    windowed.ok("ok = []; after(20, lambda: ok.append(1))")
    wait_until(windowed, "bool(ok)")


def test_a_cell_that_awaits_is_interrupted_and_the_window_lives_on(windowed):
    id = say_later(windowed, "import asyncio\nprint('it is', 'on')\nawait asyncio.sleep(100)", "it is on")
    windowed.interrupt()
    done = windowed.finish(id)
    assert done.ename == "KeyboardInterrupt"
    windowed.ok("ok = []; after(20, lambda: ok.append(1))")
    wait_until(windowed, "bool(ok)")


def test_interrupts_of_an_idle_kernel_end_nothing(windowed):
    for _ in range(20):
        windowed.interrupt()
        windowed.ask("kernel_info_request")
    windowed.ok("ok = []; after(20, lambda: ok.append(1))")
    wait_until(windowed, "bool(ok)")


def test_gui_without_a_name_ends_it_and_with_it_comes_back(windowed, toolkit):
    windowed.ok("%gui")
    assert windowed.value("get_ipython().kernel.eventloop is None and get_ipython().active_eventloop is None")
    windowed.ok("import asyncio; late = []; after(1, lambda: late.append(1)); await asyncio.sleep(0.1)")
    assert windowed.value("late") == []
    windowed.ok(f"%gui {toolkit}")
    wait_until(windowed, "bool(late)")


def test_another_one_must_wait_for_the_end_of_the_first(windowed, toolkit):
    windowed.ok("from kmux_child import eventloops\neventloops.register_integration('other')(lambda kernel: None)")
    done = windowed.run("get_ipython().enable_gui('other')")
    assert done.ename == "RuntimeError" and "%gui" in done.content["evalue"]
    assert "another event loop" in windowed.ok("%gui other").text("stderr")
    windowed.ok(f"%gui {toolkit}")
    windowed.ok("ok = []; after(20, lambda: ok.append(1))")
    wait_until(windowed, "bool(ok)")


def test_a_wrong_name_is_told_with_the_right_ones(kernel):
    done = kernel.run("get_ipython().enable_gui('motif')")
    assert done.ename == "UsageError"
    assert "'motif'" in done.content["evalue"] and "qt6, tk, " in done.content["evalue"]
    assert "'motif'" in kernel.ok("%gui motif").text("stderr")


@pytest.mark.parametrize("name", ["inline", "asyncio", "widget", ""])
def test_names_with_nothing_to_run(kernel, name):
    assert kernel.ok(f"%gui {name}").text("stderr") == ""
    assert kernel.value("get_ipython().kernel.eventloop is None")


@pytest.mark.parametrize("gui, package", [("tk", "python3-tk"), ("qt5", "python3-pyqt5"), ("gtk3", "python3-gi")])
def test_a_missing_toolkit_is_told_with_its_package(start, gui, package):
    kernel = start()
    # As if they were not there.
    kernel.ok("""
import sys, importlib.util
for name in ('tkinter', '_tkinter', 'gi'): sys.modules[name] = None
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name.startswith('Py') else find_spec(name, *more)
""")
    done = kernel.run(f"get_ipython().enable_gui({gui!r})")
    assert done.ename == "UsageError" and package in done.content["evalue"]


def test_qt_without_a_display_does_not_end_the_kernel(start):
    kernel = start(env={"DISPLAY": ":9999"})
    done = kernel.run("get_ipython().enable_gui('qt')")
    assert done.ename == "UsageError" and ":9999" in done.content["evalue"]
    assert kernel.value("1 + 1") == 2


def test_one_qt_excludes_another(start_shown):
    kernel = start_shown()
    kernel.ok("%gui qt5")
    done = kernel.run("get_ipython().enable_gui('qt6')")
    assert done.ename == "UsageError" and "PyQt5" in done.content["evalue"]


def test_qt_deletes_what_is_to_be_deleted_later(start_shown):
    kernel = start_shown()
    kernel.ok(QT)
    kernel.ok("gone = []; thing = QtCore.QObject(); thing.destroyed.connect(lambda *_: gone.append(1))")
    kernel.ok("thing.deleteLater()")
    wait_until(kernel, "bool(gone)")


def test_a_pump_that_fails_is_off(start_shown):
    kernel = start_shown()
    kernel.ok(TK)
    id = kernel.send("""
def broken(): raise OSError('the pump is broken')
get_ipython().kernel._gui_turns.step = broken
""")
    assert wait_for(kernel, id, "is off")["content"]["name"] == "stderr"
    assert "the pump is broken" in kernel.finish(id).text("stderr")
    assert kernel.value("get_ipython().kernel.eventloop is None")
    kernel.ok("%gui tk")
    kernel.ok("ok = []; after(20, lambda: ok.append(1))")
    wait_until(kernel, "bool(ok)")


# matplotlib, which is installed for the newest Python only: Debian's would be 200 MB of packages.


@pytest.mark.parametrize("gui", ["tk", "qt"])
@pytest.mark.parametrize("python", ["newest"], indirect=True)
def test_interactive_figures_draw(start_shown, gui):
    kernel = start_shown()
    done = kernel.ok(f"%matplotlib {gui}\nimport matplotlib, matplotlib.pyplot as plt")
    assert done.text("stderr") == ""
    assert kernel.value("matplotlib.get_backend().lower()").startswith(gui)
    kernel.ok("""
drawn = []
figure, axes = plt.subplots()
figure.canvas.mpl_connect('draw_event', drawn.append)
axes.plot([1, 2, 3])
""")
    wait_until(kernel, "len(drawn) > 0")
    count = kernel.value("len(drawn)")
    kernel.ok("axes.set_title('another')")
    wait_until(kernel, f"len(drawn) > {count}")
    kernel.ok("plt.close('all')")
    kernel.ok("%matplotlib inline")
    assert kernel.value("get_ipython().kernel.eventloop is None")
