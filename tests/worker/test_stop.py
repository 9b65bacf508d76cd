"""Signals to the supervisor: what becomes of the tasks in hand."""
import os
import signal

from support.waiting import wait_until


def started(tmp_path, call, count=1, ms=1000):
    """COUNT calls whose handlers have started."""
    file = tmp_path / "started"
    names = [call.begin("note", f"{ms} {file} line{i}", repeat=False) for i in range(count)]
    wait_until(lambda: lines(file) == count, what="started")
    return names


def lines(file):
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_sigterm_finishes_what_is_in_hand(breaker, broker, call, prefix, tmp_path, slowness):
    worker = breaker("--processes", "2", "--prefetch", "4")
    names = started(tmp_path, call, 2, ms=800)
    waiting = [call.begin("ping") for _ in range(2)]  # in hand, not started
    broker.wait_ready_messages(f"{prefix}.ping", 0)
    worker.signal(signal.SIGTERM)
    assert [answer.body for answer in call.wait(*names)] == [b"noted"] * 2
    assert [answer.body for answer in call.wait(*waiting)] == [b"pong"] * 2
    assert worker.wait(5) == 0
    broker.wait_consumers(f"{prefix}.ping", 0)
    late = call.begin("ping")
    breaker("--processes", "1")
    assert call.wait(late)[0].body == b"pong"


def test_sigquit_is_as_graceful(breaker, call, tmp_path):
    worker = breaker("--processes", "1")
    names = started(tmp_path, call, ms=500)
    worker.signal(signal.SIGQUIT)
    assert call.wait(*names)[0].body == b"noted"
    assert worker.wait(5) == 0


def leave_at_once(breaker, broker, call, prefix, tmp_path, stop, slowness):
    worker = breaker("--processes", "1", "--prefetch", "3")
    names = started(tmp_path, call, 1, ms=20000)
    waiting = [call.begin("who") for _ in range(2)]
    broker.wait_ready_messages(f"{prefix}.who", 0)
    stop(worker)
    answer = call.wait(*names)[0]
    assert (answer.status, answer.error) == (502, "lost")
    assert answer.seconds < 10 * slowness
    assert worker.wait(4) == 0
    # What was not started is in the queue again, once each, and not as a redelivered message
    # that must not be repeated.
    broker.wait_ready_messages(f"{prefix}.who", 2)
    breaker("--processes", "1")
    assert {answer.status for answer in call.wait(*waiting)} == {200}
    assert lines(tmp_path / "started") == 1, "it must not run a second time"


def test_sigint_leaves_at_once(breaker, broker, call, prefix, tmp_path, slowness):
    leave_at_once(breaker, broker, call, prefix, tmp_path,
                  lambda worker: worker.signal(signal.SIGINT), slowness)


def test_a_second_sigterm_leaves_at_once(breaker, broker, call, prefix, tmp_path, slowness):
    def stop(worker):
        worker.signal(signal.SIGTERM)
        worker.wait_log("finishing the tasks in hand")
        worker.signal(signal.SIGTERM)

    leave_at_once(breaker, broker, call, prefix, tmp_path, stop, slowness)


def test_a_stop_before_anything_is_ready(environment, broker, build_app):
    app = build_app('#include <crew/app.h>\n#include <unistd.h>\n'
                    'CREW_APP(app) { (void)app; for (;;) pause(); }')
    worker = environment.worker(broker, app=app, ready=False)
    wait_until(worker.children)
    worker.signal(signal.SIGTERM)
    assert worker.wait(5) == 0


def test_a_stop_without_a_broker(breaker):
    class Nowhere:
        url = "amqp://guest:guest@127.0.0.1:34099/"

    worker = breaker("--processes", "1", at=Nowhere, ready=False)
    worker.wait_log("serves tasks")
    worker.wait_handlers(1)
    worker.signal(signal.SIGTERM)
    assert worker.wait(5) == 0


def test_a_stray_sigterm_does_not_hurt_a_handler(breaker, call, tmp_path):
    """A service manager may signal every process of its group."""
    worker = breaker("--processes", "1")
    names = started(tmp_path, call, 1, ms=600)
    for pid in worker.children():
        os.kill(pid, signal.SIGTERM)
    worker.signal(signal.SIGTERM)
    assert call.wait(*names)[0].body == b"noted"
    assert worker.wait(5) == 0
