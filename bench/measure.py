"""Measuring: what a load has done, and what processor time it has cost."""
import contextlib
import os
import re
import subprocess
from dataclasses import dataclass, field

from programs import compile_program

TICK_US = 1_000_000 // os.sysconf("SC_CLK_TCK")
TIME_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}


@dataclass
class Load:
    """One measurement of one scenario."""

    count: int         # requests or calls
    rate: float        # of them a second
    p50_ms: float
    p99_ms: float
    wrong: list = field(default_factory=list)   # what went wrong, in words
    cpu_us: dict = field(default_factory=dict)  # {kind of process: for each of them}


def measure(chain, scenario, seconds):
    """Let CHAIN bear SCENARIO, and see what its processes use for it."""
    kinds = chain.processes()
    before = cpu_us(kinds)
    load = chain.load(scenario, seconds)
    after = cpu_us(kinds)
    for kind in kinds:
        load.cpu_us[kind] = (after[kind] - before[kind]) / max(load.count, 1)
    return load


# ---- processor time

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
    """{kind: microseconds, user and system, of its process and all below it}"""
    table = processes()
    kind_of = {pid: kind for kind, pid in kinds.items()}
    total = dict.fromkeys(kinds, 0)
    for pid, (_, ticks) in table.items():
        above = pid
        while above in table and above not in kind_of:
            above = table[above][0]
        if above in kind_of:
            total[kind_of[above]] += ticks * TICK_US
    return total


# ---- the loads

def wrk(url, connections, seconds, body_bytes=0):
    """Requests over HTTP, as fast as they are answered."""
    post = ["-s", os.path.join(os.path.dirname(os.path.abspath(__file__)), "post.lua")]
    done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency",
                           "--timeout", "30s", *(post if body_bytes else []), url],
                          env=os.environ | {"BODY_BYTES": str(body_bytes)},
                          capture_output=True, text=True, check=True).stdout
    if " 0 requests in" in done:
        raise SystemExit(f"{url}: no answer at {connections} connections\n{done}")
    return Load(count=int(re.search(r"(\d+) requests in", done)[1]),
                rate=float(re.search(r"Requests/sec:\s+([\d.]+)", done)[1]),
                p50_ms=milliseconds(re.search(r"(?m)^ +50%\s+(\S+)", done)[1]),
                p99_ms=milliseconds(re.search(r"(?m)^ +99%\s+(\S+)", done)[1]),
                wrong=re.findall(r"(?:Socket errors|Non-2xx).*", done))


@contextlib.contextmanager
def asking(url):
    """One connection asks for URL all the while."""
    asker = subprocess.Popen(["wrk", "-t1", "-c1", "-d1h", "--timeout", "30s", url],
                             stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        asker.kill()
        asker.wait()


def at_rate(port, path, connections, rate, seconds):
    """So many requests a second, whatever the answers take (fixed_rate.c)."""
    program = compile_program("fixed_rate", ["fixed_rate.c", "samples.c"], [])
    load = caller([program, str(port), path, str(connections), str(rate), str(seconds)])
    load.cpu_us.clear()
    return load


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * TIME_UNITS_MS[unit]


def caller(command):
    """A program that makes calls and prints the line of samples.h."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{os.path.basename(command[0])}: {done.stderr.strip()}")
    said = {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", done.stdout)}
    return Load(count=int(said["calls"]), rate=said["rate"], p50_ms=said["p50_us"] / 1000,
                p99_ms=said["p99_us"] / 1000, cpu_us={"client": said["cpu_us"]},
                wrong=[f"{said['wrong']:.0f} wrong"] if "wrong" in said else [])
