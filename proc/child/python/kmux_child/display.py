"""What code shows: displays and results, as messages."""

import threading
from contextlib import suppress

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from traitlets import Bool

from kmux_child import parent
from kmux_child.messages import dumps

EMPTY = b"{}"


def publish(kind, content, metadata=EMPTY, buffers=()):
    """On iopub, as output of the code that runs."""
    execution = parent.execution()
    if execution is not None:
        execution.publish(kind, content, metadata, buffers)
    else:
        from kmux_child.face import kernel

        kernel().native.publish(kind, content, metadata, buffers, EMPTY)


class Hooks(threading.local):
    """What libraries want to see of the messages of their thread, before they go."""

    def __init__(self):
        self.list = []

    def send(self, kind, content):
        from kmux_child.face import kernel

        session = kernel().session
        message = session.msg(kind, content, parent=parent.header())
        for hook in list(self.list):
            message = hook(message)
            if message is None:
                return
        session.send(kernel().iopub_socket, message)


class Hooked(parent.Follows):
    """register_hook() and unregister_hook(), for a class that has `hooks`."""

    def say(self, kind, content):
        if self.hooks.list:
            self.hooks.send(kind, content)
        else:
            publish(kind, dumps(content))

    def register_hook(self, hook):
        """hook(message) is called before a message goes; it returns one, or None to keep it."""
        self.hooks.list.append(hook)

    def unregister_hook(self, hook):
        with suppress(ValueError):
            self.hooks.list.remove(hook)
            return True
        return False


class ZMQDisplayPublisher(Hooked, DisplayPublisher):
    store_display_history = Bool(False).tag(config=True)
    topic = b"display_data"

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.hooks = Hooks()

    def publish(self, data, metadata=None, source=None, *, transient=None, update=False, **_):
        self._validate_data(data, metadata or {})
        if self.store_display_history and getattr(self, "shell", None) is not None:
            self._remember(data)
        self.say(
            "update_display_data" if update else "display_data",
            {"data": data, "metadata": metadata or {}, "transient": transient or {}},
        )

    def _remember(self, data):
        outputs = getattr(self.shell.history_manager, "outputs", None)
        if outputs is None:
            return
        from IPython.core.history import HistoryOutput

        count = self.shell.execution_count
        if getattr(self, "_in_post_execute", False):
            count -= 1
        outputs.setdefault(count, []).append(HistoryOutput(output_type="display_data", bundle=data))

    def clear_output(self, wait=False):
        self.say("clear_output", {"wait": wait})


class ZMQShellDisplayHook(Hooked, DisplayHook):
    topic = b"execute_result"

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.hooks = Hooks()
        self.msg = None

    def start_displayhook(self):
        self.msg = {}

    def write_output_prompt(self):
        self.msg["execution_count"] = self.prompt_count

    def write_format_data(self, format_dict, md_dict=None):
        self.msg["data"], self.msg["metadata"] = format_dict, md_dict or {}

    def finish_displayhook(self):
        content, self.msg = self.msg, None
        if content and content.get("data"):
            self.say("execute_result", content)
