"""python -m kmux_child install: the kernelspec with which Jupyter's programs find this kernel.

The standard library is enough for it: jupyter_client may live in another environment.
"""

import argparse
import importlib.util
import json
import os
import re
import sys

DESCRIPTION = "Makes this Python a kernel of Jupyter's: writes a kernelspec for it."
#: Jupyter's own rule. "." and ".." keep it, but name directories that are there already.
VALID_NAME = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]+\Z")


def install(arguments):
    """Does what the words after `install` say; returns the exit code."""
    try:
        options = parser().parse_args(arguments)
    except SystemExit as end:  # --help, or a mistake, which argparse has shown
        return end.code or 0
    directory = os.path.join(data_directory(options), "kernels", options.name.lower())
    text = json.dumps(kernelspec(options.display_name, dict(options.env)), indent=1) + "\n"
    try:
        os.makedirs(directory, exist_ok=True)
        replace(os.path.join(directory, "kernel.json"), text)
    except OSError as problem:
        sys.stderr.write(f"kmux_child: cannot write the kernelspec into {directory}: {problem.strerror or problem}\n")
        return 1
    print(f"Installed kernelspec {options.name.lower()} in {directory}")
    if importlib.util.find_spec("IPython") is None:
        sys.stderr.write(f"kmux_child: it needs IPython to start:    {sys.executable} -m pip install ipython\n")
    return 0


def parser():
    it = argparse.ArgumentParser(prog="python -m kmux_child install", description=DESCRIPTION)
    place = it.add_mutually_exclusive_group()
    place.add_argument("--user", action="store_true", help="for this user, in Jupyter's data directory (the default)")
    place.add_argument("--sys-prefix", action="store_true", help="into the environment of this Python")
    place.add_argument("--prefix", type=directory_name, help="into PREFIX/share/jupyter")
    it.add_argument("--name", type=kernel_name, default="kmux-python", help="the kernelspec's (default: %(default)s)")
    it.add_argument("--display-name", metavar="TEXT", default="Python 3 (kmux)",
                    help="what people choose it by (default: %(default)s)")
    it.add_argument("--env", nargs=2, action=Environment, metavar=("NAME", "VALUE"), default=[],
                    help="a variable for the kernel's environment; may be given again")
    return it


def kernel_name(text):
    """Letter case is no difference between two names: Jupyter looks for the lower-case one."""
    if not VALID_NAME.match(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no kernel's name: letters, digits, '.', '_' and '-' make one")
    return text


def directory_name(text):
    if not text:
        raise argparse.ArgumentTypeError("a directory is needed")
    return text


class Environment(argparse.Action):
    def __call__(self, parser, namespace, values, option=None):
        name = values[0]
        if not name or "=" in name:
            parser.error(f"argument {option}: {name!r} is no variable's name")
        namespace.env = [*namespace.env, tuple(values)]


def data_directory(options):
    if options.prefix is not None:
        return os.path.join(os.path.abspath(os.path.expanduser(options.prefix)), "share", "jupyter")
    if options.sys_prefix:
        return os.path.join(sys.prefix, "share", "jupyter")
    return user_data_directory()


def user_data_directory():
    """jupyter_core.paths.jupyter_data_dir(), as it is on Linux."""
    own = os.environ.get("JUPYTER_DATA_DIR")
    if own:
        return os.path.abspath(own)
    home = os.path.realpath(os.path.expanduser("~"))
    share = os.environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
    return os.path.abspath(os.path.join(share, "jupyter"))


def kernelspec(display_name, env):
    spec = {
        "argv": [sys.executable, *program(), "-f", "{connection_file}"],
        "display_name": display_name,
        "language": "python",
        "interrupt_mode": "signal",
        "kernel_protocol_version": "5.5",
        "metadata": {"debugger": True, "supported_encryption": ["curve"]},
    }
    if env:
        spec["env"] = env
    return spec


def program():
    """How the kernel's own Python is told to run this package. By its name only where every
    process of that Python finds it: PYTHONPATH and the directory we were started in are ours."""
    package = os.path.dirname(os.path.realpath(__file__))
    passing = {os.path.realpath(each) for each in os.environ.get("PYTHONPATH", "").split(os.pathsep)}
    # sys.path[0] is where we were started; __main__ has seen to that.
    lasting = {os.path.realpath(each) for each in sys.path[1:]} - passing
    if os.path.basename(package) == "kmux_child" and os.path.dirname(package) in lasting:
        return ["-m", "kmux_child"]
    return [package]


def replace(path, text):
    """Writes a file that readers see as it was or as it will be, never half of it."""
    beside = f"{path}.{os.getpid()}"
    try:
        with open(beside, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        try:
            os.unlink(beside)
        except OSError:
            pass
        raise
