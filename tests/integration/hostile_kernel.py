"""A kernel that does on its sockets whatever a cell says: python hostile_kernel.py CONNECTION_FILE

A cell is Python with `iopub` and `shell` (ZeroMQ sockets), `session` (which signs), `parent` and
`identities` (of the execute_request) at hand; around it the kernel does what every kernel does.
"""

import json
import sys

import zmq
from jupyter_client.session import Session

with open(sys.argv[1]) as file:
    info = json.load(file)
context = zmq.Context()
session = Session(key=info["key"].encode())


def bound(kind, name):
    socket = context.socket(kind)
    socket.linger = 1000
    separator = "-" if info["transport"] == "ipc" else ":"
    socket.bind(f"{info['transport']}://{info['ip']}{separator}{info[name + '_port']}")
    return socket


shell, control, stdin = (bound(zmq.ROUTER, name) for name in ("shell", "control", "stdin"))
iopub, heartbeat = bound(zmq.PUB, "iopub"), bound(zmq.ROUTER, "hb")
iopub.sndhwm = 0
poller = zmq.Poller()
for each in (shell, control, heartbeat):
    poller.register(each, zmq.POLLIN)


def serve(socket):
    identities, frames = session.feed_identities(socket.recv_multipart())
    request = session.deserialize(frames)
    kind = request["header"]["msg_type"]

    def status(state):
        session.send(iopub, "status", {"execution_state": state}, parent=request, ident=b"status")

    status("busy")
    content = {"status": "ok"}
    if kind == "kernel_info_request":
        content.update(protocol_version="5.3", implementation="hostile", implementation_version="1", banner="",
                       language_info={"name": "none", "version": "1", "mimetype": "", "file_extension": ""})
    elif kind == "execute_request":
        content.update(execution_count=1, payload=[], user_expressions={})
        exec(request["content"]["code"], {**globals(), "parent": request, "identities": identities})
    session.send(socket, kind.replace("request", "reply"), content, parent=request, ident=identities)
    status("idle")
    return kind != "shutdown_request"


going = True
while going:
    for socket, _ in poller.poll():
        if socket is heartbeat:
            heartbeat.send_multipart(heartbeat.recv_multipart())
        else:
            going = serve(socket) and going
