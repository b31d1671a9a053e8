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


@contextlib.contextmanager
def no_history(config):
    """HistoryManager starts a thread and opens a database: not before a fork."""
    wanted = config.HistoryManager.get("enabled")
    config.HistoryManager.enabled = False
    try:
        yield
    finally:
        if wanted is None:
            del config.HistoryManager["enabled"]
        else:
            config.HistoryManager.enabled = wanted
