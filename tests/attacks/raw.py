"""Bytes as they are, to and from a daemon."""

import re
import socket

from kmuxd import TOKEN

STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


def connect(daemon, timeout=60):
    host, port = daemon.url.removeprefix("http://").split("/")[0].split(":")
    stream = socket.create_connection((host, int(port)), timeout=timeout)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


def read_all(stream):
    """Up to the end; a reset is one."""
    out = b""
    try:
        while data := stream.recv(65536):
            out += data
    except ConnectionError:
        pass
    return out


def exchange(daemon, data, piece=None):
    """All that comes back until the daemon closes. `piece`: send so many bytes at a time."""
    with connect(daemon) as stream:
        try:
            for at in range(0, len(data), piece or len(data)):
                stream.sendall(data[at:at + (piece or len(data))])
        except ConnectionError:
            pass  # it has said what it has to say, and reads no more
        return read_all(stream)


def statuses(answer):
    """Of each response in there; no body of ours has such words in it."""
    return [int(each) for each in STATUS.findall(answer)]


def request(method, path, body=b"", headers=()):
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: token {TOKEN}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
