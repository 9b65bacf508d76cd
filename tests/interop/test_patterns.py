"""Channel patterns: libcrew matches as the broker's topic exchange does."""
import itertools
import os
import subprocess

from support.program import BUILD

MATCHES = os.path.join(BUILD, "tests", "matches")

PATTERNS = [
    "", "#", "*", "a", "b", "A", "#.#", "*.*", "#.*", "*.#", "#.*.#", "#.*.#.*", "*.#.*",
    "a.#", "#.a", "a.*", "*.a", "a.b", "a.b.c", "a.*.c", "a.#.c", "#.b.#", "#.a.#.b.#",
    "a.#.b.#.c", "#.a.a", "#.a.#.a.#.a.#", "#.a.*.b", "*.b.*", "a.*.#", "a.#.*", "#.c.*",
    ".", "..", "a.", ".a", "a..", "a..b", ".a.", "#.", ".#", "#..#", "*.", ".*", "a.#.",
    "..#", "*..*", "**", "##", "a*", "#a", "a.##.b", "c#.x*", " ", "a b.*", "\u00e4.*",
    "*.\u20ac", "\U0001f600.#", "a/b.#", "x" * 255, "#." + "x" * 253,
    ".".join(["*"] * 128),  # as many "#" keep the broker busy for ever
]
CHANNELS = [
    "", *"abcA", "aa", "ab", *map(".".join, itertools.product("ab", repeat=2)), "a.b.c",
    "a.c", "a.c.c", "a.b.b.c", "a.c.b", "b.a.a", "a.a.a", "a.b.a.b.a", "b.c.a", "c.b.a",
    "a.a.a.b", "a.a.b.c.d", "a.x.b.x.c", "a.x.b.x.c.x",
    ".", "..", "...", "a.", ".a", "a..", "a..b", "a...b", ".a.", ".b.", "..b",
    "*", "#", "a.*", "a.#", "#.b", "*.*", "a.#.b", "**", "##", "a*", "#a", "a.##.b",
    "c#.x*", "c#.xy", " ", "a b.c", "a .b", "\u00e4.\u20ac", "\u00e4", "\u20ac.\u00e4",
    "\U0001f600", "a/b", "x" * 255, "x." + "x" * 253, ".".join(["x"] * 128),
]


def routed(broker):
    """(pattern, channel) of what arrives in a queue that is bound with the pattern."""
    with broker.connect() as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.exchange_declare("patterns", exchange_type="topic")
        queues = {}
        for pattern in PATTERNS:
            queues[pattern] = channel.queue_declare("", exclusive=True).method.queue
            channel.queue_bind(queues[pattern], "patterns", pattern)
        for name in CHANNELS:
            channel.basic_publish("patterns", name, b"")  # is confirmed when it is routed
        for pattern, queue in queues.items():
            while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
                yield pattern, got[0].routing_key


def matched():
    """The same of libcrew."""
    done = subprocess.run([MATCHES, *PATTERNS, "--", *CHANNELS], capture_output=True,
                          text=True, check=True, timeout=60)
    return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


def test_the_broker_agrees(broker):
    assert len(set(PATTERNS)) == len(PATTERNS) and len(set(CHANNELS)) == len(CHANNELS)
    by_broker = sorted(routed(broker))
    by_us = sorted(matched())
    assert set(by_broker) ^ set(by_us) == set()
    assert by_us == by_broker
    assert {pattern for pattern, _ in by_us} > set(PATTERNS[:40])
