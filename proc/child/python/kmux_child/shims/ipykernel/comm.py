from kmux_child.comms import Comm, CommManager

__all__ = ["Comm", "CommManager"]
