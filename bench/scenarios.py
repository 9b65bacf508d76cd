"""What is measured, as data. A chain may have any number of scenarios."""
from dataclasses import dataclass

KB, MB = 1024, 1024 * 1024


@dataclass(frozen=True)
class Request:
    """GET PATH from a web chain, over so many connections at a time."""

    chain: str
    path: str
    connections: int
    answer: bytes
    content_type: str


@dataclass(frozen=True)
class Call:
    """Calls over the broker with random bodies, so many of them under way at a time. WAY is
    how the caller waits for its answers."""

    chain: str
    way: str
    outstanding: int
    body_bytes: int


def hello(chain, connections):
    return Request(chain, "/hello", connections, b"Hello, world\n", "text/plain; charset=utf-8")


def requests(connections):
    """At each of these numbers of connections."""
    return [hello(chain, count) for count in connections
            for chain in ("crew", "bare-kept", "bare-each", "php-fpm", "php-fpm-kept", "uwsgi")]


CALLS = [
    Call("pump", "async", 1, KB),
    Call("crew-calls", "async", 1, KB),
    Call("pump", "async", 64, KB),
    Call("crew-calls", "async", 64, KB),
    Call("pump", "async", 8, MB),
    Call("crew-calls", "async", 8, MB),
]
