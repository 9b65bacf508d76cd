"""Workers and bridges are stopped, replaced and reloaded under load without a failed request."""
import signal
import time

import pytest

from support.waiting import wait_until
from support.wrk import Wrk

SECONDS = 4


def roomy(nginx):
    """Load, running for long enough that requests have been answered."""
    load = Wrk(nginx.address + "/p/sleep?ms=1", 16, SECONDS)
    time.sleep(0.5)  # let it come to speed
    return load


def finish(load, least=100):
    requests, failed = load.finish()
    assert not failed, f"{failed} of {requests}"
    assert requests > least


@pytest.fixture
def front(environment, broker):
    """nginx, a bridge, two workers."""
    bridge = environment.bridge(broker)
    workers = [environment.worker(broker, "--processes", "2") for _ in range(2)]
    nginx = environment.nginx({"/p": (bridge, {})})
    nginx.wait_status("/p/hello", 200)
    return nginx, bridge, workers


def test_sigterm_of_one_of_two_workers(front):
    nginx, _, workers = front
    load = roomy(nginx)
    workers[0].signal(signal.SIGTERM)
    assert workers[0].wait() == 0
    assert load.running()
    finish(load)


def test_sighup_of_a_worker(front):
    nginx, _, workers = front
    workers[1].stop()
    before = workers[0].children()
    load = roomy(nginx)
    for _ in range(2):
        workers[0].signal(signal.SIGHUP)
        wait_until(lambda old=before: len(workers[0].children()) == 2
                   and not set(old) & set(workers[0].children()), what="new handlers")
        before = workers[0].children()
    assert load.running()
    finish(load)


def test_a_new_worker_joins(front, environment, broker):
    nginx, _, workers = front
    load = roomy(nginx)
    environment.worker(broker, "--processes", "2")
    workers[0].stop()
    workers[1].stop()
    finish(load)


def test_sighup_of_the_bridge(front):
    nginx, bridge, _ = front
    load = roomy(nginx)
    bridge.signal(signal.SIGHUP)
    wait_until(lambda: not bridge.alive() or bridge.children(), what="a new bridge")
    finish(load)
    assert nginx.get("/p/hello").status == 200


def test_max_requests(environment, broker):
    bridge = environment.bridge(broker)
    worker = environment.worker(broker, "--processes", "2", "--max-requests", "50")
    nginx = environment.nginx({"/p": (bridge, {})})
    nginx.wait_status("/p/hello", 200)
    before = worker.children()
    load = roomy(nginx)
    wait_until(lambda: not set(before) & set(worker.children()), what="handlers replaced")
    finish(load)


def test_bridge_answers_what_was_begun(front, slowness):
    nginx, bridge, _ = front
    slow = nginx.begin("GET", "/p/sleep?ms=1500")
    queued = nginx.begin("GET", "/p/sleep?ms=1000")
    wait_until(lambda: bridge.alive())
    time.sleep(0.3)  # both are with the workers
    bridge.signal(signal.SIGTERM)
    assert slow.receive().status == 200
    assert queued.receive().status == 200
    assert bridge.wait(5 * slowness) == 0
