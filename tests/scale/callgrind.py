"""Programs under callgrind, which counts executed instructions: the counts do not depend on the
machine's speed or load."""
import re
import subprocess

from support.bridge import Bridge
from support.program import BUILD, Program, binary
from support.waiting import wait_until
from support.worker import Worker

START_BOUND_S = 120
REST_BOUND_S = 120
QUERY_INSTRUCTIONS = 1000  # a query of the count costs fewer, a request more
QUERY_INTERVAL_S = 0.15  # a worker reports after 0.1 s that a task was started


class Counted(Program):
    """Counts the instructions of a program and of its children."""

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
    """The instructions that all threads of a process have executed."""
    said = subprocess.run(["vgdb", f"--pid={pid}", "--max-invoke-ms=5", "status",
                           "internal"], check=True, capture_output=True, text=True,
                          timeout=60).stdout
    counts = re.findall(r"(?m)^events-\d+: (\d+)$", said)
    assert counts, said
    return sum(map(int, counts))


def wait_idle(pids):
    """The instructions of each of the processes {name: pid}, once all are idle."""
    last = dict.fromkeys(pids, 0)

    def unchanged():
        nonlocal last
        before, last = last, {name: instructions(pid) for name, pid in pids.items()}
        return all(last[name] - before[name] < QUERY_INSTRUCTIONS for name in pids)

    wait_until(unchanged, REST_BOUND_S, QUERY_INTERVAL_S, what="processes are idle")
    return last


def cost(pids, requests, action):
    """The instructions of each process for one of the REQUESTS that ACTION makes."""
    before = wait_idle(pids)
    action()
    after = wait_idle(pids)
    return {name: round((after[name] - before[name]) / requests) for name in pids}
