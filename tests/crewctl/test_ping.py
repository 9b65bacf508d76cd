"""crewctl ping: through the queue to a worker and back, without a handler."""
import re

from shell import BREAKER, interrupt, one_line

from support.program import SLOWNESS
from support.waiting import wait_until

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def test_one(crewctl, workers):
    out = crewctl("ping", "dead").decode()
    assert re.fullmatch(rf"reply from worker {UUID}: time=\d+\.\d\d ms\n", out), out


def test_no_handler_is_run(crewctl, environment, broker):
    worker = environment.worker(broker, "--processes", "1", app=BREAKER,
                                arguments=["n"])
    handlers = worker.children()
    for task in ("crash", "hang", "leak"):
        assert crewctl("ping", f"n.{task}").startswith(b"reply from worker ")
    assert worker.children() == handlers
    assert set(re.findall(rf"worker ({UUID})", worker.log())) == \
        set(re.findall(rf"worker ({UUID})", crewctl("ping", "n.who").decode()))


def test_several(crewctl, workers):
    out = crewctl("ping", "test", "--count", "3", "--interval", "0.1").decode()
    lines = out.split("\n")
    for sequence, line in enumerate(lines[:3], 1):
        assert re.fullmatch(rf"reply from worker {UUID}: seq={sequence} time=\S+ ms", line)
    assert lines[3:5] == ["", "--- test: 3 sent, 3 replies, 0% lost"]
    times_ms = [float(text) for text in
                re.fullmatch(r"min/median/max (\S+)/(\S+)/(\S+) ms", lines[5]).groups()]
    assert times_ms == sorted(times_ms)


def test_the_interval(crewctl, workers):
    done = crewctl.run("ping", "test", "-n", "4", "-i", "0.3")
    assert done.status == 0 and 0.9 <= done.seconds < 3 * SLOWNESS


def test_without_a_worker(crewctl):
    done = crewctl.run("ping", "nobody", "-n", "2", "-i", "0.05")
    assert done.status == 12
    assert done.err == "crewctl: ping nobody: no-workers: no worker serves this task\n" * 2
    assert done.out == b"\n--- nobody: 2 sent, 0 replies, 100% lost\n"


def test_expired(crewctl, queue):
    queue("deserted")
    done = crewctl.run("ping", "deserted", "--expiration", "0.2")
    assert (done.status, done.out) == (13, b"")
    assert one_line(done.err).startswith("ping deserted: expired: ")


def test_one_reply_is_enough(crewctl, environment, broker):
    """A worker leaves between two pings."""
    worker = environment.worker(broker, app=BREAKER, arguments=["p"])
    process = crewctl.start("ping", "p.ping", "-n", "2", "-i", "2", "--expiration", "0.3",
                            bufsize=0)
    assert process.stdout.readline().startswith(b"reply from worker ")
    worker.stop()
    out, err = process.communicate(timeout=10 * SLOWNESS)
    assert process.returncode == 0
    assert b"2 sent, 1 replies, 50% lost" in out and b"expired" in err


def test_until_interrupted(crewctl, workers):
    process = crewctl.start("ping", "test", "--count=0", "--interval=0.05", bufsize=0)
    for _ in range(3):
        assert process.stdout.readline().startswith(b"reply from worker ")
    done = interrupt(process)
    assert (done.status, done.err) == (0, "")
    assert re.search(rb"\n--- test: \d+ sent, \d+ replies, 0% lost\nmin/median/max ", done.out)


def test_interrupted_without_a_reply(crewctl, queue):
    task = queue("deserted")
    process = crewctl.start("ping", "deserted", "--count=0")
    wait_until(lambda: task.channel.queue_declare(task.name, passive=True)
               .method.message_count)
    assert interrupt(process) == (130, b"\n--- deserted: 1 sent, 0 replies, 0% lost\n", "", 0)


def test_behind_a_long_task(crewctl, environment, broker, note):
    """It waits for its turn like any other task: that is what is measured."""
    environment.worker(broker, "--processes", "1", "--prefetch", "1",
                       app=BREAKER, arguments=["q"])
    blocking = crewctl.start("call", "q.note", "-d", note.body(1000, "begun"))
    note.wait("begun")
    out = crewctl("ping", "q.note").decode()
    assert float(re.search(r"time=(\S+) ms", out)[1]) > 300
    assert blocking.wait(10) == 0
    blocking.communicate()
