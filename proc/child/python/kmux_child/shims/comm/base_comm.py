"""A comm: two objects, one in the kernel and one in the front end, that send each other messages."""

import logging
import uuid

log = logging.getLogger("comm")


class BaseComm:
    """One end. A subclass brings publish_msg(). `primary`: the other end is opened by making this."""

    def __init__(self, target_name="comm", data=None, metadata=None, buffers=None, comm_id=None, primary=True, target_module=None, topic=None, _open_data=None, _close_data=None, **_):
        self.target_name, self.target_module, self.primary = target_name, target_module, primary
        self.comm_id = comm_id or uuid.uuid4().hex
        self.topic = topic or f"comm-{self.comm_id}"
        self._open_data, self._close_data = _open_data or {}, _close_data or {}
        self._msg_callback = self._close_callback = None
        self._closed = True
        if primary:
            self.open(data=data, metadata=metadata, buffers=buffers)
        else:
            self._closed = False

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        raise NotImplementedError("a comm is sent by its subclass")

    def __del__(self):
        try:
            self.close(deleting=True)
        except Exception:
            pass  # at the interpreter's end nothing may be left to send with

    def open(self, data=None, metadata=None, buffers=None):
        from comm import get_comm_manager

        manager = get_comm_manager()
        manager.register_comm(self)
        try:
            self.publish_msg(
                "comm_open", data=self._open_data if data is None else data, metadata=metadata, buffers=buffers,
                target_name=self.target_name, target_module=self.target_module,
            )
        except Exception:
            manager.unregister_comm(self)
            raise
        self._closed = False

    def close(self, data=None, metadata=None, buffers=None, deleting=False):
        if self._closed:
            return
        self._closed = True
        self.publish_msg(
            "comm_close", data=self._close_data if data is None else data, metadata=metadata, buffers=buffers
        )
        if not deleting:
            from comm import get_comm_manager

            get_comm_manager().unregister_comm(self)

    def send(self, data=None, metadata=None, buffers=None):
        self.publish_msg("comm_msg", data=data, metadata=metadata, buffers=buffers)

    def on_msg(self, callback):
        self._msg_callback = callback

    def on_close(self, callback):
        self._close_callback = callback

    def handle_msg(self, msg):
        self._call(self._msg_callback, msg)

    def handle_close(self, msg):
        self._call(self._close_callback, msg)

    def _call(self, callback, msg):
        if callback is None:
            return
        from IPython import get_ipython

        shell = get_ipython()
        if shell is not None:
            shell.events.trigger("pre_execute")
        callback(msg)
        if shell is not None:
            shell.events.trigger("post_execute")


class CommManager:
    """The comms that are open, and what front ends may open."""

    def __init__(self, **_):
        self.comms, self.targets = {}, {}

    def register_target(self, target_name, f):
        """f(comm, message) is called when a front end opens a comm to `target_name`; it may be
        given as "module.function"."""
        if isinstance(f, str):
            import importlib

            module, _, name = f.rpartition(".")
            f = getattr(importlib.import_module(module), name)
        self.targets[target_name] = f

    def unregister_target(self, target_name, f):
        return self.targets.pop(target_name)

    def register_comm(self, comm):
        self.comms[comm.comm_id] = comm
        return comm.comm_id

    def unregister_comm(self, comm):
        self.comms.pop(comm.comm_id, None)

    def get_comm(self, comm_id):
        found = self.comms.get(comm_id)
        if found is None:
            log.warning("No such comm: %s", comm_id)
        return found

    def comm_open(self, stream, ident, msg):
        from comm import create_comm

        content = msg["content"]
        target = self.targets.get(content["target_name"])
        comm = create_comm(comm_id=content["comm_id"], primary=False, target_name=content["target_name"])
        self.register_comm(comm)
        if target is not None:
            try:
                target(comm, msg)
                return
            except Exception:
                log.error("Exception opening comm with target: %s", content["target_name"], exc_info=True)
        else:
            log.error("No such comm target registered: %s", content["target_name"])
        comm.close()

    def comm_msg(self, stream, ident, msg):
        comm = self.get_comm(msg["content"]["comm_id"])
        if comm is not None:
            comm.handle_msg(msg)

    def comm_close(self, stream, ident, msg):
        comm = self.get_comm(msg["content"]["comm_id"])
        if comm is not None:
            comm._closed = True
            self.unregister_comm(comm)
            comm.handle_close(msg)
