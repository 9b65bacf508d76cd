"""What is measured, as data: sets of scenarios. A line more here is a line more in the
tables."""
from dataclasses import dataclass

KB, MB = 1024, 1024 * 1024
TEXT = "text/plain; charset=utf-8"
SLOW_MS, SLOW_PROCESSES, SLOW_CONNECTIONS = 50, 16, 64


@dataclass(frozen=True)
class Request:
    """GET PATH from a chain over HTTP, on so many connections at a time; a POST that comes
    back where it has a body."""

    chain: str
    path: str
    connections: int
    answer: bytes  # the body that each chain must give
    content_type: str = TEXT
    body_bytes: int = 0
    rate: int = 0     # requests a second; 0: as fast as they are answered
    beside: str = ""  # the path that one more connection asks for all the while


@dataclass(frozen=True)
class Call:
    """Calls over the broker with random bodies, which come back, so many of them under way
    at a time. WAY is how the caller waits for them."""

    chain: str
    way: str
    under_way: int
    body_bytes: int


def hello(chain, connections, **more):
    """The least that a handler can do."""
    return Request(chain, "/hello", connections, b"Hello, world\n", **more)


def sleep(chain, ms, connections):
    return Request(chain, f"/sleep?ms={ms}", connections, f"slept {ms} ms\n".encode())


def echo(chain, body_bytes, connections):
    return Request(chain, "/echo", connections, b"", "application/octet-stream",
                   body_bytes=body_bytes)


CALLS = [
    Call("pump", "async", 1, KB),
    Call("crew-calls", "async", 1, KB),
    Call("crew-calls", "wait", 1, KB),
    Call("pump", "async", 8, KB),
    Call("crew-calls", "group", 8, KB),
    Call("pump", "async", 64, KB),
    Call("crew-calls", "async", 64, KB),
    Call("pump", "async", 8, MB),
    Call("crew-calls", "async", 8, MB),
]
SLOW = sleep("crew-slow", SLOW_MS, SLOW_CONNECTIONS)
BESIDE = [hello("crew", 64), hello("crew", 64, beside="/sleep?ms=100"),
          hello("crew", 64, beside="/sleep?ms=2000")]

# What crew is made of at least, one at a time: a call and a FastCGI request.
LONE, LONE_CALL, LONE_REQUEST = hello("crew", 1), CALLS[0], hello("bare-kept", 1)


def peers(connections):
    for count in connections:
        for chain in "crew", "bare-kept", "bare-each", "php-fpm", "uwsgi":
            yield hello(chain, count)
        if count == 1:  # above its number of children it leaves connections waiting
            yield hello("php-fpm-kept", count)


SETS = {
    "peers": lambda wanted: peers(wanted.connections),
    "calls": lambda wanted: CALLS,
    "slow": lambda wanted: [*BESIDE, SLOW],
    "batches": lambda wanted: [hello(chain, count) for count in wanted.connections
                               for chain in ("crew", "crew-single", "bare-kept")],
    "handlers": lambda wanted: [sleep(chain, ms, count) for count in (16, 64)
                                for ms in (0, 1, 50) for chain in ("crew", "crew-single")],
    "bodies": lambda wanted: [echo(chain, size, 16) for size in (1, 10 * KB, MB)
                              for chain in ("crew", "crew-single")],
    "connections": lambda wanted: [hello(chain, count)
                                   for count in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
                                   for chain in ("crew", "bare-kept", "php-fpm", "uwsgi")],
    "rate": lambda wanted: [hello(chain, 64, rate=rate)
                            for rate in (500, 2000, 4000, 8000)
                            for chain in ("crew", "bare-kept", "php-fpm", "uwsgi")],
}
USUAL_SETS = ["peers", "calls", "slow"]
