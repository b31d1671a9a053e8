from kmux_child.warm import IPKernelApp

__all__ = ["IPKernelApp"]
