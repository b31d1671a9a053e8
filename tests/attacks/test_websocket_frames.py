"""The wire of WebSockets, after the case list of the Autobahn test suite: framing, pings, reserved bits,
opcodes, fragmentation, UTF-8, closing, limits; with both protocols of a kernel's channels.

A good message is Jupyter's, not an echo: `works` is how a case ends well."""

import json
import struct

import pytest
from frames import BINARY, CLOSE, PING, PONG, TEXT, Peer, close, frame
from kmuxd import V1, encode_v1

HEADER = {"msg_id": "m", "msg_type": "kernel_info_request", "session": "s", "username": "u", "version": "5.3", "date": "2026-01-31T12:00:00Z"}


def message(msg_id, v1, padding=0, text=""):
    header = {**HEADER, "msg_id": msg_id, "username": text}
    content = {"x": "y" * padding}
    if v1:
        return encode_v1("shell", [json.dumps(p).encode() for p in (header, {}, {}, content)])
    return json.dumps({"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content}, ensure_ascii=False).encode()


@pytest.fixture(params=[False, True], ids=["legacy", "v1"])
def v1(request):
    return request.param


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """One daemon and one kernel for all: what one case breaks, the next one finds."""
    from kmuxd import Daemon
    daemon = Daemon(tmp_path_factory.mktemp("frames"), '[kernels]\necho = true\n[limits]\nmax_message_from_client = "1MiB"\n').start()
    yield daemon, daemon.kernel()
    assert "This is a defect" not in daemon.log.read_text()
    daemon.end()


@pytest.fixture
def peer(place, v1):
    daemon, kernel = place
    it = Peer(daemon, kernel, v1, session=f"s{id(v1)}")
    yield it
    it.end()
    with_others = Peer(daemon, kernel, session="another")
    assert with_others.is_open()
    with_others.end()


def kind(v1):
    return BINARY if v1 else TEXT


count = iter(range(1_000_000))


def works(peer, v1, *frames_of):
    """`frames_of`(payload) is a message; its reply comes."""
    msg_id = f"m{next(count)}"
    payload = message(msg_id, v1)
    peer.send(*(frames_of[0](payload) if frames_of else [frame(kind(v1), payload)]))
    while (got := peer.until(TEXT, BINARY, CLOSE)) is not None:
        assert got[0] != CLOSE, got
        if msg_id.encode() in got[1] and b"kernel_info_reply" in got[1]:
            return True
    return False


# 1: framing

@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 125, 126, 127, 128, 255, 4095, 4096, 65535, 65536, 65537, 200_000])
def test_messages_of_every_length(peer, v1, size):
    msg_id = f"m{next(count)}"
    peer.send(frame(kind(v1), message(msg_id, v1, size)))
    while (got := peer.until(TEXT, BINARY, CLOSE)) is not None and not (msg_id.encode() in got[1] and b"kernel_info_reply" in got[1]):
        assert got[0] != CLOSE, got
    assert got is not None


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 997])
def test_frames_in_pieces(peer, v1, piece):
    msg_id = f"m{next(count)}"
    peer.send(frame(PING, b"before"), frame(kind(v1), message(msg_id, v1, 300)), frame(PING, b"after"), piece=piece)
    assert peer.until(PONG)[1] == b"before" and peer.until(PONG)[1] == b"after"
    assert works(peer, v1)


@pytest.mark.parametrize("size, form", [(5, 16), (5, 64), (125, 16), (126, 64), (0, 16), (0, 64), (65535, 64)])
def test_a_length_that_is_not_the_shortest(peer, v1, size, form):
    peer.send(frame(kind(v1), b"x" * size, form=form))
    assert peer.closed() == 1002


@pytest.mark.parametrize("length, code", [(1 << 20 | 1, 1009), (1 << 32, 1009), (2**63 - 1, 1009), (2**63, 1002), (2**64 - 1, 1002)])
def test_a_length_beyond_all(peer, v1, length, code):
    peer.send(frame(kind(v1), b"x", length=length, form=64))
    assert peer.closed() in {code, 1009}


# 5.1: masks

@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, PONG, CLOSE, 0])
@pytest.mark.parametrize("size", [0, 2, 125])
def test_without_a_mask(peer, opcode, size):
    peer.send(frame(opcode, b"\3\xe8"[:size].ljust(size, b"x"), mask=None))
    assert peer.closed() == 1002


def test_a_mask_of_zeros_is_one(peer, v1):
    assert works(peer, v1, lambda payload: [frame(kind(v1), payload, mask=bytes(4))])


# 2: pings and pongs

@pytest.mark.parametrize("size", range(0, 126))
def test_pings_of_every_length(place, size):
    peer = Peer(*place)
    payload = bytes((7 * n + 0xf0) % 256 for n in range(size))
    peer.send(frame(PING, payload))
    assert peer.until(PONG) == (PONG, payload)
    peer.end()


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
@pytest.mark.parametrize("size", [126, 127, 65535, 65536])
def test_a_control_frame_that_is_too_long(peer, opcode, size):
    peer.send(frame(opcode, (b"\3\xe8" + b"x" * size)[:size]))
    assert peer.closed() == 1002


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
def test_a_control_frame_in_fragments(peer, opcode):
    peer.send(frame(opcode, b"\3\xe8", fin=False), frame(0, b"x"))
    assert peer.closed() == 1002


def test_pongs_that_nobody_has_asked_for(peer, v1):
    """Nor do they confirm anything: their numbers are of no ping of ours."""
    for payload in (b"", b"x", b"0", b"1", b"18446744073709551615", b"-1", b"1" * 125):
        peer.send(frame(PONG, payload))
    assert works(peer, v1)


def test_many_pings_at_once(peer, v1):
    payloads = [struct.pack(">I", n) for n in range(1000)]
    peer.send(*(frame(PING, p) for p in payloads))
    assert [peer.until(PONG)[1] for _ in payloads] == payloads
    assert works(peer, v1)


# 3: reserved bits, and compression, which was offered and not taken

@pytest.mark.parametrize("rsv", range(1, 8))
@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, PONG, CLOSE, 0])
def test_reserved_bits(peer, rsv, opcode):
    peer.send(frame(opcode, b"\3\xe8", rsv=rsv))
    assert peer.closed() == 1002


@pytest.mark.parametrize("offer", [
    "permessage-deflate", "permessage-deflate; client_max_window_bits; server_no_context_takeover", "x-webkit-deflate-frame",
    "permessage-deflate; client_max_window_bits=99999999999", "permessage-deflate; a=" + "b" * 1000, ";,;", "permessage-deflate, " * 300 + "x"])
def test_compression_is_not_taken(place, v1, offer):
    peer = Peer(*place, v1, [f"Sec-WebSocket-Extensions: {offer}"])
    assert b"101" in peer.head.split(b"\r\n")[0] and b"extensions" not in peer.head.lower()
    assert works(peer, v1)
    peer.send(frame(kind(v1), b"\xca\x48\xcd\xc9\xc9\x07\x00", rsv=4))
    assert peer.closed() == 1002
    peer.end()


# 4: opcodes

@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("payload", [b"", b"x"])
def test_opcodes_that_are_none(peer, opcode, payload):
    peer.send(frame(opcode, payload), frame(PING, b"not any more"))
    assert peer.closed() == 1002


# 5: fragments

@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_fragments(peer, v1, size):
    def cut(payload):
        pieces = [payload[at:at + size] for at in range(0, len(payload), size)]
        return [frame(0 if n else kind(v1), each, fin=n == len(pieces) - 1) for n, each in enumerate(pieces)]
    assert works(peer, v1, cut)


def test_fragments_with_pings_between_them(peer, v1):
    def cut(payload):
        return [frame(kind(v1), payload[:5], fin=False), frame(PING, b"1"), frame(0, b"", fin=False), frame(PONG, b"2"),
                frame(0, payload[5:9], fin=False), frame(PING, b"3"), frame(0, payload[9:])]
    assert works(peer, v1, cut)


def test_empty_fragments(peer, v1):
    def cut(payload):
        return [frame(kind(v1), b"", fin=False), *[frame(0, b"", fin=False)] * 100, frame(0, payload, fin=False), frame(0)]
    assert works(peer, v1, cut)


@pytest.mark.parametrize("frames_of", [
    [(0, True)], [(0, False)], [(0, False), (0, True)], [(TEXT, False), (TEXT, True)], [(BINARY, False), (BINARY, True)],
    [(TEXT, False), (BINARY, True)], [(BINARY, False), (TEXT, False)], [(TEXT, False), (0, False), (TEXT, True)],
    [(PING, True), (0, True)], [(BINARY, False), (PING, True), (BINARY, False)],
], ids=str)
def test_fragments_out_of_order(peer, frames_of):
    peer.send(*(frame(opcode, b"x", fin=fin) for opcode, fin in frames_of))
    assert peer.closed() in {1002, 1007}  # where the message that was whole before it is none, that may be said first


def test_a_message_in_endless_fragments_ends_at_the_limit(peer, v1):
    peer.send(frame(kind(v1), b"x" * 1000, fin=False))
    for _ in range(60):
        peer.send(frame(0, b"x" * 20_000, fin=False))
    assert peer.closed() in {1006, 1009}


def test_many_empty_fragments_are_no_message(peer):
    peer.send(frame(BINARY, b"", fin=False))
    for _ in range(20):
        peer.send(*[frame(0, b"", fin=False)] * 1000)
    assert peer.is_open()


# 6: UTF-8

BAD_UTF8 = [
    b"\xff", b"\xfe", b"\x80", b"\xbf", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf",
    b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\x80\xed\xb0\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80",
    b"\xfc\x84\x80\x80\x80\x80", b"\xc2", b"\xe2\x82", b"\xf0\x9f\x98", b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
]


@pytest.mark.parametrize("bad", BAD_UTF8, ids=lambda b: b.hex())
@pytest.mark.parametrize("cut", [None, 1])
def test_text_that_is_no_utf8(place, bad, cut):
    peer = Peer(*place)
    text = message("m", False).replace(b'"username": ""', b'"username": "' + bad + b'"')
    if cut is None:
        peer.send(frame(TEXT, text))
    else:  # a character across two frames is one all the same
        at = text.index(bad) + cut
        peer.send(frame(TEXT, text[:at], fin=False), frame(0, text[at:]))
    assert peer.closed() == 1007
    peer.end()


@pytest.mark.parametrize("good", ["é", "€", "😀", "\ud7ff\ue000", "\ufffd\uffff", "\U0010ffff", "κόσμε", "\u2028", "\x7f"], ids=ascii)
def test_text_that_is_utf8(place, good):
    for size in (1, 2, 3, None):
        peer = Peer(*place)
        msg_id = f"m{next(count)}"
        text = message(msg_id, False, text=good)
        at = text.index(good.encode()) + (size or 0)
        peer.send(frame(TEXT, text[:at], fin=False), frame(0, text[at:]))
        got = peer.until(TEXT, BINARY, CLOSE)
        while not (msg_id.encode() in got[1] and b"kernel_info_reply" in got[1]):
            assert got[0] != CLOSE, got
            got = peer.until(TEXT, BINARY, CLOSE)
        peer.end()


def test_what_is_no_utf8_is_fine_where_no_text_is_said(place):
    """Buffers are bytes."""
    daemon, kernel = place
    for bad in BAD_UTF8:
        channels = daemon.channels(kernel, protocol=V1)
        assert channels.request("kernel_info_request", {}, buffers=[bad])["status"] == "ok"
        channels.close()


# 7: closing

@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999])
@pytest.mark.parametrize("reason", [b"", b"bye", "é".encode() * 61], ids=["", "bye", "long"])
def test_closing_is_answered_with_the_same_code(peer, code, reason):
    peer.send(close(code, reason))
    assert peer.closed() == code
    assert peer.receive() is None


@pytest.mark.parametrize("code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999])
def test_codes_that_may_not_be_sent(peer, code):
    peer.send(close(code))
    assert peer.closed() == 1002


@pytest.mark.parametrize("code", [5000, 65535])
def test_codes_of_which_the_standard_says_nothing(peer, code):
    peer.send(close(code))
    assert peer.closed() in {1002, code}
    assert peer.receive() is None


def test_closing_without_a_code(peer):
    peer.send(frame(CLOSE))
    assert peer.closed() in {1000, 1005}
    assert peer.receive() is None


def test_closing_with_half_a_code(peer):
    peer.send(frame(CLOSE, b"\3"))
    assert peer.closed() == 1002


@pytest.mark.parametrize("bad", BAD_UTF8, ids=lambda b: b.hex())
def test_a_reason_that_is_no_utf8(place, bad):
    peer = Peer(*place)
    peer.send(close(1000, bad))
    assert peer.closed() in {1002, 1007}
    peer.end()


@pytest.mark.parametrize("after", [lambda v1: frame(PING, b"x"), lambda v1: close(1001), lambda v1: frame(kind(v1), message("late", v1)),
                                   lambda v1: frame(3, b"x"), lambda v1: b"\xff" * 100_000, lambda v1: frame(TEXT, b"x", fin=False)],
                         ids=["ping", "close", "message", "nonsense", "more nonsense", "fragment"])
def test_what_comes_after_a_close_is_not_heard(peer, v1, after):
    peer.send(close(1000), after(v1))
    assert peer.closed() in {1000, 1006}
    assert peer.receive() is None


def test_fragments_then_a_close(peer, v1):
    peer.send(frame(kind(v1), b"x", fin=False), close(1000))
    assert peer.closed() == 1000


# 9, 10: limits

def test_a_message_at_the_limit_and_one_beyond_it(peer, v1):
    room = (1 << 20) - len(message("limit", v1))
    peer.send(frame(kind(v1), message("limit", v1, room)))
    assert peer.is_open()
    peer.send(frame(kind(v1), message("limit", v1, room + 1)))
    assert peer.closed() == 1009


@pytest.mark.parametrize("payload", [b"", b"\0", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x88\x80\0\0\0\0" * 50])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_messages_that_are_none(peer, payload, opcode):
    peer.send(frame(opcode, payload))
    assert peer.closed() == 1007


def test_no_frame_at_all(peer):
    peer.send(b"\r\n" * 5000)
    assert peer.closed() in {1002, 1006}
