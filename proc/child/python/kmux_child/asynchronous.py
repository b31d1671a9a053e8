"""A thread's asyncio loop, and the cells, one at a time, that run on it."""

import asyncio
import contextvars
import signal
import sys
from contextlib import suppress
from functools import partial

from IPython.core.async_helpers import _asyncio_runner, _pseudo_sync_runner

from kmux_child import parent
from kmux_child.messages import dumps

TASKS_TAKE_A_CONTEXT = sys.version_info >= (3, 11)
LEAVE = 0.2  # seconds for a cell that is cancelled at the end: twice that is below the control loop's patience


class Cell:
    """One execute_request."""

    task = None  #: where it awaits
    runs = False  #: in a guarded call
    interrupted = False

    def __init__(self, world, code, silent, store_history):
        self.world, self.code, self.silent, self.store_history = world, code, silent, store_history


class Runner:
    """Runs the cells of one shell loop on its thread.

    Interrupts: `guarded` calls raise KeyboardInterrupt wherever they are. A cell that awaits is
    cancelled instead, and told as KeyboardInterrupt. Between those nothing is hit, so that no reply
    is lost; what comes there before the cell runs, it finds when it does.
    """

    def __init__(self, shell, native, feed):
        self.shell, self.native, self.feed = shell, native, feed
        self.loop = asyncio.new_event_loop()
        self.cell = None
        self.leaves = False  #: the shell has ended, and its cell is being cancelled
        self.missed = 0  #: the latest request's serial when an interrupt found no cell: those up to it are hit
        # One context for all cells: what a cell sets in a ContextVar is there in the next.
        self.context = contextvars.copy_context()

    # The loop.

    def run(self):
        """Until the kernel stops. asyncio goes on between the cells, and while they await."""
        asyncio.set_event_loop(self.loop)
        self.loop.add_reader(self.feed.fileno(), self._turn)
        while not self.feed.stopped():
            try:
                self.loop.run_forever()
            except (KeyboardInterrupt, SystemExit):
                pass  # of a task; its own exception says so to who awaits it
        self.loop.remove_reader(self.feed.fileno())
        if self.cell is not None and self.cell.task is not None:
            self._leave(self.cell)

    def _leave(self, cell):
        """What still awaits is cancelled, as by an interrupt, so that its client gets a reply."""
        self.leaves = cell.interrupted = True
        cell.task.cancel()
        for _ in range(2):  # a KeyboardInterrupt of the task's own ends the first
            with suppress(KeyboardInterrupt, SystemExit):
                self.loop.run_until_complete(asyncio.wait([cell.task], timeout=LEAVE))
        if self.cell is cell:
            self._end(cell, None, KeyboardInterrupt())

    def _turn(self):
        self.feed.turn()
        if self.feed.stopped():
            self.loop.stop()

    # Cells.

    def start(self, cell):
        self.cell = cell
        if self.missed >= cell.world.serial or (self.feed.id and cell.world.interrupted()):
            cell.interrupted = True
        self.context.run(parent.current.set, cell.world)
        self.shell.forget_error()
        transformed, problem = self._transform(cell.code)
        if problem is not None and problem[0] is KeyboardInterrupt:
            self._end(cell, None, problem[1])
            return
        arguments = {"store_history": cell.store_history, "silent": cell.silent, **self._meta(cell)}
        if self._awaits(cell.code, transformed, problem):
            coroutine = self.shell.run_cell_async(
                cell.code, transformed_cell=transformed, preprocessing_exc_tuple=problem, **arguments
            )
            if TASKS_TAKE_A_CONTEXT:
                cell.task = self.loop.create_task(coroutine, context=self.context)
            else:
                cell.task = self.context.run(self.loop.create_task, coroutine)
            cell.task.add_done_callback(partial(self._awaited, cell))
            if cell.interrupted:
                cell.task.cancel()
        else:
            run = partial(self.shell.run_cell, cell.code, **arguments)
            if self.shell.loop_runner not in (_asyncio_runner, _pseudo_sync_runner):
                run = partial(self._with_usual_interrupts, run)
            result, problem = self.native.guarded(self.context.run, self._run, cell, run)
            self._end(cell, result, problem)

    def _run(self, cell, run):
        cell.runs = True
        try:
            if cell.interrupted:
                raise KeyboardInterrupt
            return run()
        finally:
            cell.runs = False

    def _with_usual_interrupts(self, run):
        """trio and curio take SIGINT where Python's own handler has it, and interrupt their way."""
        if self is not self.shell.kernel.main_runner:
            return run()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return run()
        finally:
            self.shell.kernel.take_signals()

    def _meta(self, cell):
        return self.shell.kernel.cell_arguments(cell.world)

    def _transform(self, code):
        result, problem = self.native.guarded(self.context.run, self.shell.transform_once, code)
        if problem is None:
            return result, None
        return code, (type(problem), problem, problem.__traceback__)

    def _awaits(self, code, transformed, problem):
        return self.shell.loop_runner is _asyncio_runner and self.shell.should_run_async(
            code, transformed_cell=transformed, preprocessing_exc_tuple=problem
        )

    def _awaited(self, cell, task):
        result = problem = None
        if task.cancelled():
            problem = KeyboardInterrupt() if cell.interrupted else asyncio.CancelledError()
        else:
            problem = task.exception()
            result = task.result() if problem is None else None
        self._trigger("post_execute")
        if not cell.silent:
            self._trigger("post_run_cell", result)
        self._end(cell, result, problem)

    def _trigger(self, event, *arguments):
        self.native.guarded(self.context.run, self.shell.events.trigger, event, *arguments)

    def _end(self, cell, result, problem):
        shell = self.shell
        if self.native.forked():
            self._end_fork()
        if problem is not None:
            # It came out of IPython itself: an interrupt between the user's code and ours.
            self.context.run(shell._showtraceback, type(problem), problem, [f"{type(problem).__name__}: {problem}"])
        failed = problem is not None or not result.success or shell.display_failed
        expressions = b"{}"
        wanted = None if failed else self.shell.kernel.user_expressions(cell.world)
        if wanted:
            values, problem = self.native.guarded(self.context.run, shell.user_expressions, wanted)
            expressions = dumps(values if problem is None else {})
        payload = shell.payload_manager.read_payload()
        if payload:
            shell.payload_manager.clear_payload()
        ename, evalue, traceback = self._error(result) if failed else ("", "", [])
        self.cell = None
        cell.world.finish(
            not failed, ename, evalue, traceback, dumps(payload) if payload else b"[]", expressions,
            shell.end_count(),
        )
        if shell.exit_now:
            shell.exit_now = False
            self.native.stop()

    def _error(self, result):
        if self.shell.last_error is not None:
            return self.shell.last_error
        error = result.error_before_exec or result.error_in_exec
        return type(error).__name__, str(error), self.shell._last_traceback or []

    def _end_fork(self):
        """os.fork() in a cell: the child must not serve its parent's clients."""
        import os

        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

    # Interrupts.

    def running_step(self):
        """The cell's task is not waiting: it runs, or another one does."""
        return asyncio.current_task(self.loop) is not None

    def interrupt(self, asked, late):
        """SIGINT has come while `asked` was the latest request, and no guarded call runs, or one of a
        request that has come since: `late`. True: raise here and now."""
        if self.leaves:
            return False
        cell, current = self.cell, asyncio.current_task(self.loop)
        if late and (cell is None or cell.world.serial > asked):
            return False
        if cell is None or cell.task is None or cell.task.done():
            if cell is not None:
                cell.interrupted = True
            elif current is None:
                self.missed = asked
            return cell is None and current is not None  # a background task that spins
        again, cell.interrupted = cell.interrupted, True
        if not late and (current is cell.task or (current is not None and again)):
            return True
        cell.task.cancel()
        # select() would sleep on: being on its own thread, call_soon does not wake it.
        self.loop.call_soon_threadsafe(_nothing)
        return False


def _nothing():
    pass
