"""The performance targets of crew, and the measured values."""
import statistics

from scenarios import (BESIDE_SLOW, BUSY, CALM, DISTURBED, EASY, FULL, LARGE, LARGE_PUMP,
                       SHORT_OF_ONE)
from table import median, ratio

NOTICEABLE_MS = 10


def at_least(limit, seen):
    return {"seen": f"{seen:.3f}", "wanted": f"at least {limit:.2f}",
            "": "kept" if seen >= limit else "missed"}


def at_most(limit_ms, seen_ms):
    return {"seen": f"{seen_ms:.0f} ms", "wanted": f"at most {limit_ms:.0f} ms",
            "": "kept" if seen_ms <= limit_ms else "missed"}


def longer_ms(loads, others, name):
    """By how much this latency is longer than the others'."""
    return statistics.median(a.latency_ms[name] - b.latency_ms[name]
                             for a, b in zip(loads, others))


# ---- each mark: what it needs, its words, and what is seen. P is the number of processes.

def neighbours(disturbed, calm, _):
    return at_least(0.9, ratio(disturbed, calm))


def kept_busy(busy, _):
    return at_least(0.97, median(busy, lambda load: load.rate / load.ideal_rate))


def share(short, full, p):
    """Of what one process less can do."""
    return at_least(0.97, ratio(short, full) * p / (p - 1))


def turn(short, full, p):
    """No longer than all the others take once."""
    turn_ms = FULL.connections * FULL.busy_ms / (p - 1)
    return at_most(turn_ms, longer_ms(short, full, "longest"))


def unnoticed(beside, easy, _):
    return at_most(NOTICEABLE_MS, longer_ms(beside, easy, "p99.9"))


def large(calls, pump, _):
    return {"seen": f"{ratio(calls, pump):.3f}", "wanted": "", "": ""}


MARKS = [
    ("64 connections call hello, one a handler of 100 ms beside them: of their rate without it",
     neighbours, (DISTURBED, CALM)),
    ("handlers of 50 ms, 16 processes in two workers: of the ideal rate", kept_busy, (BUSY,)),
    ("a request of 2 s has one process, handlers of 10 ms the others: of these processes' share",
     share, (SHORT_OF_ONE, FULL)),
    ("the same: by how much the longest wait is longer", turn, (SHORT_OF_ONE, FULL)),
    ("a request of 2 s beside 1,000 hellos a second: by how much p99.9 is longer",
     unnoticed, (BESIDE_SLOW, EASY)),
    ("random bodies of 1 MB both ways: of the pump's rate", large, (LARGE, LARGE_PUMP)),
]


def marks(results, processes):
    """A row for each mark for which all is measured."""
    for words, see, needed in MARKS:
        if all(one in results for one in needed):
            yield {"mark": words, **see(*(results[one] for one in needed), processes)}
