"""SIGINT: calls that are not started are cancelled."""
import signal
import time

import pytest
from shell import BREAKER, interrupt

from support.program import SLOWNESS


@pytest.fixture
def worker(environment, broker):
    return environment.worker(broker, "--processes", "1", "--prefetch", "1",
                              app=BREAKER, arguments=["i"])


def test_a_call_under_way(crewctl, worker, note):
    process = crewctl.start("call", "i.note", "-d", note.body(3000, "begun"))
    note.wait("begun")
    began_s = time.monotonic()
    assert interrupt(process)[:3] == (130, b"", "")
    assert time.monotonic() - began_s < 2 * SLOWNESS


def test_queued_calls_are_not_run(crewctl, broker, worker, note):
    blocking = crewctl.start("call", "i.note", "-d", note.body(1500, "first"))
    note.wait("first")
    waiting = crewctl.start("call", "i.note", "-d", note.body(0, "waits"))
    series = crewctl.start("call", "i.note", "-d", note.body(0, "many"), "-n", "5", "-c", "3")
    broker.wait_ready_messages("i.note", 4)
    assert interrupt(waiting)[:3] == (130, b"", "")
    done = interrupt(series)
    assert done.status == 130
    assert "\ncancelled      3\n" in done.err and "\nanswered       0\n" in done.err
    assert blocking.wait(10 * SLOWNESS) == 0
    blocking.communicate()
    # Whatever is in the queue has its turn before this one.
    assert crewctl("call", "i.note", "-d", note.body(0, "last")) == b"noted"
    assert note.lines() == ["first", "last"]


def test_sigterm_and_sighup(crewctl, broker, worker, note):
    for number, signum in enumerate((signal.SIGTERM, signal.SIGHUP)):
        process = crewctl.start("call", "i.note", "-d", note.body(800, f"begun{number}"))
        note.wait(f"begun{number}")
        assert interrupt(process, signum)[:3] == (128 + signum, b"", "")


def test_nohup(crewctl, worker, note):
    process = crewctl.start(
        "call", "i.note", "-d", note.body(500, "begun"),
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    note.wait("begun")
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=10 * SLOWNESS)
    assert (process.returncode, out, err) == (0, b"noted", b"")


def test_a_handler_that_runs_already_is_let_run(crewctl, worker, note):
    process = crewctl.start("call", "i.note", "-d", note.body(300, "begun"))
    note.wait("begun")
    assert interrupt(process).status == 130
    assert crewctl("call", "i.note", "-d", note.body(0, "next")) == b"noted"
    assert note.lines() == ["begun", "next"]
