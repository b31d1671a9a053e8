from kmux_child.shell import ZMQShellDisplayHook

__all__ = ["ZMQShellDisplayHook"]
