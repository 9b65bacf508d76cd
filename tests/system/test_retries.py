"""Tasks that must not be repeated never run twice; others run again after a loss."""
import os
import time

import pytest

from support.waiting import wait_until


def kill_all(worker):
    """kill -9 of the supervisor and, as if the machine had died, of its handlers."""
    handlers = worker.children()
    worker.kill()
    wait_until(lambda: not [pid for pid in handlers if os.path.exists(f"/proc/{pid}")
                            and not zombie(pid)], what="handlers end with their supervisor")


def zombie(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def front(environment, broker, task, *worker_options):
    bridge = environment.bridge(broker)
    worker = environment.worker(broker, "--task", task, "--processes", "1", *worker_options)
    nginx = environment.nginx({"/p": (bridge, {"CREW_TASK": task, "CREW_EXPIRATION": "15"}),
                               "/always": (bridge, {"CREW_TASK": task, "CREW_REPEAT": "always"}),
                               "/never": (bridge, {"CREW_TASK": task, "CREW_REPEAT": "never"})})
    nginx.wait_status("/p/hello", 200)
    return nginx, worker


def test_killed_while_it_runs(environment, broker, lines):
    nginx, worker = front(environment, broker, "while")
    post = nginx.begin("POST", lines.url("/p", "post", 5000), b"")
    wait_until(lambda: lines.count("post"))
    environment.worker(broker, "--task", "while", "--processes", "1")
    kill_all(worker)
    answer = post.receive()
    assert (answer.status, answer.error) == (502, "lost")
    assert nginx.get("/p/hello").status == 200
    broker.wait_ready_messages("while", 0)
    assert lines.count("post") == 1


@pytest.mark.parametrize("method, prefix", [("GET", "/p"), ("PUT", "/p"), ("POST", "/always")])
def test_repeated_by_another_worker(environment, broker, lines, method, prefix):
    nginx, worker = front(environment, broker, f"again-{method}")
    request = nginx.begin(method, lines.url(prefix, "again", 1500), b"")
    wait_until(lambda: lines.count("again"))
    environment.worker(broker, "--task", f"again-{method}", "--processes", "1")
    kill_all(worker)
    answer = request.receive()
    assert answer.status == 200, answer
    assert answer.body == b"again\n"
    assert lines.count("again") == 2


def test_get_with_repeat_never(environment, broker, lines):
    nginx, worker = front(environment, broker, "never")
    request = nginx.begin("GET", lines.url("/never", "once", 5000))
    wait_until(lambda: lines.count("once"))
    environment.worker(broker, "--task", "never", "--processes", "1")
    kill_all(worker)
    answer = request.receive()
    assert (answer.status, answer.error) == (502, "lost")
    assert lines.count("once") == 1


def test_killed_before_it_runs(environment, broker, lines):
    """The second waits inside the worker, behind the first, when the worker dies."""
    nginx, worker = front(environment, broker, "before", "--prefetch", "5")
    first = nginx.begin("POST", lines.url("/p", "first", 5000), b"")
    wait_until(lambda: lines.count("first"))
    second = nginx.begin("POST", lines.url("/p", "second", 0), b"")
    get = nginx.begin("GET", lines.url("/p", "get", 0))
    environment.worker(broker, "--task", "before", "--processes", "1", "--prefetch", "5")
    broker.wait_ready_messages("before", 0)
    kill_all(worker)
    assert first.receive().error == "lost"
    # Delivered before, as far as anybody can know: it does not run. A GET does.
    answer = second.receive()
    assert (answer.status, lines.count("second")) in [(502, 0), (200, 1)], answer
    assert (get.receive().status, lines.count("get")) == (200, 1)
    assert lines.count("first") == 1


def kill_at(environment, broker, nginx, lines, name, delay_s):
    """One POST, its worker killed so much later, another one there: how did it end?"""
    worker = environment.worker(broker, "--task", "sweep", "--processes", "1")
    post = nginx.begin("POST", lines.url("/p", name, 40), b"")
    time.sleep(delay_s)  # the moment of the blow, not a wait
    kill_all(worker)
    heir = environment.worker(broker, "--task", "sweep", "--processes", "1")
    answer = post.receive()
    heir.stop()
    return answer


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.long)])
def test_killed_at_any_moment(environment, broker, lines, rounds):
    nginx, worker = front(environment, broker, "sweep")
    worker.stop()
    for number in range(rounds):
        for delay_ms in (0, 2, 10, 30, 45, 60):
            name = f"sweep-{number}-{delay_ms}"
            answer = kill_at(environment, broker, nginx, lines, name, delay_ms / 1000)
            ran = lines.count(name)
            assert ran <= 1, f"{name} ran {ran} times: {answer}"
            assert answer.status in (200, 502), answer
            if answer.status == 200:
                assert ran == 1
            else:
                assert answer.error == "lost", answer
