"""A kernel imports IPython without its terminal, and a shell without its history: for a while."""

import contextlib
import sys
import types

TERMINAL = "IPython.terminal.embed"


@contextlib.contextmanager
def terminal():
    """`import IPython` imports prompt_toolkit and all of the terminal for the sake of one name,
    embed(). A stand-in spares a third of the time; whoever wants the terminal gets the real one."""
    if "IPython" in sys.modules:
        yield
        return
    stand_in = types.ModuleType(TERMINAL)
    stand_in.embed = _embed
    sys.modules[TERMINAL] = stand_in
    try:
        yield
    finally:
        if sys.modules.get(TERMINAL) is stand_in:
            del sys.modules[TERMINAL]
            package = sys.modules.get("IPython.terminal")
            if package is not None and getattr(package, "embed", None) is stand_in:
                del package.embed


def _embed(*arguments, **keywords):
    from IPython.terminal.embed import embed

    return embed(*arguments, **keywords)


_real = {}


def hide_history(manager):
    """HistoryManager starts a thread and opens a database: not before a fork."""
    if "enabled" in _real:
        return
    _real["enabled"] = manager.enabled.default_value
    manager.enabled.default_value = False


def show_history(manager):
    manager.enabled.default_value = _real.pop("enabled")
