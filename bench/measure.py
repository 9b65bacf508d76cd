"""Measurements: the results of a load generator, and the resources its processes used."""
import contextlib
import os
import re
import time
from dataclasses import dataclass, field

from support.program import parent_of
from support.waiting import wait_until

KB = 1024
LOOK_S = 0.2
SETTLED_US = 2000  # in that time, of all together


@dataclass
class Load:
    """One measurement of one scenario."""

    count: int         # requests or calls
    rate: float        # of them a second
    latency_ms: dict   # {p50, p90, p99, p99.9, longest: milliseconds}, as far as they are known
    ideal_rate: float | None = None  # if nothing took time but what handlers do by themselves
    refused: int = 0   # most at a time that the web server did not take
    wrong: list = field(default_factory=list)   # what went wrong, in words
    cpu_us: dict = field(default_factory=dict)  # {kind of process: for each of them}
    memory_bytes: dict = field(default_factory=dict)  # {state: {kind of process: bytes}}


# KINDS below is {kind of process: [process id]}. What these have started counts with them,
# unless it is of a kind of its own.

def cpu_us(kinds):
    """{kind: microseconds, user and system}"""
    parents = {pid: parent_of(pid) for pid in map(int, filter(str.isdigit, os.listdir("/proc")))}
    kind_of = {pid: kind for kind, pids in kinds.items() for pid in pids}
    total = dict.fromkeys(kinds, 0)
    for pid in parents:
        above = pid
        while above in parents and above not in kind_of:
            above = parents[above]
        if above in kind_of:
            total[kind_of[above]] += process_cpu_us(pid)
    return total


def process_cpu_us(pid):
    """Of its threads (all that we measure keep theirs), which is exact; the times of the
    whole process are in hundredths of a second."""
    total_ns = 0
    with contextlib.suppress(OSError):  # it has ended
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                total_ns += int(file.read().split()[0])
    return total_ns / 1000


def settle(kinds):
    """Wait until these have nothing more to do."""
    def settled():
        before = cpu_us(kinds)
        time.sleep(LOOK_S)
        return sum(cpu_us(kinds).values()) - sum(before.values()) < SETTLED_US

    wait_until(settled, 60, 0, "nothing more to do")


def memory_bytes(kinds):
    """{kind: bytes resident in one of its processes}, with pages that others have, too."""
    return {kind: sum(map(resident_bytes, pids)) / len(pids) for kind, pids in kinds.items()}


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def proportional_bytes(kinds):
    """{kind: bytes resident in all of its processes}, each page counted once: shared memory,
    too."""
    return {kind: sum(map(own_bytes, pids)) for kind, pids in kinds.items()}


def own_bytes(pid):
    """With its part of the pages that it shares."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return KB * int(re.search(r"(?m)^Pss:\s+(\d+)", file.read())[1])
