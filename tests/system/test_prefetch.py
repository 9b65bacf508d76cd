"""How many tasks a worker prefetches: more while handlers are short, one for each process when
they are slow; what waits behind slow ones is requeued for another worker."""
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.waiting import wait_until

PROCESSES = 2
MOST = 12  # that two processes take in, when handlers are short
SLOW_S = 2.5


class Front:
    """A task of one test: its workers, its requests, and the broker's view of its queue."""

    def __init__(self, environment, broker, lines, task):
        self.environment, self.broker, self.lines, self.task = environment, broker, lines, task
        here = {"CREW_TASK": task}
        self.nginx = environment.nginx({
            "/p": (environment.bridge(broker), here),
            "/one": (environment.bridge(broker, "--max-batch", "1"), here)})  # messages are counted

    def worker(self, *options):
        return self.environment.worker(self.broker, "--task", self.task,
                                 "--processes", str(PROCESSES), *options)

    def warm_up(self, most=MOST):
        """Short requests, until each worker takes in so many."""
        wait_until(lambda: self.crowd() or set(self.limits()) == {most},
                   what=f"the workers take in {most}")

    def crowd(self):
        def run(_):
            with self.nginx.client() as client:
                for _ in range(100):
                    assert client.get("/p/hello").status == 200

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(run, range(8)))

    def slow(self, count, running):
        """Requests that take long; so many of them run when this returns."""
        before = len(self.lines.all())
        requests = [self.nginx.begin("GET", self.lines.url("/one", f"slow{number}",
                                                           int(SLOW_S * 1000)))
                    for number in range(count)]
        wait_until(lambda: len(self.lines.all()) == before + running, what="slow ones run")
        return requests

    def short(self, count):
        return [self.nginx.begin("POST", self.lines.url("/one", f"short{number}"), b"")
                for number in range(count)]

    def limits(self):
        """How many messages each worker may hold."""
        found = json.loads(self.broker.ctl(
            "list_channels", "vhost", "consumer_count", "prefetch_count",
            "global_prefetch_count", "--formatter", "json"))
        return [channel["global_prefetch_count"] or channel["prefetch_count"]
                for channel in found
                if channel["vhost"] == self.broker.vhost and channel["prefetch_count"] > 0]


@pytest.fixture
def front(environment, broker, lines, request):
    return Front(environment, broker, lines, request.node.name)


def received(requests):
    """Their answers, each with its own time."""
    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(lambda request: request.receive(), requests))


def answers(requests):
    got = received(requests)
    assert {answer.status for answer in got} == {200}
    return got


def test_short_ones_leave_for_an_idle_worker(front, lines):
    """One worker takes in more than it can begin; then another one comes."""
    front.worker()
    front.warm_up()
    begun_s = time.monotonic()
    slow = front.slow(PROCESSES, PROCESSES)
    short = front.short(8)
    front.worker()
    answers(short)
    assert time.monotonic() - begun_s < SLOW_S, "they waited for slow ones"
    answers(slow)
    assert sorted(lines.all()) == ([f"short{number}" for number in range(8)] +
                                   [f"slow{number}" for number in range(PROCESSES)])


def test_slow_ones_of_a_crowd_do_not_delay_others(front):
    """Two workers, both used to short ones; slow ones take all processes but one."""
    front.worker()
    front.worker()
    front.warm_up()
    slow = front.slow(2 * PROCESSES - 1, 2 * PROCESSES - 1)
    for _ in range(3):
        got = answers([front.nginx.begin("GET", "/p/hello") for _ in range(10)])
        assert max(answer.seconds for answer in got) < SLOW_S / 2
    answers(slow)


def test_slow_ones_are_held_one_for_each_process(front, broker):
    """From the start, and after many short ones, too."""
    front.worker()
    front.worker()
    assert front.limits() == [PROCESSES] * 2
    answers(one_for_each_process(front, broker))
    front.warm_up()
    answers(one_for_each_process(front, broker))


def one_for_each_process(front, broker):
    running = 2 * PROCESSES
    before = len(front.lines.all())
    requests = front.slow(2 * running, running)
    broker.wait_ready_messages(front.task, running)
    assert len(front.lines.all()) == before + running
    return requests


def test_one_slow_run_is_enough(front):
    front.worker()
    front.warm_up()
    front.nginx.get("/p/sleep?ms=30")
    assert front.limits() == [PROCESSES]


def test_a_prefetch_that_was_given_stays(front, broker):
    front.worker("--prefetch", "5")
    front.warm_up(5)
    slow = front.slow(PROCESSES, PROCESSES)
    short = front.short(6)
    broker.wait_ready_messages(front.task, 3)
    front.worker()
    waited = sorted(answer.seconds for answer in answers(short))
    assert waited[2] < SLOW_S / 2 < waited[3], "three at once, three behind slow ones"
    answers(slow)


def test_what_the_queue_refuses_is_not_lost(front, broker, lines):
    """Put back into a full queue, tasks are still the worker's own."""
    front.worker()
    front.warm_up()
    broker.ctl("set_policy", "-p", broker.vhost, "full", rf"^crew\.tasks\.{front.task}$",
               '{"max-length": 1, "overflow": "reject-publish"}', "--apply-to", "queues")
    slow = front.slow(PROCESSES, PROCESSES)
    short = front.short(8)
    front.worker()
    for answer in received(slow + short):
        assert answer.status == 200 or answer.error == "overloaded"
        assert answer.seconds < 2 * SLOW_S
    assert len(set(lines.all())) == len(lines.all())
