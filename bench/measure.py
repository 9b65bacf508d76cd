"""Measuring: what a load has done, and what its processes have used."""
import os
from dataclasses import dataclass, field

TICK_US = 1_000_000 // os.sysconf("SC_CLK_TCK")


@dataclass
class Load:
    """One measurement of one scenario."""

    count: int         # requests or calls
    rate: float        # of them a second
    latency_ms: dict   # {p50, p90, p99, p99.9, longest: milliseconds}, as far as they are known
    ideal_rate: float | None = None  # if nothing took time but what handlers do by themselves
    wrong: list = field(default_factory=list)   # what went wrong, in words
    cpu_us: dict = field(default_factory=dict)  # {kind of process: for each of them}
    memory_bytes: dict = field(default_factory=dict)  # {state: {kind of process: bytes}}


# KINDS below is {kind of process: [process id]}. What these have started counts with them,
# unless it is of a kind of its own.

def processes():
    """{pid: (parent, ticks of user and system time)}"""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                    words = file.read().rpartition(")")[2].split()
                found[int(name)] = int(words[1]), int(words[11]) + int(words[12])
            except OSError:
                continue
    return found


def cpu_us(kinds):
    """{kind: microseconds, user and system}"""
    table = processes()
    kind_of = {pid: kind for kind, pids in kinds.items() for pid in pids}
    total = dict.fromkeys(kinds, 0)
    for pid, (_, ticks) in table.items():
        above = pid
        while above in table and above not in kind_of:
            above = table[above][0]
        if above in kind_of:
            total[kind_of[above]] += ticks * TICK_US
    return total


def memory_bytes(kinds):
    """{kind: bytes}; of a page that several processes share, each has its part."""
    return {kind: sum(map(proportional_bytes, pids)) for kind, pids in kinds.items()}


def proportional_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
