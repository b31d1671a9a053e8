"""A user of the soak: has a kernel, does one thing after the other with it, and judges what comes."""

import contextlib
import os
import random
import signal
import threading
import uuid

from kmuxd import V1, Channels, wait_until

PATIENCE = 60  #: seconds for one thing, whatever happens to the daemon meanwhile


class Wrong(Exception):
    """Something is not as it was promised."""


class Worker(threading.Thread):
    """Counts its messages, asks again after each cut with the same msg_id, and so must get each once."""

    def __init__(self, daemon, seed, stop, things):
        super().__init__(daemon=True)
        self.daemon_, self.random, self.stop_, self.things = daemon, random.Random(seed), stop, things
        self.kernel = self.channels = None
        self.last = 0  #: number of the newest message
        self.asked = 0
        self.done = {}  #: what → how often
        self.problem = None

    def run(self):
        try:
            self.renew()
            while not self.stop_.is_set():
                what = self.random.choices(list(self.things), list(self.things.values()))[0]
                getattr(self, what)()
                self.done[what] = self.done.get(what, 0) + 1
            self.call("DELETE", f"kernels/{self.kernel}")
        except Exception as problem:  # for whoever waits for this thread
            self.problem = problem
            self.stop_.set()
        finally:
            self.leave()

    # What may be cut at any moment.

    def call(self, method, path, expected=(200, 201, 204), **more):
        """Until there is an answer."""
        def answered():
            with contextlib.suppress(OSError):
                answer = self.daemon_.call(method, "api/" + path, **more)
                if answer.status_code != 503:
                    return [answer]  # by itself an answer such as 404 is false
        (answer,) = wait_until(answered, PATIENCE, f"{method} {path}")
        if answer.status_code not in (*expected, *((404,) if method == "DELETE" else ())):
            raise Wrong(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer

    def model(self):
        return self.call("GET", f"kernels/{self.kernel}").json()

    def join_kernel(self):
        def connected():
            with contextlib.suppress(Exception):
                self.channels = Channels(self.daemon_, self.kernel, session=self.session, protocol=V1, timeout=10,
                                         resume=self.last)
                return True
        wait_until(connected, PATIENCE, "a connection")

    def leave(self):
        if self.channels is not None:
            with contextlib.suppress(Exception):
                self.channels.socket.shutdown()

    def receive(self):
        """The next message, over as many connections as it takes; numbers only go up."""
        while True:
            try:
                message = self.channels.receive()
            except Exception:  # cut, or silent for too long
                message = {"closed": 0}
            if "closed" in message:
                if self.stop_.is_set() and self.problem:
                    raise Wrong("stopped")
                self.leave()
                self.join_kernel()
                self.resend()
                continue
            number = message["metadata"].get("kmux", {}).get("seq", 0)
            if number and number <= self.last:
                raise Wrong(f"message {number} came after {self.last}")
            self.last = max(self.last, number)
            if message["msg_type"] == "kmux_gap":
                raise Wrong(f"messages are missing: {message['content']}")
            return message

    def resend(self):
        if self.open is not None:
            with contextlib.suppress(Exception):
                self.channels.send("execute_request", {"code": self.open[1], "silent": False}, msg_id=self.open[0])

    def ask(self, code):
        """(the reply, what was printed): each message of this cell exactly once."""
        self.asked += 1
        self.open = (f"{self.session}-{self.asked}", code)
        self.resend()
        text, reply, idle = [], None, False
        while reply is None or not idle:
            message = self.receive()
            if message["parent_header"].get("msg_id") != self.open[0]:
                continue
            if message["msg_type"] == "stream":
                text.append(message["content"]["text"])
            elif message["msg_type"] == "execute_reply":
                if reply is not None:
                    raise Wrong("two replies to one request")
                reply = message["content"]
            elif message["content"].get("execution_state") == "idle":
                idle = True
        self.open = None
        return reply, "".join(text)

    def expect(self, code, text, status="ok"):
        reply, got = self.ask(code)
        if (reply["status"], got) != (status, text):
            raise Wrong(f"{code[:80]!r}: {reply['status']}, {len(got)} characters instead of {len(text)}: {got[:200]!r}")

    # What it does.

    def renew(self):
        self.leave()
        if self.kernel is not None:
            self.call("DELETE", f"kernels/{self.kernel}")
        # An id of its own: whether the request has arrived is not known after a cut.
        self.kernel, self.session, self.last, self.open = str(uuid.uuid4()), uuid.uuid4().hex, 0, None
        self.call("POST", "kernels", json={"name": "echo", "kernel_id": self.kernel})
        self.join_kernel()

    def cell(self):
        lines = [f"{self.asked}-{i}" for i in range(self.random.randrange(1, 40))]
        self.expect("\n".join(f"echo {line}" for line in lines), "".join(line + "\n" for line in lines))

    def slow_cell(self):
        count = self.random.randrange(5, 60)
        self.expect("\nsleep 0.02\n".join(f"echo {i}" for i in range(count)), "".join(f"{i}\n" for i in range(count)))

    def flood(self):
        count, size = self.random.randrange(100, 2000), self.random.randrange(1, 1000)
        self.expect(f"flood {count} {size}", "x" * (count * size))

    def fail(self):
        reply, _ = self.ask("error Problem here")
        if reply["status"] != "error":
            raise Wrong(f"an error became {reply['status']}")

    def interrupt(self):
        interrupting = threading.Event()

        def again():
            while not interrupting.wait(0.3):
                with contextlib.suppress(OSError):
                    self.daemon_.post(f"kernels/{self.kernel}/interrupt")
        helper = threading.Thread(target=again, daemon=True)
        helper.start()
        reply, _ = self.ask("sleep 1000")
        interrupting.set()
        helper.join()
        if reply["status"] != "error":
            raise Wrong(f"an interrupted cell became {reply['status']}")

    def restart(self):
        self.call("POST", f"kernels/{self.kernel}/restart")
        self.cell()

    def another_process(self, pid):
        def is_there():
            model = self.model()
            if model["execution_state"] == "dead":  # it died while there was no kmuxd to start it again
                self.call("POST", f"kernels/{self.kernel}/restart")
            return model["kmux"]["pid"] not in (pid, None)

        wait_until(is_there, PATIENCE, "another process")
        self.cell()

    def kill(self):
        pid = self.model()["kmux"]["pid"]
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self.another_process(pid)

    def ghost(self):
        """A client that takes nothing, and goes."""
        other = None
        with contextlib.suppress(Exception):
            other = Channels(self.daemon_, self.kernel, protocol=V1, resume=0)
        self.flood()
        if other is not None:
            other.socket.shutdown()

    def read_journal(self):
        def read():
            with contextlib.suppress(OSError):
                return self.daemon_.get(f"kernels/{self.kernel}/messages?limit=200").json
        wait_until(read, PATIENCE)

    def notebook(self):
        made = self.call("POST", "sessions", json={"path": f"{uuid.uuid4()}.ipynb", "kernel": {"id": self.kernel}}).json()
        self.call("PATCH", f"sessions/{made['id']}", json={"name": "another"})
        # Not DELETE, which would end the kernel too: the kernel's own end removes it.


#: What a worker does, and how often beside the others.
THINGS = {
    "cell": 40, "slow_cell": 10, "flood": 6, "fail": 6, "interrupt": 4, "restart": 4, "kill": 3, "ghost": 4,
    "read_journal": 4, "notebook": 3, "renew": 8,
}
