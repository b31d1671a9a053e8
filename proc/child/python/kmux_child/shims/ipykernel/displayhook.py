from kmux_child.display import ZMQShellDisplayHook

__all__ = ["ZMQShellDisplayHook"]
