"""embed_kernel(): a kernel inside a program, for a while.

The main thread is the kernel's meanwhile. The process stays the program's: its descriptors 1 and 2,
SIGTERM, exit handlers and import path are left alone, and what a kernel has to take is given back.
"""

import contextlib
import inspect
import json
import os
import re
import shlex
import sys
import tempfile
import threading

from kmux_child.borrowed import borrow, end_loop, end_shell, kept_interrupts, kept_streams
from kmux_child.install import user_data_directory
from kmux_child.shims import finder

# `ipykernel.embed` is ours from now on, and with it IPython.embed_kernel().
finder.find_ours()

#: What IPython puts where cells run.
IPYTHONS = re.compile(
    r"(_+|_i+|_\d+|_i\d+|_[dio]h|_exit_code|In|Out|open|exit|quit|get_ipython|__builtin__)\Z"
)
PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")

HOW_TO_CONNECT = """\
A Jupyter kernel runs in this program now. To connect to it:
    jupyter console --existing {file}
The program goes on when the kernel is shut down, by `exit` in a cell for example."""


def embed_kernel(module=None, local_ns=None, connection_file=None, **options):
    """Runs a kernel here and now, and returns when it has been shut down.

    Cells see the globals of `module` and the variables in the dict `local_ns`; those of the caller,
    where they are not given. What cells assign to variables of the caller is there afterwards.

    `connection_file` is a path, or a name in Jupyter's runtime directory; the file is made anew. `ip`
    and `shell_port`, `iopub_port` … say where the kernel listens (127.0.0.1, on free ports); other
    options are those of IPKernelApp.
    """
    check_that_it_is_possible()
    scope = Scope(sys._getframe(1), module, local_ns)
    where = {name: options.pop(name) for name in ("ip", *PORTS) if name in options}
    with contextlib.ExitStack() as borrowed:
        serve(scope, connection_path(connection_file), where, options, borrowed)


def check_that_it_is_possible():
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(
            "embed_kernel() must be called on the main thread: a kernel runs its cells there, where interrupts come. "
            f"This is {threading.current_thread().name}"
        )
    face = sys.modules.get("kmux_child.face")
    running = face.kernel() if face is not None else None
    if running is not None:
        raise RuntimeError(
            f"There is a kernel in this process already, connect to it with --existing {running.connection_file}. "
            "embed_kernel() can start another one when it has ended"
        )


def serve(scope, path, where, options, borrowed):
    """Serves until the kernel's end; `borrowed` (an ExitStack) makes the process the program's."""
    try:
        import IPython  # noqa: F401  with its terminal: a program may have its own use for that
    except ImportError as problem:
        raise ImportError(
            f"embed_kernel() needs IPython, which runs the cells: {sys.executable} -m pip install ipython"
        ) from problem
    from kmux_child.language import Language
    from kmux_child.process import begin
    from kmux_child.warm import Warm

    borrowed.callback(scope.give_back)
    borrow(borrowed, scope.module)
    warm = Warm(app=make_app(options), namespace=(scope.module, scope.names))
    app, shell = warm.app, warm.shell
    app.connection_file = path
    borrowed.callback(end_shell, shell)
    warm.start()
    language = Language(shell)
    native = bind(app, language, path, where)
    borrowed.callback(remove, path)
    borrowed.callback(native.release)
    borrowed.enter_context(kept_interrupts())
    borrowed.enter_context(kept_streams())
    borrowed.callback(native.finish)
    borrowed.callback(native.close)
    print(HOW_TO_CONNECT.format(file=shlex.quote(path)), flush=True)
    begin(app, shell, native, language)
    borrowed.callback(end_loop, language.main.loop)
    app.run_startup()
    language.main.run()


def make_app(options):
    from kmux_child.warm import IPKernelApp

    class EmbeddedApp(IPKernelApp):
        """Leaves alone what is the program's."""

        def init_crash_handler(self):
            """Exceptions that nobody handles are the program's."""

        def init_path(self):
            """The program has one."""

        def run_startup(self):
            """Startup files are for a kernel's own namespace."""
            self.init_gui_pylab()
            self.init_extensions()

        def exit(self, exit_status=0):
            raise RuntimeError("IPython's configuration cannot be used")

    unknown = sorted(set(options) - {"config", *EmbeddedApp.class_trait_names()})
    if unknown:
        raise TypeError(f"embed_kernel() knows no option {unknown[0]!r}")
    return EmbeddedApp.instance(**options)


class Scope:
    """Where cells run: the module of their globals, and a dict of variables."""

    def __init__(self, frame, module, local_ns):
        #: A function's variables are in no dict: cells have a copy, and its frame gets what changed.
        self.frame = None
        if local_ns is None:
            local_ns = frame.f_locals
            if frame.f_code.co_flags & inspect.CO_OPTIMIZED:
                self.frame, self.copied, local_ns = frame, dict(local_ns), dict(local_ns)
        if not isinstance(local_ns, dict):
            raise TypeError(f"local_ns must be a dict, not {type(local_ns).__name__}")
        self.names, self.module = local_ns, module_of(frame) if module is None else module
        self.before = {name: value for name, value in local_ns.items() if is_ipythons(name)}
        self.had_builtin = "__builtin__" in vars(self.module)

    def give_back(self):
        for name in [each for each in self.names if is_ipythons(each)]:
            if name in self.before:
                self.names[name] = self.before[name]
            else:
                del self.names[name]
        if not self.had_builtin:
            vars(self.module).pop("__builtin__", None)
        if self.frame is not None:
            set_locals(self.frame, {
                name: self.names[name] for name, value in self.copied.items() if self.names.get(name, value) is not value
            })


def is_ipythons(name):
    return isinstance(name, str) and IPYTHONS.match(name) is not None


def module_of(frame):
    names = frame.f_globals
    module = sys.modules.get(names.get("__name__"))
    if module is None or getattr(module, "__dict__", None) is not names:
        names.setdefault("__name__", "__main__")
        module = Unlisted()
        module.__dict__ = names
    return module


class Unlisted:
    """A module for globals whose own cannot be found."""

    __spec__ = None


def set_locals(frame, values):
    if not values:
        return
    frame.f_locals.update(values)
    if sys.version_info < (3, 13):  # which writes through
        import ctypes

        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))


# The connection file.


def connection_path(name):
    """As jupyter_core has it: jupyter_runtime_dir()."""
    name = os.fspath(name) if name else f"kernel-{os.getpid()}.json"
    if os.path.basename(name) != name:
        return os.path.abspath(name)
    directory = os.environ.get("JUPYTER_RUNTIME_DIR") or os.path.join(user_data_directory(), "runtime")
    return os.path.abspath(os.path.join(directory, name))


#: Path → what the last kernel's file of this name said: clients that have stayed find the next one.
_before = {}


def bind(app, language, path, where):
    """The native kernel; its connection file is there."""
    from kmux_child._kmux import Kernel
    from kmux_child.process import kernel_info

    fresh = {
        "transport": "tcp", "ip": "127.0.0.1", **dict.fromkeys(PORTS, 0), **where,
        "key": os.urandom(32).hex(), "signature_scheme": "hmac-sha256", "kernel_name": "",
    }

    def create(content):
        with made_connection_file(path, content) as name:
            native = Kernel(
                name, language, kernel_info(app.shell), app.subshells, False, False,
                app.options.stop_on_error_timeout, True,
            )
            with open(name) as file:
                _before[path] = json.load(file)
            return native

    if path in _before:
        with contextlib.suppress(RuntimeError):  # somebody else may have one of the ports by now
            return create({**_before[path], **where})
    return create(fresh)


@contextlib.contextmanager
def made_connection_file(path, content):
    """A file beside `path`, for the kernel to write its ports into; it becomes that at the end, so that
    nobody reads half of it."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    descriptor, fresh = tempfile.mkstemp(prefix=os.path.basename(path) + ".", dir=os.path.dirname(path))  # 0600
    try:
        with open(descriptor, "w") as file:
            json.dump(content, file)
        yield fresh
        os.replace(fresh, path)
    except BaseException:
        remove(fresh)
        raise


def remove(path):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
