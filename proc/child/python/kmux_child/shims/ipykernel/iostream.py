from kmux_child.face import IOPubThread
from kmux_child.streams import OutStream

__all__ = ["IOPubThread", "OutStream"]
