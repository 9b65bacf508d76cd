"""Handlers that make several calls at once."""
import time


def lines(call, text, **rest):
    return call.text("gather", text, **rest).splitlines()


def test_answers_stand_in_the_order_of_the_calls(breaker, call):
    breaker("--processes", "4")
    assert lines(call, "all echo=1 ping= echo=2 echo=3") == ["1", "pong", "2", "3", "ok"]


def test_an_error_stands_in_its_place(breaker, call):
    breaker("--processes", "2")
    answers = lines(call, "all echo=1 crash=segv note=nonsense none=x echo=2")
    assert answers == ["1", "crashed", "failed", "no-workers", "2", "crashed"]


def test_one_deadline_for_all(breaker, call, slowness):
    """The group has three seconds; what hangs is stopped then, the others count."""
    breaker("--processes", "2")
    begun_s = time.monotonic()
    answers = lines(call, "all hang=polite echo=1")
    assert answers in (["timeout", "1", "timeout"], ["deadline", "1", "deadline"])
    assert 2.9 < time.monotonic() - begun_s < 3.6 + 2 * slowness


def test_any_ends_with_the_first_that_succeeds(breaker, call, slowness):
    breaker("--processes", "3")
    begun_s = time.monotonic()
    answers = lines(call, "any hang=polite crash=abort echo=1")
    assert answers == ["cancelled", "crashed", "1", "ok"] or \
        answers == ["cancelled", "cancelled", "1", "ok"]
    assert time.monotonic() - begun_s < 2 * slowness


def test_any_fails_when_all_fail(breaker, call):
    breaker("--processes", "2")
    assert lines(call, "any none=x note=nonsense") == ["no-workers", "failed", "no-workers"]


def test_first_ends_with_whatever_comes(breaker, call, slowness):
    breaker("--processes", "3")
    begun_s = time.monotonic()
    assert lines(call, "first hang=polite none=x") == ["cancelled", "no-workers",
                                                       "no-workers"]
    assert time.monotonic() - begun_s < 2 * slowness


def test_one_process_serves_a_large_group(breaker, call):
    """The handler waits, and one spare runs all of its calls."""
    worker = breaker("--processes", "1")
    wanted = [str(number) for number in range(50)]
    answers = lines(call, "all " + " ".join(f"echo={text}" for text in wanted))
    assert answers == wanted + ["ok"]
    assert len(worker.children()) <= 2


def test_groups_of_groups(breaker, call):
    """More handlers that wait than there may be processes."""
    breaker("--processes", "2", "--max-processes", "4")
    names = [call.begin("gather", "all echo=1 chain=0 echo=2") for _ in range(30)]
    for answer in call.wait(*names, bound_s=30):
        assert answer.error is None
        assert answer.body.decode().splitlines()[0::2] == ["1", "2"], answer.body
