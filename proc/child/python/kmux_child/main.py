"""The kernel's process, from its arguments to its end."""

import gc
import os
import sys

USAGE = """usage: python -m kmux_child -f CONNECTION_FILE [IPython options]
       python -m kmux_child install [--user | --sys-prefix | --prefix PREFIX] [--name NAME]
                                    [--display-name TEXT] [--env NAME VALUE]
"""
OLDEST_PYTHON = (3, 9)
NO_IPYTHON = """kmux_child: this Python has no IPython, which runs the cells.
Install it there:    {python} -m pip install ipython
(reason: {reason})
"""


def main(arguments):
    """Runs one kernel, or installs a kernelspec; returns the exit code."""
    if sys.version_info < OLDEST_PYTHON:
        sys.stderr.write("kmux_child: Python %d.%d or newer is needed, this is %s.\n" % (*OLDEST_PYTHON, sys.version.split()[0]))
        return 1
    if arguments[:1] == ["install"]:
        from kmux_child.install import install

        return install(arguments[1:])
    file = connection_file(arguments)
    if file is None:
        sys.stderr.write(USAGE)
        return 2
    # Inline figures, unless somebody has chosen already; matplotlib reads it when it is imported.
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    # Imports make no garbage, and a collection looks at all that they have made.
    gc.disable()
    try:
        from kmux_child.warm import Warm
    except ImportError as problem:
        sys.stderr.write(NO_IPYTHON.format(python=sys.executable, reason=problem))
        return 1
    from kmux_child import kept
    from kmux_child.process import run

    kept.keep()
    try:
        return run(Warm(arguments), file)
    except (OSError, RuntimeError) as problem:
        sys.stderr.write(f"kmux_child: {problem}\n")
        return 1


def connection_file(arguments):
    """The value of -f FILE, --f FILE, --f=FILE or -f=FILE."""
    for position, word in enumerate(arguments):
        for flag in ("--f=", "-f="):
            if word.startswith(flag):
                return word[len(flag):]
        if word in ("-f", "--f") and position + 1 < len(arguments):
            return arguments[position + 1]
    return None
