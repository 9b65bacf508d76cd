"""Many short requests, several of them pipelined in each process: a slow one, a crash and
the exit of a process do not affect the others."""
import contextlib
import os
import signal
import threading

import pytest

from support.waiting import wait_until


class Clients:
    """Clients that send requests one after the other, each on a connection of its own."""

    def __init__(self, nginx, clients, requests, make):
        self.answers = []
        self.threads = [threading.Thread(target=self.run, args=(nginx, range(n, requests, clients),
                                                                make))
                        for n in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self, nginx, numbers, make):
        with nginx.client() as client:
            for number in numbers:
                self.answers.append((number, client.request(*make(number))))

    def join(self):
        for thread in self.threads:
            thread.join()
        return dict(self.answers)


@pytest.fixture(scope="module")
def front(module_environment, broker):
    """Two processes, and messages with many requests."""
    bridge = module_environment.bridge(broker)
    worker = module_environment.worker(broker, "--processes", "2", "--prefetch", "64")
    nginx = module_environment.nginx({"/p": (bridge, {})})
    nginx.wait_status("/p/hello", 200)
    return worker, nginx


def warm_up(nginx):
    """Now it is known that the handlers are fast."""
    Clients(nginx, 16, 600, lambda _: ("GET", "/p/hello")).join()


def test_a_slow_one_does_not_delay_others(front, lines):
    _, nginx = front
    warm_up(nginx)
    for _ in range(3):
        slow = nginx.begin("GET", lines.url("/p", "slow", 1500))
        clients = Clients(nginx, 24, 600, lambda _: ("GET", "/p/hello"))
        answers = clients.join()
        assert {answer.status for answer in answers.values()} == {200}
        assert max(answer.seconds for answer in answers.values()) < 1.2
        assert slow.receive().status == 200
        slow.close()


@pytest.mark.parametrize("how", ["segv", "exit", "abort"])
def test_a_crash_costs_its_own_request(front, lines, how):
    _, nginx = front
    warm_up(nginx)

    def make(number):
        if number % 60 == 59:
            return "POST", f"/p/crash?how={how}", b""
        return "POST", lines.url("/p", f"n{number}", 0), b""

    answers = Clients(nginx, 24, 600, make).join()
    for number, answer in answers.items():
        crash = number % 60 == 59
        assert (answer.status, answer.error) == ((502, "crashed") if crash else (200, None)), \
            (number, answer)
        assert lines.count(f"n{number}") == (0 if crash else 1)


def test_killed_processes(front, lines):
    """Each request has run once, or was answered 502."""
    worker, nginx = front
    warm_up(nginx)
    clients = Clients(nginx, 24, 1200,
                      lambda number: ("POST", lines.url("/p", f"k{number}", 0), b""))
    for _ in range(4):
        wait_until(worker.children, what="a process to kill")
        for pid in worker.children()[:1]:
            with contextlib.suppress(ProcessLookupError):  # the one killed before
                os.kill(pid, signal.SIGKILL)
    answers = clients.join()
    for number, answer in answers.items():
        assert answer.status == 200 or (answer.status, answer.error) == (502, "crashed"), answer
        assert lines.count(f"k{number}") <= 1
        assert answer.status != 200 or lines.count(f"k{number}") == 1
    assert sum(answer.status == 200 for answer in answers.values()) >= 1200 - 8


def test_a_stream_among_short_ones(front):
    """What was pipelined behind it goes to another process, and the stream continues."""
    _, nginx = front
    warm_up(nginx)
    stream = nginx.begin("GET", "/p/stream?n=20&chunk=1&ms=50")

    def make(number):
        return "GET", "/p/stream?n=300000" if number % 60 == 59 else "/p/hello"

    answers = Clients(nginx, 24, 600, make).join()
    assert {answer.status for answer in answers.values()} == {200}
    assert all(len(answers[number].body) == 300000 for number in range(59, 600, 60))
    assert max(answer.seconds for answer in answers.values()) < 0.9
    assert stream.receive().body == b"x" * 20
    stream.close()


def test_calls_among_short_ones(module_environment, broker, extra_app):
    """The same with those that wait for a call of their own."""
    bridge = module_environment.bridge(broker)
    worker = module_environment.worker(broker, "--task", "calls", "--processes", "2",
                                       "--prefetch", "64", app=extra_app)
    nginx = module_environment.nginx({"/p": (bridge, {"CREW_TASK": "calls"})})
    nginx.wait_status("/p/left", 200)
    Clients(nginx, 16, 600, lambda _: ("GET", "/p/left")).join()

    def make(number):
        return "POST", "/p/calling?task=http" if number % 20 == 19 else "/p/lie", b""

    answers = Clients(nginx, 24, 600, make).join()
    for number, answer in answers.items():
        assert answer.body == (b"404" if number % 20 == 19 else b"mine\n"), (number, answer)
    assert "was killed" not in worker.log()
