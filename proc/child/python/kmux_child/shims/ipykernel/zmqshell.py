from kmux_child.shell import ZMQDisplayPublisher, ZMQInteractiveShell, ZMQShellDisplayHook

__all__ = ["ZMQDisplayPublisher", "ZMQInteractiveShell", "ZMQShellDisplayHook"]
