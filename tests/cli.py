"""kmux as a script runs it, and as a person types it at a terminal."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from kmuxd import BIN

DONE, FAILED, USAGE, NOT_FOUND, REFUSED, TIMED_OUT, UNREACHABLE = range(7)


def environment_for(more=()):
    """Nothing of the caller's kmux, and a configuration that is nobody's."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("KMUX_", "XDG_", "NO_COLOR"))}
    return {**inherited, "TERM": "xterm", **dict(more)}


def run(*words, environment=(), stdin="", cwd=None, timeout=120):
    return subprocess.run([BIN / "kmux", *map(str, words)], capture_output=True, text=True, input=stdin,
                          timeout=timeout, env=environment_for(environment), cwd=cwd)


def kmux(*words, code=DONE, **more):
    """What it says: on stdout where all is well, else on stderr."""
    ran = run(*words, **more)
    assert ran.returncode == code, f"{ran.returncode}: {ran.stdout}{ran.stderr}"
    return ran.stdout if code == DONE else ran.stderr


def start(*words, **more):
    """In the background; to be waited for."""
    return subprocess.Popen([BIN / "kmux", *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=environment_for(), **more)


class Terminal:
    """kmux at a terminal of its own."""

    def __init__(self, *words, rows=24, columns=80, environment=()):
        self.seen = ""
        self.at = 0  #: what expect() has passed
        self.code = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # Here: it may have looked before we come to it.
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(BIN / "kmux", ["kmux", *map(str, words)], environment_for(environment))

    def type(self, text):
        os.write(self.fd, text.encode())

    def read(self, seconds):
        """False at the end, and where nothing came."""
        if not select.select([self.fd], [], [], max(seconds, 0))[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the other side is closed
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)

    def expect(self, pattern, seconds=60):
        """The next match of a regular expression in what is shown."""
        deadline = time.monotonic() + seconds
        while not (found := re.compile(pattern, re.S).search(self.seen, self.at)):
            left = deadline - time.monotonic()
            assert left > 0 and (self.read(left) or not self.ended()), f"no {pattern!r} in {self.seen[self.at:]!r}"
        self.at = found.end()
        return found

    def ended(self):
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def wait(self, seconds=60):
        """Its exit code."""
        deadline = time.monotonic() + seconds
        while not self.ended():
            assert time.monotonic() < deadline, self.seen
            self.read(0.05)
        while self.read(0):
            pass
        return self.code

    def close(self):
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        os.close(self.fd)
