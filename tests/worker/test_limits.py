"""Time, memory, requests and size of answers: each has its limit."""
import os

import pytest

from support.waiting import wait_until


def test_a_loop_is_stopped_at_the_timeout(breaker, call, slowness):
    worker = breaker("--processes", "1", "--timeout", "0.5", "--grace", "5")
    before = call.text("who").split()[0]
    name = call.begin("hang", "polite")
    answer = call.wait(name)[0]
    assert (answer.status, answer.error) == (504, "timeout")
    assert 0.5 <= answer.seconds < 1 * slowness
    # It returned when it was told to: the same process goes on.
    assert call.text("who").split()[0] == before
    worker.wait_log("asked to stop, backtrace")
    assert "breaker.so" in worker.log().split("asked to stop, backtrace", 1)[1]
    assert name in worker.log()


@pytest.mark.parametrize("how", ["deaf", "loop"])
def test_one_that_does_not_stop_is_killed_after_the_grace(breaker, call, how, slowness):
    breaker("--processes", "1", "--timeout", "0.4", "--grace", "0.5")
    before = int(call.text("who").split()[0])
    answer = call.call("hang", how)
    assert (answer.status, answer.error) == (504, "timeout")
    assert answer.seconds < 1 * slowness
    assert os.path.exists(f"/proc/{before}"), "the grace period is its own"
    assert int(call.text("who").split()[0]) != before
    assert not os.path.exists(f"/proc/{before}")


def test_the_callers_limit_counts_too(breaker, call, slowness):
    breaker("--processes", "1", "--timeout", "60")
    answer = call.call("hang", "polite", expiration_s=0.6)
    assert answer.error == "timeout"
    assert answer.seconds < 1.2 * slowness


def test_the_limit_holds_while_a_call_is_waited_for(breaker, call, slowness):
    worker = breaker("--processes", "1", "--timeout", "1")
    # Only the outer one: what it calls has less time left than the worker's timeout.
    answer = call.call("call_hang", expiration_s=0.8)
    assert answer.error == "timeout"
    assert answer.seconds < 1.5 * slowness
    worker.wait_log("the call ended with timeout")
    assert call.text("ping") == "pong"


def test_processes_are_replaced_after_max_requests(breaker, call):
    worker = breaker("--processes", "1", "--max-requests", "20")
    pids = []

    def four_processes():
        pids.append(call.text("who").split()[0])
        return len(set(pids)) == 4

    wait_until(four_processes, every_s=0, what="the fourth process")
    # A tenth of jitter; the old one goes on until the new one is ready.
    assert all(pids.count(pid) >= 18 for pid in set(pids[:-1]))
    worker.wait_handlers(1)


def test_max_requests_under_load_loses_nothing(breaker, call):
    breaker("--processes", "2", "--max-requests", "10")
    names = [call.begin("ping") for _ in range(200)]
    assert {answer.body for answer in call.wait(*names)} == {b"pong"}


def test_a_process_that_has_grown_is_replaced(breaker, call, sanitized):
    if sanitized:
        pytest.skip("a sanitizer's memory has no measure")
    breaker("--processes", "1", "--max-memory", "128M")
    before = call.text("who").split()[0]
    for _ in range(10):
        if call.text("leak", str(30 << 20)) == "no memory":
            break
    wait_until(lambda: call.text("who").split()[0] != before, what="another process")


def test_memory_ends_at_its_limit(breaker, call, sanitized):
    if sanitized:
        pytest.skip("a sanitizer's memory has no measure")
    breaker("--processes", "1", "--max-memory", "64M")
    assert call.text("leak", str(256 << 20)) == "no memory"


def test_a_response_over_the_limit(breaker, call):
    breaker("--processes", "1", "--max-response", "1M")
    before = call.text("who").split()[0]
    assert len(call.call("bytes", str(1 << 20)).body) == 1 << 20
    answer = call.call("bytes", str((1 << 20) + 1))
    assert (answer.status, answer.error) == (502, "bad-response")
    assert call.text("who").split()[0] == before


def test_large_bodies_come_back_unchanged(breaker, call):
    breaker("--processes", "1")
    body = os.urandom(10 << 20)
    assert call.call("echo", body).body == body
    assert call.call("echo", b"").body == b""
