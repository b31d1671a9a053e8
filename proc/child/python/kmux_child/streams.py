"""sys.stdout and sys.stderr."""

import io
import sys

from kmux_child import parent


class _Buffer(io.RawIOBase):
    """Bytes for the same stream: what sys.stdout.buffer is for."""

    def __init__(self, stream):
        self._stream = stream
        self._rest = b""

    def writable(self):
        return True

    def write(self, data):
        import codecs

        data = bytes(data)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        text = decoder.decode(self._rest + data)
        self._rest = decoder.getstate()[0]
        self._stream.write(text)
        return len(data)

    def fileno(self):
        return self._stream.fileno()


class OutStream(parent.Follows, io.TextIOBase):
    """Text goes to the cell that writes it, at once; only a forked child has something to flush.

    Has what people look for on ipykernel's class of this name.
    """

    encoding = "utf-8"
    errors = "replace"
    newlines = None
    line_buffering = True
    echo = None
    topic = None

    def __init__(self, name, kernel):
        self.name = f"<{name}>"
        self._name = name
        self._kernel = kernel
        self._hooks = []
        self._writer = kernel.writer(name, parent.current.get)
        # On the instance: print() calls C, with nothing in between.
        self.write = self._writer.write
        self.buffer = _Buffer(self)

    def keep(self, size):
        """A copy of the next `size` bytes is kept; returns what was kept before."""
        return self._writer.keep(size)

    def writable(self):
        return True

    def isatty(self):
        return False

    def flush(self):
        self._writer.flush()

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def close(self):
        """Somebody's `with sys.stdout` must not end everybody's output."""

    def fileno(self):
        """Where the process wrote before its output was captured: its log."""
        return self._kernel.original(1 if self._name == "stdout" else 2)

    # What ipykernel's has.

    @property
    def pub_thread(self):
        from kmux_child.face import kernel

        return kernel().iopub_thread

    def _is_master_process(self):
        return not self._kernel.forked()

    def _flush(self):
        pass

    def register_hook(self, hook):
        """hook(message) is called with each message before it goes; it returns one, or None."""
        self._hooks.append(hook)
        self.write = self._write_hooked

    def unregister_hook(self, hook):
        try:
            self._hooks.remove(hook)
        except ValueError:
            return False
        if not self._hooks:
            self.write = self._writer.write
        return True

    def _write_hooked(self, text):
        from kmux_child.face import kernel

        session = kernel().session
        message = session.msg("stream", {"name": self._name, "text": text}, parent=parent.header())
        for hook in list(self._hooks):
            message = hook(message)
            if message is None:
                return len(text)
        session.send(kernel().iopub_socket, message)
        return len(text)


def redirect(kernel):
    """From now on, sys.stdout and sys.stderr are streams of messages."""
    for each in (sys.stdout, sys.stderr):
        if each is not None:  # a program without a terminal has none
            each.flush()
    sys.stdout, sys.stderr = OutStream("stdout", kernel), OutStream("stderr", kernel)
