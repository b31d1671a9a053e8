"""Everything of a kernel that does not need threads, sockets or a connection file.

A process that has made a Warm may be forked: nothing in it runs yet. The history, which has a
thread and a database, waits for start().
"""

import importlib

from kmux_child import lazy

with lazy.terminal():
    from IPython.core.application import BaseIPythonApplication, base_aliases, base_flags
    from IPython.core.history import HistoryManager
    from IPython.core.profiledir import ProfileDir
    from IPython.core.shellapp import InteractiveShellApp, shell_aliases, shell_flags
from traitlets import Any, Bool, Float, Unicode
from traitlets.config import Configurable, catch_config_error

import kmux_child.asynchronous  # noqa: F401  asyncio, before the fork
from kmux_child.shell import ZMQInteractiveShell
from kmux_child.shims import finder


class Kernel(Configurable):
    """What ipykernel's class of this name can be told, as far as it means something here."""

    stop_on_error_timeout = Float(0.0, help="After a cell has failed, those that come within these seconds are aborted").tag(config=True)


class IPythonKernel(Kernel):
    """The same; configurations have either name."""


class IPKernelApp(BaseIPythonApplication, InteractiveShellApp):
    """IPython's configuration: profiles, configuration files, startup files, extensions.

    Of ipykernel's name, because configuration files and libraries have it.
    """

    name = Unicode("ipython-kernel")
    description = Unicode("A Python kernel of kmux")
    classes = [ZMQInteractiveShell, ProfileDir, HistoryManager, IPythonKernel]
    aliases = {**base_aliases, **shell_aliases, "f": "IPKernelApp.connection_file"}
    flags = {**base_flags, **shell_flags}

    connection_file = Unicode("").tag(config=True)
    capture_fd_output = Bool(True, help="Output to descriptors 1 and 2 is shown").tag(config=True)
    subshells = Bool(False, help="Offer subshells (JEP 91)").tag(config=True)
    kernel = Any()
    shell = Any()
    options = Any()

    @catch_config_error
    def read_options(self):
        self.options = IPythonKernel(parent=self)

    def make_shell(self, user_module=None, user_ns=None):
        self.init_path()
        self.shell = ZMQInteractiveShell.instance(
            parent=self, profile_dir=self.profile_dir, user_module=user_module, user_ns=user_ns
        )
        self.shell.configurables.append(self)

    def run_startup(self):
        """What the configuration wants to be run; what it prints belongs to no cell."""
        self.init_gui_pylab()
        self.init_extensions()
        self.init_code()


class Warm:
    """`to_fork`: everything is imported that a kernel may need, for all forks at once. `app` and
    `namespace` (user_module, user_ns) are for kernels within a program."""

    def __init__(self, arguments=(), to_fork=False, app=None, namespace=()):
        self.app = app or IPKernelApp.instance()
        BaseIPythonApplication.initialize(self.app, known(arguments))
        self.app.read_options()
        # Libraries recognise a notebook by this section.
        self.app.config.setdefault("IPKernelApp", self.app.config.get("IPKernelApp", {}))
        with lazy.no_history(self.app.config):
            self.app.make_shell(*namespace)
        self.shell = self.app.shell
        finder.install()
        if to_fork:
            for module in ("kmux_child.process", "kmux_child.comms", "kmux_child.eventloops", "pdb", "sqlite3"):
                importlib.import_module(module)
        self.shell.config.setdefault("IPKernelApp", self.app.config["IPKernelApp"])

    def start(self):
        """After the fork, if there is one."""
        self.shell.init_history()
        self.shell.init_user_ns()
        self.shell.user_ns["In"] = self.shell.user_ns["_ih"] = self.shell.history_manager.input_hist_parsed


def known(arguments):
    """Without what front ends add that nobody here knows: it is not to keep a kernel from starting."""
    names = set()
    for each in (*IPKernelApp.aliases, *IPKernelApp.flags):
        names.update([each] if isinstance(each, str) else each)
    takes_value = {name for name in names if name in IPKernelApp.aliases} - {"f"}
    kept, words = [], list(arguments)
    while words:
        word = words.pop(0)
        name, equals, _ = word.lstrip("-").partition("=")
        value = [words.pop(0)] if not equals and name in takes_value | {"f"} and words else []
        if word.startswith("-") and name != "f" and ("." in name or name in names):
            kept += [word, *value]
    return kept
