"""What clients sent and got, and whether anything is missing, doubled or out of order."""

import contextlib
import threading
import time
import uuid

from kmuxd import V1, Channels, wait_until

LONGEST = 900  #: seconds that a client tries



class Reader(threading.Thread):
    """A client that follows one kernel's lines, whatever happens to its connection.

    A counting one resumes from the last number that it has; an ordinary one comes back with its
    session, and may get twice what it had not confirmed.
    """

    def __init__(self, daemon, kernel, lines, counts, protocol=V1):
        super().__init__(daemon=True)
        self.where, self.kernel, self.lines, self.counts, self.protocol = daemon, kernel, lines, counts, protocol
        self.session = uuid.uuid4().hex
        self.last = 0
        self.text = {}  #: number of the message, or a counter → text
        self.problems = []
        self.connections = 0
        self.ready = threading.Event()
        self.ended = threading.Event()
        self.stopping = False
        self.channels = None

    def run(self):
        wait_until(self.connect_and_follow, LONGEST, "the last line")

    def is_over(self):
        return self.stopping or self.ended.is_set()

    def connect_and_follow(self):
        with contextlib.suppress(Exception):
            self.channels = Channels(self.where, self.kernel, session=self.session, protocol=self.protocol, timeout=5,
                                     resume=self.last if self.counts else None)
            self.connections += 1
            self.ready.set()
            self.follow()
        return self.is_over()

    def follow(self):
        while not self.is_over():
            message = self.channels.receive()
            if "closed" in message:
                return
            if message["msg_type"] == "kmux_gap":
                self.problems.append(f"a gap: {message['content']}")
            if self.counts and "kmux" in message["metadata"]:
                number = message["metadata"]["kmux"]["seq"]
                if number <= self.last:
                    self.problems.append(f"{number} after {self.last}")
                self.last = number
            if message["msg_type"] == "stream":
                self.take(message)

    def take(self, message):
        self.text[message["header"]["msg_id"]] = message["content"]["text"]
        if f"end {self.lines}\n" in message["content"]["text"]:
            self.ended.set()

    def cut(self):
        with contextlib.suppress(Exception):
            self.channels.socket.shutdown()

    def stop(self):
        self.stopping = True
        self.cut()
        self.join(10)

    def judge(self):
        """What is wrong with what has come: nothing, if all is as it was said."""
        got = "".join(self.text.values()).split("\n")[:-1]
        wanted = [f"line {i}" for i in range(self.lines)] + [f"end {self.lines}"]
        if got != wanted:
            missing = [line for line in wanted if line not in set(got)]
            self.problems.append(f"{len(missing)} missing ({missing[:3]}), {len(got)} of {len(wanted)} came")
        return self.problems


def cell_of(lines, per_second):
    """A cell of the echo kernel's that says so many lines."""
    pause = f"\nsleep {1 / per_second}\n"
    return pause.join(f"echo line {i}" for i in range(lines)) + f"\necho end {lines}"


class Asker(threading.Thread):
    """Asks, again after each cut with the same msg_id, until it is answered; each is to run once."""

    def __init__(self, daemon, kernel):
        super().__init__(daemon=True)
        self.where, self.kernel = daemon, kernel
        self.session = uuid.uuid4().hex
        self.answered = []  #: msg_ids
        self.counts = []  #: execution counts of the replies
        self.stopping = False
        self.problems = []

    def run(self):
        wait_until(self.connect_and_ask, LONGEST, "the end")

    def connect_and_ask(self):
        with contextlib.suppress(Exception):
            channels = Channels(self.where, self.kernel, session=self.session, timeout=5)
            while not self.stopping:
                self.ask(channels)
        return self.stopping

    def ask(self, channels):
        """Until the one that is open is answered."""
        asking = f"{self.session}-{len(self.answered)}"
        channels.send("execute_request", {"code": "echo asked", "silent": False}, msg_id=asking)
        while asking not in self.answered and not self.stopping:
            message = channels.receive()
            if "closed" in message:
                raise OSError("closed")
            # What was answered before may be told again.
            if message["msg_type"] == "execute_reply" and message["parent_header"]["msg_id"] == asking:
                self.answered.append(asking)
                self.counts.append(message["content"]["execution_count"])

    def stop(self):
        self.stopping = True
        self.join(10)

    def judge(self):
        # Each taken once: the counter has gone up by one each time.
        if self.counts != list(range(self.counts[0], self.counts[0] + len(self.counts))):
            self.problems.append(f"execution counts {self.counts}")
        return self.problems


class Load:
    """Kernels that say numbered lines, each with an ordinary and a counting client."""

    def __init__(self, daemon, kernels, lines, per_second, protocols=(V1, None)):
        self.daemon = daemon
        self.kernels = [daemon.kernel() for _ in range(kernels)]
        self.readers = [
            Reader(daemon, kernel, lines, counts, protocols[i % 2])
            for i, kernel in enumerate(self.kernels) for counts in (False, True)
        ]
        for each in self.readers:
            each.start()
        for each in self.readers:
            assert each.ready.wait(60)
        for kernel in self.kernels:
            starter = daemon.channels(kernel)
            starter.execute(cell_of(lines, per_second))
            starter.until(lambda m: m["msg_type"] == "stream")

    def finish(self, seconds):
        deadline = time.monotonic() + seconds
        for each in self.readers:
            each.ended.wait(max(0, deadline - time.monotonic()))
            each.stop()
        for each in self.readers:
            assert not each.judge(), f"counts={each.counts} protocol={each.protocol}: {each.problems}"
