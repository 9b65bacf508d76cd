"""What is measured, as data. Each entry is a row of the tables."""
from dataclasses import dataclass, replace

KB, MB = 1024, 1024 * 1024
TEXT, BYTES = "text/plain; charset=utf-8", "application/octet-stream"


@dataclass(frozen=True)
class Request:
    """GET PATH from a chain over HTTP, on so many connections at a time; with BODY_BYTES a
    POST of random bytes, which come back."""

    chain: str
    path: str
    connections: int
    answer: bytes = b""  # the body that each chain must give
    body_bytes: int | None = None
    busy_ms: int = 0  # what the handler takes by itself
    rate: int = 0  # requests a second; 0: as many as are answered
    beside: "Request | None" = None  # what is asked at the same time

    @property
    def content_type(self):
        return TEXT if self.body_bytes is None else BYTES


@dataclass(frozen=True)
class Call:
    """Calls over the broker with random bodies, which come back, so many of them under way
    at a time. WAY is how the caller waits for them."""

    chain: str
    way: str
    under_way: int
    body_bytes: int


@dataclass(frozen=True)
class Footprint:
    """What a chain takes in memory at so many connections, started anew for it."""

    chain: str
    connections: int


@dataclass(frozen=True)
class Waiting:
    """Readers that wait for what is published: each on one of the channels, with a poll for
    each message, or a stream of server-sent events (sse). MESSAGES are published on each
    channel, one after the other."""

    chain: str
    mode: str
    readers: int
    channels: int
    messages: int


# ---- requests

def hello(chain, connections, **rest):
    """The least that a handler can do."""
    return Request(chain, "/hello", connections, b"Hello, world\n", **rest)


def sleep(chain, ms, connections, **rest):
    return Request(chain, f"/sleep?ms={ms}", connections, f"slept {ms} ms\n".encode(),
                   busy_ms=ms, **rest)


def echo(chain, body_bytes, connections):
    return Request(chain, "/echo", connections, body_bytes=body_bytes)


# ---- sets

SERVERS = "crew", "bare-kept", "php-fpm", "uwsgi"
COUNTS = 1, 16, 64, 256, 1000  # of connections
RATES = 1000, 4000, 8000
BODIES = 0, 10 * KB, MB
WAITED_FOR = "crew-parked", "crew-parked-each", "nchan"
READERS, FEW_READERS = (1000, 5000, 10000), (200, 1000)

# One at a time: what crew is made of at least, a call and a FastCGI request.
LONE, LONE_CALL, LONE_REQUEST = (hello("crew", 1), Call("pump", "async", 1, KB),
                                 hello("bare-kept", 1))
# Whether a slow handler holds up others: 64 that are fast, then handlers that fill all
# processes but the one that the slow request has, then a load that is far below the most.
CALM = hello("crew", 64)
DISTURBED = replace(CALM, beside=sleep("crew", 100, 1))
FULL = sleep("crew", 10, 16)
SHORT_OF_ONE = replace(FULL, beside=sleep("crew", 2000, 1))
EASY = hello("crew", 64, rate=1000)
BESIDE_SLOW = replace(EASY, beside=sleep("crew", 2000, 1))
# Whether processes are kept busy: 16 in two workers, 50 ms each.
BUSY = sleep("crew-16", 50, 64)
LARGE, LARGE_PUMP = Call("crew-calls", "async", 8, MB), Call("pump", "async", 8, MB)

CALLS = [
    LONE_CALL,
    Call("crew-calls", "async", 1, KB),
    Call("crew-calls", "wait", 1, KB),
    Call("pump", "async", 8, KB),
    Call("crew-calls", "group", 8, KB),
    Call("pump", "async", 64, KB),
    Call("crew-calls", "async", 64, KB),
    LARGE_PUMP,
    LARGE,
]


def speed(counts):
    for count in counts:
        for chain in "crew", "bare-kept", "bare-each", "php-fpm", "uwsgi":
            yield hello(chain, count)
        if count == 1:  # above its number of children it leaves connections waiting
            yield hello("php-fpm-kept", count)


def marks():
    yield from speed([1, 64])
    yield from (DISTURBED, BUSY, FULL, SHORT_OF_ONE, EASY, BESIDE_SLOW)
    yield from CALLS


def batches(counts):
    for count in counts:
        for chain in "crew", "crew-single":
            yield hello(chain, count)
    for chain in "crew", "crew-single":
        yield sleep(chain, 1, 64)


def handlers():
    for chain in "crew", "php-fpm", "uwsgi":
        yield hello(chain, 64)
        yield sleep(chain, 1, 64)
        yield sleep(chain, 50, 64)


def bodies():
    for body_bytes in BODIES:
        for count in 1, 16:
            for chain in SERVERS:
                yield echo(chain, body_bytes, count)


def rate():
    for each in RATES:
        for chain in SERVERS:
            yield hello(chain, 64, rate=each)


def parked(readers):
    for count in readers:
        for chain in WAITED_FOR:
            yield Waiting(chain, "poll", count, channels=1, messages=1)
    for chain in WAITED_FOR:
        yield Waiting(chain, "poll", readers[-1], channels=readers[-1], messages=1)
    for chain in "crew-parked", "nchan":
        yield Waiting(chain, "sse", readers[-1], channels=1, messages=10)


def sets(counts, readers):
    """{name: what it measures}; COUNTS are numbers of connections, READERS those of
    parked."""
    return {"marks": [*marks()],
            "speed": [*speed(counts)],
            "batches": [*batches(counts)],
            "handlers": [*handlers()],
            "bodies": [*bodies()],
            "rate": [*rate()],
            "memory": [Footprint("crew-anew", count) for count in counts],
            "calls": CALLS,
            "parked": [*parked(readers)]}
