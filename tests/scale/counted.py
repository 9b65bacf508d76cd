"""Programs under callgrind, which counts the instructions that they execute. The counts are
the same on a fast machine and on a slow one, busy or not."""
import re
import subprocess

from support.bridge import Bridge
from support.program import BUILD, Program, binary
from support.waiting import wait_until
from support.worker import Worker

START_BOUND_S = 120
REST_BOUND_S = 120
LOOK = 1000  # instructions; to be looked at costs fewer, a request more
LOOKS_EVERY_S = 0.15  # a worker says after 0.1 s that a task was taken


class Counted(Program):
    """A program, and those that it starts, are counted."""

    def __init__(self, *arguments, **rest):
        super().__init__(*arguments, **rest)
        self.environment = {"REAL_EXE": binary(self.name),
                            "LD_PRELOAD": f"{BUILD}/tests/real_exe.so"}

    def command(self):
        return ["valgrind", "--tool=callgrind", "--trace-children=yes",
                f"--callgrind-out-file={self.path('counts.%p')}", *super().command()]

    def start(self, bound_s=START_BOUND_S, **popen):
        return super().start(bound_s, **popen)


class Holder(Program):
    """The worker of holder.c."""

    name = "holder"

    def __init__(self, folder, broker, prefix, tasks):
        super().__init__(folder)
        self.arguments = [broker.url, prefix, str(tasks)]

    def command(self):
        return [f"{BUILD}/tests/holder", *self.arguments]


class CountedHolder(Counted, Holder):
    pass


class CountedBridge(Counted, Bridge):
    pass


class CountedWorker(Counted, Worker):
    pass


def instructions(pid):
    """Those of all threads of a counted process until now."""
    said = subprocess.run(["vgdb", f"--pid={pid}", "--max-invoke-ms=5", "status",
                           "internal"], check=True, capture_output=True, text=True,
                          timeout=60).stdout
    counts = re.findall(r"(?m)^events-\d+: (\d+)$", said)
    assert counts, said
    return sum(map(int, counts))


def at_rest(pids):
    """Those of each of the processes {name: pid}, when none has anything more to do."""
    last = dict.fromkeys(pids, 0)

    def unchanged():
        nonlocal last
        before, last = last, {name: instructions(pid) for name, pid in pids.items()}
        return all(last[name] - before[name] < LOOK for name in pids)

    wait_until(unchanged, REST_BOUND_S, LOOKS_EVERY_S, what="nothing more to do")
    return last


def cost(pids, requests, action):
    """What each process executes for one of the REQUESTS that ACTION makes."""
    before = at_rest(pids)
    action()
    after = at_rest(pids)
    return {name: round((after[name] - before[name]) / requests) for name in pids}
