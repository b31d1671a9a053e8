"""What _kmux calls: one method for each request that needs Python."""

import sys
import threading

from IPython.utils.tokenutil import token_at_cursor

from kmux_child import parent
from kmux_child.asynchronous import Cell, Runner
from kmux_child.messages import dumps, loads


class Language:
    """The methods return JSON where they return something. An exception that leaves one is shown
    in the kernel's log, and the client gets an empty answer."""

    def __init__(self, shell):
        self.shell = shell
        self.main = None  #: the main shell's Runner
        self.threads = {}  #: subshell id → (Runner, thread ident)
        self.here = threading.local()  #: .runner: this thread's

    def runner(self):
        return getattr(self.here, "runner", self.main)

    # Cells.

    def count_cell(self, stored):
        return self.shell.begin_count(stored)

    def execute(self, world, code, silent, store_history):
        runner = self.runner()
        if runner is self.main:
            parent.Latest.execution = world
            runner.native.set_latest(world)
            self.shell.kernel.before_cell(world)
        runner.start(Cell(world, code, silent, store_history))

    def comm(self, world, kind):
        runner = self.runner()
        context = runner.context.copy()
        context.run(parent.current.set, world)
        message = self.shell.kernel.message(world)
        handle = getattr(self.shell.kernel.comm_manager, kind)
        problem = runner.native.guarded(context.run, handle, None, None, message)[1]
        if problem is not None:
            context.run(self._show, problem)

    def _show(self, problem):
        """An exception of a comm's handler: nobody gets a reply that could tell it."""
        self.shell.showtraceback((type(problem), problem, problem.__traceback__))

    # Questions about code. Any thread.

    def complete(self, code, cursor_pos):
        from IPython.core.completer import provisionalcompleter, rectify_completions

        with provisionalcompleter():
            found = list(rectify_completions(code, self.shell.Completer.completions(code, cursor_pos)))
        start, end = (found[0].start, found[0].end) if found else (cursor_pos, cursor_pos)
        types = [
            {"start": each.start, "end": each.end, "text": each.text, "type": each.type, "signature": each.signature}
            for each in found
        ]
        return dumps({
            "matches": [each.text for each in found],
            "cursor_start": start,
            "cursor_end": end,
            "metadata": {"_jupyter_types_experimental": types},
        })

    def inspect(self, content):
        asked = loads(content)
        code = asked.get("code", "")
        name = token_at_cursor(code, asked.get("cursor_pos", len(code)))
        try:
            data = dict(self.shell.object_inspect_mime(
                name, detail_level=asked.get("detail_level", 0), omit_sections=asked.get("omit_sections", ())
            ))
        except KeyError:
            return dumps({"found": False, "data": {}, "metadata": {}})
        if not self.shell.enable_html_pager:
            data.pop("text/html", None)
        return dumps({"found": True, "data": data, "metadata": {}})

    def is_complete(self, code):
        status, indent = self.shell.input_transformer_manager.check_complete(code)
        if status == "incomplete":
            return dumps({"status": status, "indent": " " * (indent or 0)})
        return dumps({"status": status})

    # The rest.

    def history(self, content):
        asked = loads(content)
        kind, manager = asked.get("hist_access_type"), self.shell.history_manager
        how = {"raw": asked.get("raw", True), "output": asked.get("output", False)}
        found = []
        if kind == "tail":
            found = manager.get_tail(asked.get("n") or 0, include_latest=True, **how)
        elif kind == "range":
            found = manager.get_range(asked.get("session", 0), asked.get("start", 0), asked.get("stop"), **how)
        elif kind == "search":
            found = manager.search(asked.get("pattern") or "*", n=asked.get("n"), unique=asked.get("unique", False), **how)
        return dumps({"history": list(found)})

    def comm_info(self, content):
        target = loads(content).get("target_name")
        comms = self.shell.kernel.comm_manager.comms
        return dumps({"comms": {
            id: {"target_name": comm.target_name}
            for id, comm in list(comms.items())
            if target is None or comm.target_name == target
        }})

    def debug(self, content):
        return dumps(self.shell.kernel.debugger.process(loads(content)))

    def stacks(self):
        """What each thread is doing now, but for the one that looks."""
        names = {each.ident: each.name for each in threading.enumerate()}
        mine = threading.get_ident()
        return dumps({"threads": [
            {"id": ident, "name": names.get(ident, ""), "frames": _frames_of(frame)}
            for ident, frame in sys._current_frames().items() if ident != mine
        ]})

    # Subshells.

    def run_subshell(self, feed):
        runner = Runner(self.shell, self.main.native, feed)
        self.here.runner = runner
        self.threads[feed.id] = (runner, threading.get_ident())
        try:
            runner.run()
        finally:
            del self.threads[feed.id]

    def interrupt_subshell(self, id):
        runner, thread = self.threads.get(id, (None, None))
        if runner is None or runner.cell is None or runner.leaves:
            return
        cell = runner.cell
        if not cell.world.interrupted():
            return  # we come late: the one that was meant has ended
        cell.interrupted = True
        if cell.runs or (cell.task is not None and runner.running_step()):
            runner.native.raise_in(thread)
        elif cell.task is not None and not runner.feed.stopped():  # then it is cancelled there
            runner.loop.call_soon_threadsafe(cell.task.cancel)


def _frames_of(frame):
    """The innermost last, without the kernel's own: where it runs a cell, all that is further out
    is the same for every cell."""
    found = []
    while frame is not None and (module := frame.f_globals.get("__name__") or "") != "kmux_child.asynchronous":
        if not module.startswith("kmux_child"):
            code = frame.f_code
            found.append({"file": code.co_filename, "line": frame.f_lineno, "function": code.co_name})
        frame = frame.f_back
    return found[::-1]
