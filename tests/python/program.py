"""A program that embeds a kernel, and that kernel."""

import os
import signal
import subprocess
import time
from textwrap import dedent

from jupyter_client import BlockingKernelClient
from kernel import PACKAGE, PATIENCE, Kernel

EMBED = "from kmux_child import embed_kernel\n"


class Program:
    """A Python program that embeds a kernel. Leads a process group, as one does that a shell has started."""

    def __init__(self, python, directory, text, **env):
        self.directory, self.log_path = directory, directory / "log"
        self.clients = []
        (directory / "program.py").write_text(EMBED + dedent(text))
        places = {"JUPYTER_RUNTIME_DIR": directory / "run", "IPYTHONDIR": directory / "ipython", "PYTHONPATH": PACKAGE.parent}
        with self.log_path.open("w") as log:
            self.process = subprocess.Popen(
                [python, "-u", directory / "program.py"], cwd=directory, env={**os.environ, **places, **env},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )

    def log(self):
        return self.log_path.read_text()

    def wait_until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline and self.process.poll() is None, self.log()
            time.sleep(0.01)

    def connect(self, name=None):
        file = self.directory / "run" / (name or f"kernel-{self.process.pid}.json")
        self.wait_until(file.exists)
        self.clients.append(Embedded(self, file))
        return self.clients[-1]

    def end(self):
        """The lines that it has printed after those on how to connect."""
        assert self.process.wait(PATIENCE) == 0, self.log()
        return self.said()

    def said(self):
        return self.log().rpartition("for example.\n")[2].splitlines()

    def close(self):
        for each in self.clients:
            each.close()  # else it looks for its kernel for ever, at a port that is others' by then
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Embedded(Kernel):
    def __init__(self, program, file):
        self.program, self.file = program, file
        client = BlockingKernelClient(connection_file=str(file))
        client.load_connection_file()
        self.talk_through(client)

    @property
    def pid(self):
        return self.program.process.pid

    def log(self):
        return self.program.log()

    def shut_down(self):
        assert self.control("shutdown_request", {"restart": False})[0]["status"] == "ok"

    def close(self):
        self.client.stop_channels()
