"""IPython's history, written between the cells instead of after each."""

import threading

PAUSE = 0.05  # seconds: what a crash may take with it


def write_later(manager, loop):
    """A commit takes longer than a cell, and the next cell would wait for it: cells in quick
    succession are written together. `loop` is the main thread's."""
    if not manager.enabled or not hasattr(manager, "save_flag"):
        return
    flag, main = manager.save_flag, threading.get_ident()
    wake = flag.set
    waiting = []

    def write():
        waiting.clear()
        wake()

    def set_later():
        # It is told so to end, too: under two names, in IPython 8 and 9.
        if getattr(manager.save_thread, "_stop_now", False) or getattr(manager.save_thread, "stop_now", False):
            wake()
        elif not waiting:
            waiting.append(True)
            if threading.get_ident() == main:
                loop.call_later(PAUSE, write)
            else:
                loop.call_soon_threadsafe(loop.call_later, PAUSE, write)

    flag.set = set_later
