"""What is measured, as data. A line more here is a line more in the tables."""
from dataclasses import dataclass

KB, MB = 1024, 1024 * 1024
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """GET PATH from a chain over HTTP, on so many connections at a time."""

    chain: str
    path: str
    connections: int
    answer: bytes  # the body that each chain must give
    content_type: str = TEXT


@dataclass(frozen=True)
class Call:
    """Calls over the broker with random bodies, which come back, so many of them under way
    at a time. WAY is how the caller waits for them."""

    chain: str
    way: str
    under_way: int
    body_bytes: int


def hello(chain, connections):
    """The least that a handler can do."""
    return Request(chain, "/hello", connections, b"Hello, world\n")


def requests(connections):
    """On each of these numbers of connections."""
    for count in connections:
        for chain in "crew", "bare-kept", "bare-each", "php-fpm", "uwsgi":
            yield hello(chain, count)
        if count == 1:  # above its number of children it leaves connections waiting
            yield hello("php-fpm-kept", count)


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

# One at a time: what crew is made of at least, a call and a FastCGI request.
LONE, LONE_CALL, LONE_REQUEST = hello("crew", 1), CALLS[0], hello("bare-kept", 1)
