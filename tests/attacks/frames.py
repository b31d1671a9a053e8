"""WebSocket frames (RFC 6455 section 5.2) as nobody should send them, and what comes back."""

import os
import struct

from kmuxd import TOKEN, V1
from raw import connect

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(opcode, payload=b"", fin=True, rsv=0, mask=b"\1\2\3\4", length=None, form=None):
    """`length`: what the frame claims; `form`: how it writes it (7, 16 or 64 bits), whatever is shortest."""
    size = len(payload) if length is None else length
    form = form or (7 if size < 126 else 16 if size < 65536 else 64)
    out = bytes([fin << 7 | rsv << 4 | opcode])
    masked = 128 if mask is not None else 0
    if form == 7:
        out += bytes([masked | size])
    elif form == 16:
        out += bytes([masked | 126]) + struct.pack(">H", size)
    else:
        out += bytes([masked | 127]) + struct.pack(">Q", size)
    if mask is None:
        return out + payload
    # Longer masked payloads at once: byte by byte they would take seconds.
    whole = int.from_bytes(payload, "big") ^ int.from_bytes((mask * (len(payload) // 4 + 1))[:len(payload)], "big")
    return out + mask + whole.to_bytes(len(payload), "big")


def close(code, reason=b""):
    return frame(CLOSE, struct.pack(">H", code) + reason)


class Peer:
    """A socket on a kernel's channels, after the handshake."""

    def __init__(self, daemon, kernel, v1=False, lines=(), session="s"):
        self.stream = connect(daemon)
        head = [f"GET /api/kernels/{kernel}/channels?session_id={session} HTTP/1.1", "Host: x", f"Authorization: token {TOKEN}",
                "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *([f"Sec-WebSocket-Protocol: {V1}"] if v1 else []), *lines]
        self.stream.sendall("\r\n".join(head).encode() + b"\r\n\r\n")
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self.stream.recv(65536) or self.ended()
        self.head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)

    def ended(self):
        raise AssertionError(f"the connection ended: {self.buffer}")

    def send(self, *frames, piece=None):
        data = b"".join(frames)
        try:
            for at in range(0, len(data), piece or len(data) or 1):
                self.stream.sendall(data[at:at + (piece or len(data))])
        except ConnectionError:
            pass  # what was said before is to be read all the same

    def take(self, count):
        while len(self.buffer) < count:
            data = self.stream.recv(65536)
            if not data:
                return None
            self.buffer += data
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def receive(self):
        """(opcode, payload) of the next frame; None at the end, after a reset too."""
        try:
            head = self.take(2)
            if head is None:
                return None
            assert head[0] & 0x70 == 0 and head[1] & 0x80 == 0, "servers neither mask nor use reserved bits"
            size = head[1] & 127
            if size == 126:
                (size,) = struct.unpack(">H", self.take(2))
            elif size == 127:
                (size,) = struct.unpack(">Q", self.take(8))
            payload = self.take(size)
        except ConnectionError:
            return None
        return None if payload is None else (head[0] & 15, payload)

    def until(self, *opcodes):
        """The next frame of these kinds; None at the end."""
        while (got := self.receive()) is not None and got[0] not in opcodes:
            pass
        return got

    def closed(self):
        """The code of the close frame that comes; 1006 where the connection ends without one, as a client's library says."""
        got = self.until(CLOSE)
        if got is None:
            return 1006
        return struct.unpack(">H", got[1][:2])[0] if got[1] else 1005

    def is_open(self):
        mark = os.urandom(8)
        self.send(frame(PING, mark))
        while (got := self.until(PONG, CLOSE)) is not None and got != (PONG, mark):
            if got[0] == CLOSE:
                return False
        return got is not None

    def end(self):
        self.stream.close()
