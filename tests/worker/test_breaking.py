"""A handler that breaks affects its own call and no other."""
import os
import re

import pytest

from support.waiting import wait_until

CRASHES = ["segv", "abort", "kill", "exit", "closefds", "garbage", "huge", "answer", "orphan"]


@pytest.mark.parametrize("how", CRASHES)
def test_a_crash_is_answered_at_once(breaker, call, how, slowness):
    worker = breaker("--processes", "1", "--timeout", "20")
    before = call.text("who").split()[0]
    answer = call.call("crash", how)
    assert (answer.status, answer.error) == (502, "crashed")
    assert answer.seconds < 1 * slowness
    assert call.text("who").split()[0] != before
    worker.wait_handlers(1)


def test_the_log_says_how_it_ended(breaker, call):
    worker = breaker("--processes", "1")
    name = call.begin("crash", "kill")
    call.wait(name)
    worker.wait_log("SIGKILL")
    line = next(line for line in worker.log().splitlines() if "SIGKILL" in line)
    assert name in line


def test_a_bystander_does_not_notice(breaker, call):
    breaker("--processes", "2")
    slow = call.begin("note", "700 /dev/null x")
    assert call.call("crash", "segv").error == "crashed"
    assert call.wait(slow)[0].body == b"noted"


def test_children_die_with_their_handler(breaker, call, tmp_path):
    breaker("--processes", "1")
    file = tmp_path / "child"
    assert call.call("family", str(file)).error == "crashed"
    child = int(file.read_text())
    wait_until(lambda: not alive(child), what="the child's end")


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_poison_is_no_storm(breaker, call):
    """Each call is answered, but processes are not started as fast as they die."""
    worker = breaker("--processes", "1", "--prefetch", "1", "-v")
    names = [call.begin("crash", "abort") for _ in range(6)]
    answers = call.wait(*names, bound_s=20)
    assert {answer.error for answer in answers} == {"crashed"}
    # The first process may be old enough to be replaced at once; from then on there are
    # pauses of 50, 100, 200, 400 ms, less a fifth.
    ends = sorted(answer.at for answer in answers)
    assert ends[-1] - ends[1] > 0.5
    assert call.text("ping", bound_s=20) == "pong"
    assert len(re.findall(r"handler process \d+ started", worker.log())) <= 8


def test_after_good_work_a_process_is_replaced_at_once(breaker, call, slowness):
    breaker("--processes", "1")
    for _ in range(5):
        assert call.text("ping") == "pong"
        answer = call.call("crash", "segv")
        assert answer.error == "crashed"
        assert answer.seconds < 1 * slowness


def test_an_idle_process_that_is_killed_is_replaced(breaker, call):
    worker = breaker("--processes", "2")
    worker.wait_handlers(2)
    victim = worker.children()[0]
    os.kill(victim, 9)
    wait_until(lambda: victim not in worker.children() and len(worker.children()) == 2,
               what="a new process")
    assert call.text("ping") == "pong"


def test_handler_processes_die_with_a_killed_supervisor(breaker, call, tmp_path):
    """Whatever they do: one is idle, one hangs."""
    worker = breaker("--processes", "2")
    file = tmp_path / "started"
    call.begin("note", f"60000 {file} x")
    wait_until(file.exists)
    handlers = worker.children()
    assert len(handlers) == 2
    worker.kill()
    wait_until(lambda: not any(alive(pid) for pid in handlers), what="the handlers' end")
