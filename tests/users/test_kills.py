"""kmuxd and kmux-spawn are killed in the middle of starting, restarting and deleting other users' kernels."""

import contextlib
import os
import random
import signal
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from kmuxd import has_ended, wait_until
from shared_host import RUNTIME, STATE, USERS, processes_of

SECONDS, LONGEST, PATIENCE = 12, 120, 120


class User(threading.Thread):
    """Starts, restarts and deletes one kernel after the other, each time until there is an answer."""

    def __init__(self, daemon, name, seed, stop):
        super().__init__(daemon=True)
        self.daemon_, self.token, self.random, self.stop_ = daemon, daemon.tokens[name], random.Random(seed), stop
        self.deleted, self.problem = 0, None

    def call(self, method, path, expected, **more):
        def answered():
            with contextlib.suppress(OSError):
                answer = self.daemon_.call(method, "api/" + path, token=self.token, **more)
                return answer.status_code in expected or self.refused.append(answer.text)
        self.refused = []
        try:
            wait_until(answered, PATIENCE, f"{method} {path}")
        except AssertionError as problem:
            raise AssertionError(f"{problem}: {self.refused[-3:]}") from None

    def run(self):
        try:
            while not self.stop_.is_set():
                kernel = str(uuid.uuid4())
                self.call("POST", "kernels", (201,), json={"name": "echo", "kernel_id": kernel})
                if self.random.random() < 0.5:
                    self.call("POST", f"kernels/{kernel}/restart", (200,))
                self.call("DELETE", f"kernels/{kernel}", (204, 404))
                self.deleted += 1
        except Exception as problem:  # for whoever waits for this thread
            self.problem = problem


@pytest.mark.timeout(900)
def test_nothing_is_left(daemon, spawn):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    before = {each for name in USERS for each in processes_of(name)}
    stop, chance, kills = threading.Event(), random.Random(seed), 0
    users = [User(daemon, name, seed + i, stop) for i, name in enumerate(USERS)]
    for each in users:
        each.start()
    begun = time.monotonic()

    def is_enough():
        return time.monotonic() > begun + SECONDS and kills > 3 and sum(each.deleted for each in users) > 3

    while not stop.wait(chance.uniform(0.05, 0.5)) and not is_enough() and time.monotonic() < begun + LONGEST:
        for killed in chance.choice(([daemon], [daemon], [spawn], [daemon, spawn])):
            killed.process.kill()
            killed.process.wait()
            killed.start()
        kills += 1
    stop.set()
    for each in users:
        each.join(400)
        assert not each.is_alive() and each.problem is None, each.problem
    assert kills > 3 and sum(each.deleted for each in users) > 3
    wait_until(lambda: daemon.get("kernels").json() == [], 60, "the last kernel's end")
    assert [*os.listdir(RUNTIME / "kernels"), *os.listdir(STATE / "kernels")] == []
    wait_until(lambda: {each for name in USERS for each in processes_of(name)} <= before, 60, "the last process")


def test_a_sigkill_that_kmux_spawn_could_not_send_is_asked_for_again(daemon, spawn):
    """Nothing follows it that would end the kernel."""
    kernel = daemon.kernel_of("ann", "echo")
    pid = daemon.pid(kernel)
    os.kill(pid, signal.SIGSTOP)
    spawn.configure('groups = ["nobody-is-in-it"]\n')
    with ThreadPoolExecutor(1) as pool:
        deleted = pool.submit(daemon.delete, f"kernels/{kernel}", token=daemon.tokens["ann"])
        wait_until(lambda: f"event=signal_not_sent pid={pid} signal={signal.SIGKILL:d}" in daemon.log.read_text(), what="a SIGKILL that is not sent")
        spawn.configure('groups = ["jupyter"]\n')
        assert deleted.result().status_code == 204
    assert has_ended(pid)
