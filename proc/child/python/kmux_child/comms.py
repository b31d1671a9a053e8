"""Comms over our iopub: what `comm`, and so ipywidgets, sends."""

import comm
from comm.base_comm import BaseComm, CommManager as BaseCommManager

from kmux_child.messages import dumps


class Comm(BaseComm):
    def __init__(self, target_name="comm", data=None, metadata=None, buffers=None, comm_id=None, primary=True, target_module=None, topic=None, _open_data=None, _close_data=None, **_):
        self.kernel = None
        more = {} if comm_id is None else {"comm_id": comm_id}
        super().__init__(
            target_name=target_name, data=data, metadata=metadata, buffers=buffers, primary=primary,
            target_module=target_module, topic=topic, _open_data=_open_data, _close_data=_close_data, **more,
        )

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        from kmux_child.display import publish

        content = {"data": {} if data is None else data, "comm_id": self.comm_id, **keys}
        publish(msg_type, dumps(content), dumps(metadata or {}), buffers or ())


class CommManager(BaseCommManager):
    def __init__(self, kernel=None, **_):
        super().__init__()
        self.kernel = kernel


def take_over(manager):
    """The factories of the `comm` package make ours from now on."""
    comm.create_comm = Comm
    comm.get_comm_manager = lambda: manager
