"""A client at the admin socket. start ID: runs a cell that counts, and goes away. count ID: the lines that the
kernel has printed, if they are 1, 2, 3 …"""

import json
import socket
import sys
import uuid
from http.client import HTTPConnection


def connect():
    to = socket.socket(socket.AF_UNIX)
    to.connect("/run/kmux/admin.sock")
    return to


def start(kernel):
    import websocket  # which is not needed for counting, and takes its time here

    session = uuid.uuid4().hex
    channels = websocket.create_connection(f"ws://localhost/api/kernels/{kernel}/channels?session_id={session}", socket=connect(), timeout=60)
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": session, "username": "", "version": "5.3", "date": "2026-01-31T12:00:00Z"}
    content = {"code": "count 100000 10ms", "silent": False, "store_history": False, "allow_stdin": False, "stop_on_error": True}
    channels.send(json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell", "buffers": []}))
    while json.loads(channels.recv())["header"]["msg_type"] != "stream":
        pass
    channels.close()


def count(kernel):
    asked = HTTPConnection("localhost")
    asked.sock = connect()
    asked.request("GET", f"/api/kernels/{kernel}/messages?limit=100000")
    answer = asked.getresponse()
    lines = [json.loads(line) for line in answer.read().splitlines()]
    printed = "".join(each["content"]["text"] for each in lines if each.get("header", {}).get("msg_type") == "stream")
    numbers = [int(word) for word in printed.split()]
    assert numbers == list(range(1, len(numbers) + 1)), numbers
    print(len(numbers))


{"start": start, "count": count}[sys.argv[1]](sys.argv[2])
