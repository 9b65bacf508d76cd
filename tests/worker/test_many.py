"""Many calls at once, calls of handlers, and the order of the queue."""
import time

from support.waiting import wait_until


def test_two_hundred_at_once(breaker, call):
    breaker("--processes", "4")
    names = [call.begin("echo", f"number {i}") for i in range(200)]
    answers = call.wait(*names)
    assert [answer.body.decode() for answer in answers] == [f"number {i}" for i in range(200)]
    assert {answer.content_type for answer in answers} == {"text/plain"}


def test_a_handler_calls_its_own_worker(breaker, call):
    """With one process: a spare takes the place of the one that waits."""
    worker = breaker("--processes", "1")
    pids = call.text("chain", "1").split()
    assert len(set(pids)) == 2
    assert len(worker.children()) <= 2


def test_a_chain_of_calls(breaker, call, slowness):
    worker = breaker("--processes", "1", "--max-processes", "4")
    assert len(set(call.text("chain", "3").split())) == 4
    # One more than there may be processes: the last call is refused at once.
    answer = call.call("chain", "4", expiration_s=20)
    assert answer.error == "failed"
    assert answer.seconds < 2 * slowness
    worker.wait_log("its call is refused")
    assert len(worker.children()) <= 4
    assert call.text("ping") == "pong"


def test_many_that_call(breaker, call):
    breaker("--processes", "2", "--max-processes", "8")
    names = [call.begin("chain", "1") for _ in range(40)]
    answers = call.wait(*names, bound_s=30)
    assert {answer.error for answer in answers} == {None}


def test_spares_are_let_go(breaker, call):
    worker = breaker("--processes", "1")
    call.text("chain", "2")
    assert len(worker.children()) == 3
    worker.wait_handlers(1, bound_s=20)
    assert call.text("ping") == "pong"


def test_the_high_ones_run_first(breaker, broker, call, prefix, tmp_path):
    breaker("--processes", "1")
    file = tmp_path / "order"
    gate = call.begin("note", f"700 {file} gate")
    wait_until(file.exists, what="the gate")
    names = []
    for level in (0, 3, 1, 2, 0, 3):
        names.append(call.begin("note", f"0 {file} {level}", level=level))
    call.wait(gate, *names)
    assert file.read_text().split() == ["gate", "3", "3", "2", "1", "0", "0"]


def test_an_expired_call_is_not_run(breaker, call, tmp_path):
    breaker("--processes", "1", "--prefetch", "2")
    file = tmp_path / "lines"
    gate = call.begin("note", f"1000 {file} gate")
    wait_until(file.exists, what="the gate")
    expired = call.begin("note", f"0 {file} expired", expiration_s=0.3)
    after = call.begin("note", f"0 {file} after")
    call.wait(gate, after)
    assert file.read_text().split() == ["gate", "after"]
    answer = call.answers.get(expired)
    assert answer is None or answer.error == "expired" or answer.status is None


def test_the_processes_work_side_by_side(breaker, call, slowness):
    breaker("--processes", "4")
    begun = time.monotonic()
    call.wait(*[call.begin("note", "500 /dev/null x") for _ in range(4)])
    assert time.monotonic() - begun < 1.5 * slowness


def test_nothing_grows(breaker, call):
    """Descriptors and memory of the supervisor are where they were."""
    worker = breaker("--processes", "2")
    for _ in range(300):
        call.text("ping")
    call.call("crash", "segv")
    call.text("ping")
    worker.wait_handlers(2)
    before = worker.descriptors(), worker.rss_bytes()
    for _ in range(10):
        call.call("crash", "segv")
        call.text("ping")
    for _ in range(1000):
        call.text("ping")
    worker.wait_handlers(2)
    wait_until(lambda: worker.descriptors() == before[0], what="descriptors")
    assert worker.rss_bytes() < before[1] + (4 << 20)
