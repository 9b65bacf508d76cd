"""The broker is stopped, killed, paused, or out of memory: requests are answered at once while
it is down, and everything works again afterwards without a restart."""
import signal
import time

import pytest

from support.waiting import wait_until

NOW_S = 1.0


@pytest.fixture(scope="module")
def front(module_environment):
    """A broker of one's own, nginx, a bridge and a worker: the same ones through all of
    what follows."""
    broker = module_environment.broker("--heartbeat", "5")
    bridge = module_environment.bridge(broker)
    worker = module_environment.worker(broker, "--processes", "2")
    nginx = module_environment.nginx({"/p": (bridge, {"CREW_EXPIRATION": "10"}),
                                      "/kept": (bridge, {"CREW_EXPIRATION": "60", "CREW_PERSISTENT": "1",
                                                         "CREW_REPEAT": "always"})})
    nginx.wait_status("/p/hello", 200)
    return broker, bridge, worker, nginx


def refused(nginx, slowness):
    """503 at once, with an invitation to come back."""
    answer = nginx.post("/p/echo", b"x")
    assert (answer.status, answer.error) == (503, "broker"), answer
    assert answer.header("Retry-After")
    assert answer.seconds < NOW_S * slowness
    return answer


def lose(broker, bridge):
    """kill -9 of the broker; returns when the bridge has noticed."""
    noticed = bridge.log().count("lost the broker")
    broker.kill()
    wait_until(lambda: bridge.log().count("lost the broker") > noticed, 5,
               what="the bridge notices")


def back(nginx, worker, bridge):
    nginx.wait_status("/p/hello", 200, 30)
    assert nginx.post("/p/echo", b"again").body == b"again"
    assert worker.alive() and bridge.alive()


def test_stop_and_start(front, slowness):
    broker, bridge, worker, nginx = front
    broker.stop()
    for _ in range(3):
        refused(nginx, slowness)
    broker.restart()
    back(nginx, worker, bridge)


def test_kill_with_requests_under_way(front, lines, slowness):
    broker, bridge, worker, nginx = front
    post = nginx.begin("POST", lines.url("/p", "post", 1000), b"")
    get = nginx.begin("GET", lines.url("/p", "get", 1000))
    wait_until(lambda: lines.count("post") and lines.count("get"))
    lose(broker, bridge)
    refused(nginx, slowness)
    answer = post.receive()
    assert (answer.status, answer.error) == (502, "lost"), answer
    broker.restart()
    # What may run again waits for the broker, within its time.
    answer = get.receive()
    assert (answer.status, answer.error) in [(200, None), (502, "lost"), (503, "expired"),
                                             (503, "broker"), (504, "deadline")], answer
    assert answer.seconds < 12 * slowness
    back(nginx, worker, bridge)
    assert lines.count("post") == 1


def test_several_times(front):
    broker, bridge, worker, nginx = front
    for number in range(2):
        broker.kill() if number % 2 else broker.stop()
        broker.restart()
        back(nginx, worker, bridge)


def test_persistent_task_survives(front, lines):
    """It waits in the queue for a worker while the broker dies and comes back."""
    broker, bridge, worker, nginx = front
    worker.signal(signal.SIGSTOP)
    try:
        kept = nginx.begin("GET", lines.url("/kept", "kept", 0))
        wait_until(lambda: "crew.tasks.http\t1" in broker.ctl(
            "-q", "list_queues", "name", "messages_unacknowledged"), 30,
            what="it is in the queue")
        lose(broker, bridge)
    finally:
        worker.signal(signal.SIGCONT)
    broker.restart()
    answer = kept.receive()
    assert (answer.status, answer.body) == (200, b"kept\n"), answer
    assert 1 <= lines.count("kept") <= 2
    back(nginx, worker, bridge)


def test_connections_closed(front):
    broker, bridge, worker, nginx = front
    broker.ctl("close_all_connections", "test")
    back(nginx, worker, bridge)


def test_memory_alarm(front, slowness):
    broker, bridge, worker, nginx = front
    broker.ctl("set_vm_memory_high_watermark", "0.000001")
    # The broker reports it after the next publish; from then on the answer is 503 at once.
    wait_until(lambda: nginx.get("/p/hello").error == "broker", 30, what="blocked")
    refused(nginx, slowness)
    broker.ctl("set_vm_memory_high_watermark", "0.6")
    back(nginx, worker, bridge)


def test_broker_hangs(front, slowness):
    """Silence is noticed within two heartbeats."""
    broker, bridge, worker, nginx = front
    broker.pause()
    began_s = time.monotonic()
    wait_until(lambda: nginx.get("/p/hello").error == "broker", 40, what="noticed")
    assert time.monotonic() - began_s < 2 * 5 + 12 * slowness
    broker.resume()
    back(nginx, worker, bridge)


def test_queues_are_empty_afterwards(front):
    broker, bridge, worker, nginx = front
    broker.kill()
    broker.restart()
    back(nginx, worker, bridge)
    broker.wait_ready_messages("http", 0)


def test_absent_at_start(environment, slowness):
    broker = environment.broker()
    broker.stop()
    bridge = environment.bridge(broker, connected=False)
    nginx = environment.nginx({"/p": (bridge, {})})
    refused(nginx, slowness)
    worker = environment.worker(broker, ready=False)
    broker.restart()
    back(nginx, worker, bridge)
