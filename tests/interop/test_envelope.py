"""The envelope alone, byte for byte as in docs/wire.md."""
import struct

import pytest

import envelope
from envelope import Item, Kind, Malformed

EVERYTHING = bytes(range(256))


def raw_item(kind, name=b"", fields=b"", pairs=b"", body=b""):
    rest = 8 + len(name) + len(fields) + len(pairs) + len(body)
    return (struct.pack(">IBBHI", rest, kind, len(name), len(fields), len(pairs))
            + name + fields + pairs + body)


def test_every_byte():
    item = Item(Kind.REQUEST, "a", {"deadline_unix_ms": 1 << 40, "repeat": 1},
                [(b"A", b"12"), (b"A", b"")], b"xyz")
    assert envelope.encode([item]) == (
        b"CRW\x01"
        b"\x00\x00\x00\x2b" b"\x01" b"\x01" b"\x00\x0f" b"\x00\x00\x00\x10"
        b"a"
        b"\x01\x00\x08\x00\x00\x01\x00\x00\x00\x00\x00" b"\x03\x00\x01\x01"
        b"\x00\x01\x00\x00\x00\x02A12" b"\x00\x01\x00\x00\x00\x00A"
        b"xyz")


def test_back_and_forth():
    items = [
        Item(Kind.REQUEST, "1", {"deadline_unix_ms": 2**64 - 1, "budget_ms": 5, "repeat": 1},
             [(b"NAME", EVERYTHING), (b"NAME", b"again"), (b"", b"")], EVERYTHING),
        Item(Kind.ANSWER, "2", {"status": 418, "run_us": 7, "worker": "w"}, [], b""),
        Item(Kind.ANSWER, "3", {"error": "lost"}),
        Item(Kind.CANCEL, "4", {"deadline_unix_ms": 1, "budget_ms": 2}),
        Item(Kind.TAKEN, "5", {"worker": "w"}),
        Item(Kind.PING, "6", {"deadline_unix_ms": 1}),
    ]
    assert envelope.decode(envelope.encode(items)) == items
    assert envelope.decode(b"CRW\x01") == []


def test_what_is_not_known_is_skipped():
    known = raw_item(2, b"id", b"\x04\x00\x02\x00\xc8" b"\x63\x00\x03abc")
    other = b"\x00\x00\x00\x04" b"\x63" b"???"  # only its size and kind can be relied on
    assert envelope.decode(b"CRW\x01" + raw_item(99, b"x", body=b"y") + other + known) == [
        Item(Kind.ANSWER, "id", {"status": 200})]


GOOD = raw_item(1, b"id", b"\x03\x00\x01\x01", b"\x00\x01\x00\x00\x00\x01AB", b"body")


@pytest.mark.parametrize("data", [
    b"", b"CRW", b"CRW\x02" + GOOD, b"crw\x01" + GOOD,
    *[b"CRW\x01" + GOOD[:cut] for cut in range(1, len(GOOD))],
    b"CRW\x01" + raw_item(1, b"id", b"\x03\x00\x02\x01"),  # a field beyond its block
    b"CRW\x01" + raw_item(1, b"id", b"\x03\x00\x02\x01\x01"),  # a u8 of two bytes
    b"CRW\x01" + raw_item(1, b"id", b"", b"\x00\x01\x00\x00\x00\x02AB"),
    b"CRW\x01" + raw_item(1, b"i" * 65),
    b"CRW\x01" + GOOD * 257,
])
def test_malformed(data):
    with pytest.raises(Malformed):
        envelope.decode(data)
