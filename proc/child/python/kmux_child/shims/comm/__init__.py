"""The `comm` package's interface, for environments that do not have it."""

from .base_comm import BaseComm, CommManager

__version__ = "0.2.0"


def create_comm(*arguments, **keywords):
    return BaseComm(*arguments, **keywords)


_manager = None


def get_comm_manager():
    global _manager
    if _manager is None:
        _manager = CommManager()
    return _manager
