"""Whose output it is: the request that the running code belongs to.

A context variable, so that tasks and callbacks keep to the cell that made them; threads get it
from whoever started them; what has none (a C library's thread) belongs to the latest cell.
"""

import contextvars
import threading

from kmux_child.messages import loads

#: An Execution of _kmux, or None.
current = contextvars.ContextVar("kmux_child_parent", default=None)


class Latest:
    """The cell that began last on the main shell."""

    execution = None


def execution():
    return current.get() or Latest.execution


def header():
    """The parent header of what is said now, a dict; {} before the first cell."""
    it = execution()
    return loads(it.header) if it is not None else {}


class Follows:
    """What ipykernel's shell, streams and publishers have to say whose their output is. Output follows
    the running code here: only a thread can be told that it works for another request."""

    @property
    def parent_header(self):
        return header()

    @parent_header.setter
    def parent_header(self, value):
        """There is nothing to set."""

    def set_parent(self, value):
        """There is nothing to set."""

    def set_thread_parent(self, value):
        """Output of this thread belongs to the request `value`, if it is one that we have seen."""
        return current.set(_kernel().find_execution(value))

    def reset_thread_parent(self, token):
        current.reset(token)

    @property
    def session(self):
        return _kernel().session

    @session.setter
    def session(self, value):
        """There is one."""

    @property
    def pub_socket(self):
        return _kernel().iopub_socket

    @pub_socket.setter
    def pub_socket(self, value):
        """There is one."""


def _kernel():
    from kmux_child.face import kernel

    return kernel()


def follow_threads():
    """A thread prints into the cell that started it."""
    start, bootstrap = threading.Thread.start, threading.Thread._bootstrap_inner

    def start_as_mine(self):
        self._kmux_parent = current.get()
        return start(self)

    # The outermost function of a thread: its frame is in no traceback.
    def bootstrap_as_its_starter(self):
        parent = getattr(self, "_kmux_parent", None)
        if parent is not None:
            current.set(parent)
        bootstrap(self)

    start_as_mine.__doc__, start_as_mine.__name__ = start.__doc__, "start"
    threading.Thread.start = start_as_mine
    threading.Thread._bootstrap_inner = bootstrap_as_its_starter
