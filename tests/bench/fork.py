"""Forks kernels from a warmed interpreter: prints {"ready_ms", "private_mib"}, medians."""

import json
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import gc  # noqa: E402

from kmux_child.warm import Warm  # noqa: E402

ROUNDS = 7


def forked(warm, directory):
    """(pid, connection file) of a kernel that is a fork of us."""
    file = os.path.join(directory, "c.json")
    Path(file).write_text(json.dumps({
        "transport": "ipc", "ip": os.path.join(directory, "k"), "shell_port": 1, "iopub_port": 2, "stdin_port": 3,
        "control_port": 4, "hb_port": 5, "key": "a key", "signature_scheme": "hmac-sha256"}))
    pid = os.fork()
    if pid == 0:
        from kmux_child.process import run

        os._exit(run(warm, file))
    return pid


def client(directory):
    """In another process: the forking one must stay without threads."""
    import zmq
    from jupyter_client.session import Session

    session, socket = Session(key=b"a key"), zmq.Context().socket(zmq.DEALER)
    socket.identity = session.bsession
    socket.reconnect_ivl = 1
    socket.connect(f"ipc://{directory}/k-1")
    session.send(socket, "execute_request", {"code": "pass", "silent": False, "store_history": True, "allow_stdin": False})
    if not socket.poll(20_000):
        os._exit(1)
    os._exit(0)


def private_mib(pid):
    fields = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        fields[line.split(":")[0]] = int(line.split()[1])
    return (fields["Private_Dirty"] + fields["Private_Clean"]) / 1024


def main():
    warm = Warm(to_fork=True)
    gc.collect()
    gc.freeze()
    import threading

    assert threading.active_count() == 1, "a warmed interpreter has no threads"
    ready, memory = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="kf-") as directory:
            asking, told = os.pipe()
            asker = os.fork()
            if asker == 0:
                import zmq  # noqa: F401
                from jupyter_client.session import Session  # noqa: F401

                os.write(told, b"x")
                client(directory)
            os.read(asking, 1)
            begin = time.perf_counter()
            kernel = forked(warm, directory)
            assert os.waitpid(asker, 0)[1] == 0, "the fork did not answer"
            ready.append((time.perf_counter() - begin) * 1000)
            memory.append(private_mib(kernel))
            os.kill(kernel, signal.SIGKILL)
            os.waitpid(kernel, 0)
            os.close(asking)
            os.close(told)
    print(json.dumps({"ready_ms": statistics.median(ready), "private_mib": statistics.median(memory)}))


main()
