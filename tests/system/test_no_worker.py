"""Tasks without workers, or with fewer workers."""
import signal


def test_all_workers_stop_and_one_returns(environment, broker, slowness):
    bridge = environment.bridge(broker)
    worker = environment.worker(broker, "--task", "gone", "--processes", "1")
    nginx = environment.nginx({"/wait": (bridge, {"CREW_TASK": "gone", "CREW_EXPIRATION": "2"}),
                               "/fail": (bridge, {"CREW_TASK": "gone", "CREW_NO_WORKERS": "fail"})})
    nginx.wait_status("/wait/hello", 200)
    assert nginx.get("/fail/hello").status == 200
    assert worker.stop() == 0
    broker.wait_consumers("gone", 0)

    answer = nginx.get("/wait/hello")
    assert (answer.status, answer.error) == (503, "expired")
    assert 2.0 <= answer.seconds < 3.0 * slowness
    # Whether there are consumers is known for a second at most.
    answer = nginx.wait_status("/fail/hello", 503, 3 * slowness)
    assert answer.error == "no-workers"

    waiting = nginx.begin("GET", "/wait/hello")
    environment.worker(broker, "--task", "gone", "--processes", "1")
    assert waiting.receive().status == 200
    nginx.wait_status("/fail/hello", 200, 3 * slowness)


def test_one_of_two_stopped_by_the_kernel(environment, broker, slowness):
    """A worker that hangs costs what it holds and no more."""
    bridge = environment.bridge(broker)
    workers = [environment.worker(broker, "--task", "two", "--processes", "1", "--prefetch", "1")
               for _ in range(2)]
    nginx = environment.nginx({"/p": (bridge, {"CREW_TASK": "two", "CREW_EXPIRATION": "2"})})
    nginx.wait_status("/p/hello", 200)
    workers[0].signal(signal.SIGSTOP)
    answers = [nginx.get("/p/hello") for _ in range(20)]
    lost = [answer for answer in answers if answer.status != 200]
    assert len(lost) <= 1, lost
    for answer in lost:
        assert answer.status in (503, 504)
        assert answer.seconds < 3 * slowness
    workers[0].signal(signal.SIGCONT)
    assert nginx.get("/p/hello").status == 200


def test_one_of_two_leaves(environment, broker):
    bridge = environment.bridge(broker)
    workers = [environment.worker(broker, "--task", "leave", "--processes", "1") for _ in range(2)]
    nginx = environment.nginx({"/p": (bridge, {"CREW_TASK": "leave"})})
    nginx.wait_status("/p/hello", 200)
    requests = [nginx.begin("POST", "/p/sleep?ms=200", b"") for _ in range(8)]
    assert workers[0].stop() == 0
    assert [request.receive().status for request in requests] == [200] * 8
