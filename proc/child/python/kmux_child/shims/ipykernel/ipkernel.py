from kmux_child.face import Kernel

IPythonKernel = Kernel

__all__ = ["IPythonKernel", "Kernel"]
