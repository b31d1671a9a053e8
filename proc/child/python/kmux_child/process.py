"""One kernel's life on the main thread."""

import atexit
import builtins
import faulthandler
import gc
import getpass
import os
import signal
import sys
import traceback

from IPython.core import release
from IPython.core.error import StdinNotImplementedError

from kmux_child import face, history, parent, streams
from kmux_child._kmux import Kernel
from kmux_child.asynchronous import Runner
from kmux_child.language import Language
from kmux_child.messages import dumps


def kernel_info(shell):
    version = "{}.{}.{}".format(*sys.version_info[:3])
    return dumps({
        "implementation": "ipython",
        "implementation_version": release.version,
        "banner": shell.banner,
        "language_info": {
            "name": "python",
            "version": version,
            "mimetype": "text/x-python",
            "file_extension": ".py",
            "codemirror_mode": {"name": "ipython", "version": sys.version_info[0]},
            "pygments_lexer": "ipython3",
            "nbconvert_exporter": "python",
        },
        "help_links": [
            {"text": "Python Reference", "url": "https://docs.python.org/%i.%i" % sys.version_info[:2]},
            {"text": "IPython Reference", "url": "https://ipython.org/documentation.html"},
            {"text": "NumPy Reference", "url": "https://docs.scipy.org/doc/numpy/reference/"},
            {"text": "SciPy Reference", "url": "https://docs.scipy.org/doc/scipy/reference/"},
            {"text": "Matplotlib Reference", "url": "https://matplotlib.org/contents.html"},
            {"text": "pandas Reference", "url": "https://pandas.pydata.org/pandas-docs/stable/"},
        ],
    })


def run(warm, connection_file):
    """Serves until the kernel's end; returns the exit code. Raises where the sockets cannot be
    bound."""
    app, shell = warm.app, warm.shell
    app.connection_file = os.path.abspath(connection_file)
    warm.start()
    language = Language(shell)
    native = Kernel(
        connection_file, language, kernel_info(shell), app.subshells, debugger_is_there(), app.capture_fd_output,
        app.options.stop_on_error_timeout, False,
    )
    # From here on, what the process writes is output of cells: its own errors go to its log.
    log = os.fdopen(os.dup(native.original(2)), "w", buffering=1)
    try:
        # The last of the exit handlers: what the others print is still shown.
        atexit.register(native.finish)
        faulthandler.disable()  # where it is on already: it has to come before our own handlers
        begin(app, shell, native, language)
        # It hands the signal on to those, which let the last words out.
        faulthandler.enable(log)
        gc.freeze()
        gc.enable()
        app.run_startup()
        language.main.run()
        native.close()
    except BaseException:
        traceback.print_exc(file=log)
        return 1
    return 0


def begin(app, shell, native, language):
    """The control loop runs, and the process is the kernel's."""
    kernel = face.install(app, shell, native, language)
    language.main = Runner(shell, native, native.shell())
    history.write_later(shell.history_manager, language.main.loop)
    take_the_process(native)
    parent.follow_threads()
    native.start(language.main.interrupt)
    kernel.take_signals()


def debugger_is_there():
    from importlib.util import find_spec

    return find_spec("debugpy") is not None


def take_the_process(native):
    """What a process has one of, and code expects to be the kernel's. What is added here has to be
    given back in borrowed.py."""
    asker = native.asker(parent.execution, StdinNotImplementedError)
    builtins.input, getpass.getpass = asker.input, asker.getpass
    os._exit = saying_all(native, os._exit)
    streams.redirect(native)
    signal.signal(signal.SIGINT, native.on_interrupt)


def saying_all(native, leave):
    def _exit(status):
        native.finish()
        leave(status)

    _exit.__doc__ = leave.__doc__
    return _exit
