from kmux_child.display import ZMQDisplayPublisher, ZMQShellDisplayHook
from kmux_child.shell import ZMQInteractiveShell

__all__ = ["ZMQDisplayPublisher", "ZMQInteractiveShell", "ZMQShellDisplayHook"]
