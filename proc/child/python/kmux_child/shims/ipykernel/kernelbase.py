from kmux_child.face import Kernel

__all__ = ["Kernel"]
