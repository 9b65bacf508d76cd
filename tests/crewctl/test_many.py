"""crewctl call --count N --parallel M, and its summary."""
import re

import pytest
from shell import BREAKER

from support.program import SLOWNESS
from support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("workers")


def summary(err):
    """The lines of the summary by their first word(s)."""
    return dict(re.split(r"\s{2,}", line, maxsplit=1) for line in err.splitlines())


def test_a_summary_and_no_bodies(crewctl):
    done = crewctl.run("call", "test", "--count", "300", "--parallel", "20")
    assert (done.status, done.out) == (0, b"")
    said = summary(done.err)
    assert said["calls"] == "300, at most 20 at a time"
    assert said["answered"] == "300"
    seconds, rate = float(said["seconds"]), float(said["calls/s"])
    assert 0 < seconds < done.seconds and 290 < rate * seconds < 310
    found = re.fullmatch(r"min ([\d.]+), median ([\d.]+), p99 ([\d.]+), max ([\d.]+)",
                         said["latency ms"])
    times_ms = [float(text) for text in found.groups()]
    assert times_ms == sorted(times_ms) and 0 < times_ms[0]
    assert times_ms[-1] <= seconds * 1000 + 1


def test_bodies_when_asked_for(crewctl):
    done = crewctl.run("call", "b.ping", "-n", "5", "-c", "3", "--print")
    assert (done.status, done.out) == (0, b"pong\n" * 5)
    assert crewctl.run("call", "test", "-n", "2", "--print").out == b"Wake up Neo.\n" * 2


def test_two_at_a_time(crewctl, environment, broker, note):
    """There are processes for four. The second call begins while the first one runs, the
    others do not."""
    environment.worker(broker, "--processes", "4", app=BREAKER,
                       arguments=["m"])
    process = crewctl.start("call", "m.note", "-d", note.body(2000, "x"), "-n", "4", "-c2")
    note.wait("x")
    wait_until(lambda: len(note.lines()) == 2, 1.8)
    _, err = process.communicate(timeout=20 * SLOWNESS)
    assert process.returncode == 0 and note.lines() == ["x"] * 4
    assert float(summary(err.decode())["seconds"]) >= 4


def test_the_worst_status(crewctl, queue):
    """Answers and errors are distinguished, and the exit status is the worst one."""
    queue("one", **{"x-max-length": 1, "x-overflow": "reject-publish"})
    done = crewctl.run("call", "one", "-n", "4", "-c", "4", "--expiration", "1")
    said = summary(done.err)
    assert (said["calls"], said["answered"]) == ("4, at most 4 at a time", "0")
    assert (said["overloaded"], said["expired"]) == ("3", "1"), done
    assert done.status == 13 and "latency ms" not in said


def test_errors_of_every_call(crewctl):
    done = crewctl.run("call", "b.crash", "-d", "abort", "-n", "3")
    assert (done.status, summary(done.err)["crashed"]) == (16, "3")


def test_error_statuses_of_handlers(crewctl):
    done = crewctl.run("call", "teapot", "-n", "3", "--fail")
    assert done.status == 3
    assert summary(done.err)["status >= 400"] == "3 (of the answered)"
    assert crewctl.run("call", "teapot", "-n", "3").status == 0


def test_more_at_a_time_than_there_are(crewctl):
    done = crewctl.run("call", "test", "-n", "3", "-c", "10000")
    assert done.status == 0 and summary(done.err)["calls"] == "3, at most 3 at a time"
