"""The envelope of docs/wire.md: items in, bytes out, and back. Needs nothing but Python."""
import gzip
import struct
import zlib
from dataclasses import dataclass, field
from enum import IntEnum

CONTENT_TYPE = "application/vnd.crew.v1"
MAGIC, VERSION = b"CRW", 1
MAX_ITEMS, MAX_PAIRS, MAX_PAIRS_BYTES, MAX_ID_BYTES = 256, 4096, 1 << 20, 64


class Kind(IntEnum):
    REQUEST = 1
    ANSWER = 2
    HEAD = 3
    CHUNK = 4
    END = 5
    CREDIT = 6
    CANCEL = 7
    TAKEN = 8
    PING = 9


KINDS = set(Kind)

# How a call can end without an answer of its handler, and the status of it.
OUTCOMES = {"broker": 503, "overloaded": 503, "no-workers": 503, "expired": 503,
            "timeout": 504, "deadline": 504, "crashed": 502, "lost": 502, "failed": 500,
            "bad-response": 502, "bad-envelope": 502}

# name: (code, type); the numbers are big-endian, text is UTF-8.
FIELDS = {
    "deadline_unix_ms": (1, ">Q"),
    "budget_ms": (2, ">I"),
    "repeat": (3, ">B"),
    "status": (4, ">H"),
    "error": (5, "text"),
    "run_us": (6, ">Q"),
    "sequence": (7, ">I"),
    "credit_bytes": (8, ">I"),
    "worker": (9, "text"),
}
NAMES = {code: (name, form) for name, (code, form) in FIELDS.items()}

ITEM = struct.Struct(">IBBHI")  # rest, kind, id_bytes, fields_bytes, pairs_bytes
HEAD = struct.Struct(">IB")  # what every kind begins with
ITEM_REST = ITEM.size - 4  # `rest` does not count itself
FIELD = struct.Struct(">BH")
PAIR = struct.Struct(">HI")


class Malformed(ValueError):
    """These bytes are not what they claim to be."""


@dataclass
class Item:
    kind: int
    id: str = ""
    fields: dict = field(default_factory=dict)  # {"status": 200}
    pairs: list = field(default_factory=list)  # [(b"name", b"value")], in their order
    body: bytes = b""


# ---- content_encoding

def inflate(encoding, body):
    """The body of a message, whose content_encoding may be gzip, a word for none, or none."""
    if (encoding or "").lower() in ("", "identity", "utf-8", "plain"):
        return body
    if encoding.lower() != "gzip":
        raise Malformed(f"content_encoding {encoding}")
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise Malformed(f"not gzip: {error}") from None


# ---- items to bytes

def encode(items):
    return MAGIC + bytes([VERSION]) + b"".join(encode_item(item) for item in items)


def encode_item(item):
    name = item.id.encode("utf-8", "surrogateescape")
    fields = b"".join(encode_field(*one) for one in item.fields.items())
    pairs = b"".join(PAIR.pack(len(key), len(value)) + key + value
                     for key, value in item.pairs)
    rest = ITEM_REST + len(name) + len(fields) + len(pairs) + len(item.body)
    return (ITEM.pack(rest, item.kind, len(name), len(fields), len(pairs))
            + name + fields + pairs + item.body)


def encode_field(name, value):
    code, form = FIELDS[name]
    packed = value.encode() if form == "text" else struct.pack(form, value)
    return FIELD.pack(code, len(packed)) + packed


# ---- bytes to items

def decode(data):
    """The items of an envelope. Kinds that this version does not know are passed over."""
    if data[:4] != MAGIC + bytes([VERSION]):
        raise Malformed("no envelope of version 1")
    items, at = [], 4
    while at < len(data):
        rest, kind = unpack(HEAD, data, at, len(data))
        end = at + 4 + rest
        if rest < 1 or end > len(data):
            raise Malformed("an item is longer than the envelope")
        if kind in KINDS:
            items.append(decode_item(data, at, end))
        at = end
    if len(items) > MAX_ITEMS:
        raise Malformed("too many items")
    return items


def decode_item(data, at, end):
    _, kind, id_bytes, fields_bytes, pairs_bytes = unpack(ITEM, data, at, end)
    if id_bytes > MAX_ID_BYTES or pairs_bytes > MAX_PAIRS_BYTES:
        raise Malformed("over a limit")
    fields_at = at + ITEM.size + id_bytes
    pairs_at = fields_at + fields_bytes
    body_at = pairs_at + pairs_bytes
    if body_at > end:
        raise Malformed("an item is longer than it says")
    name = data[at + ITEM.size:fields_at].decode("utf-8", "surrogateescape")
    return Item(Kind(kind), name, decode_fields(data, fields_at, pairs_at),
                decode_pairs(data, pairs_at, body_at), data[body_at:end])


def decode_fields(data, at, end):
    """Fields whose code is not known are left out."""
    fields = {}
    while at < end:
        code, size = unpack(FIELD, data, at, end)
        at += FIELD.size + size
        if at > end:
            raise Malformed("a field is longer than its block")
        if code in NAMES:
            name, form = NAMES[code]
            fields[name] = decode_value(form, data[at - size:at])
    return fields


def decode_value(form, value):
    if form == "text":
        return value.decode("utf-8", "replace")
    if len(value) != struct.calcsize(form):
        raise Malformed("a number has another size")
    return struct.unpack(form, value)[0]


def decode_pairs(data, at, end):
    pairs = []
    while at < end:
        name_bytes, value_bytes = unpack(PAIR, data, at, end)
        value_at = at + PAIR.size + name_bytes
        at = value_at + value_bytes
        if at > end or len(pairs) == MAX_PAIRS:
            raise Malformed("a pair is longer than its block, or there are too many")
        pairs.append((data[value_at - name_bytes:value_at], data[value_at:at]))
    return pairs


def unpack(form, data, at, end):
    if at + form.size > end:
        raise Malformed("cut off")
    return form.unpack_from(data, at)
