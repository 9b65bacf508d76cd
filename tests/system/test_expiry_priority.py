"""Expiration and priority of requests that wait in a queue."""
import time

from support.waiting import wait_until


def busy(nginx, broker, task, lines):
    """A request that keeps the only handler of TASK occupied; it runs when this returns."""
    request = nginx.begin("GET", lines.url("/busy", "busy", 2000))
    wait_until(lambda: lines.count("busy"), what="the handler is busy")
    broker.wait_ready_messages(task, 0)
    return request


def locations(bridge, task, **levels):
    """/busy, and one prefix for each further set of parameters, all of the same task."""
    table = {"/busy": (bridge, {"CREW_TASK": task, "CREW_PRIORITY": "255"})}
    for name, parameters in levels.items():
        table[f"/{name}"] = (bridge, {"CREW_TASK": task, **parameters})
    return table


def test_high_priority_first(environment, broker, lines):
    bridge = environment.bridge(broker, "--max-batch", "1")  # messages are counted
    environment.worker(broker, "--task", "prio", "--processes", "1", "--prefetch", "1")
    nginx = environment.nginx(locations(bridge, "prio", low={"CREW_PRIORITY": "0"},
                                        high={"CREW_PRIORITY": "255"}))
    nginx.wait_status("/busy/hello", 200)
    first = busy(nginx, broker, "prio", lines)
    waiting = []
    for number in range(5):
        waiting.append(nginx.begin("GET", lines.url("/low", f"low{number}", 0)))
    broker.wait_ready_messages("prio", 5)
    for number in range(5):
        waiting.append(nginx.begin("GET", lines.url("/high", f"high{number}", 0)))
    broker.wait_ready_messages("prio", 10)
    assert all(request.receive().status == 200 for request in [first, *waiting])
    order = lines.all()[1:]
    assert sorted(order[:5]) == [f"high{number}" for number in range(5)], order
    assert sorted(order[5:]) == [f"low{number}" for number in range(5)], order


def test_expired_is_never_run(environment, broker, lines, slowness):
    bridge = environment.bridge(broker)
    environment.worker(broker, "--task", "late", "--processes", "1", "--prefetch", "1")
    nginx = environment.nginx(locations(bridge, "late", soon={"CREW_EXPIRATION": "0.5"}))
    nginx.wait_status("/busy/hello", 200)
    first = busy(nginx, broker, "late", lines)
    answers = [request.receive() for request in
               [nginx.begin("POST", lines.url("/soon", "late", 0), b"") for _ in range(3)]]
    for answer in answers:
        assert (answer.status, answer.error) == (503, "expired")
        assert answer.header("Retry-After")
        assert 0.5 <= answer.seconds < 1.7 * slowness
    assert first.receive().status == 200
    assert nginx.get("/busy/hello").status == 200
    broker.wait_ready_messages("late", 0)
    assert lines.all() == ["busy"]


def test_held_by_a_worker_but_expired_is_not_run(environment, broker, lines, slowness):
    """With a larger prefetch it is the worker that has it when the time is over."""
    bridge = environment.bridge(broker)
    environment.worker(broker, "--task", "held", "--processes", "1", "--prefetch", "10")
    nginx = environment.nginx(locations(bridge, "held", soon={"CREW_EXPIRATION": "0.5"}))
    nginx.wait_status("/busy/hello", 200)
    first = busy(nginx, broker, "held", lines)
    answer = nginx.post(lines.url("/soon", "late", 0))
    assert (answer.status, answer.error) == (503, "expired")
    assert answer.seconds < 1.7 * slowness
    assert first.receive().status == 200
    assert nginx.get("/busy/hello").status == 200
    assert lines.all() == ["busy"]


def test_short_one_behind_a_long_one(environment, broker, slowness):
    """RabbitMQ looks at the time of the first message of a queue only."""
    environment.worker(broker, "--task", "gone", "--processes", "1").stop()
    bridge = environment.bridge(broker)
    nginx = environment.nginx(locations(bridge, "gone", long={"CREW_EXPIRATION": "60"},
                                        short={"CREW_EXPIRATION": "3"}))
    long = nginx.begin("GET", "/long/hello")
    broker.wait_ready_messages("gone", 1)
    answer = nginx.get("/short/hello")
    assert (answer.status, answer.error) == (503, "expired")
    assert 3.0 <= answer.seconds < 4.0 * slowness
    environment.worker(broker, "--task", "gone", "--processes", "1")
    assert long.receive().status == 200


def test_two_bridges_each_has_its_own_expiries(environment, broker, slowness):
    environment.worker(broker, "--task", "none", "--processes", "1").stop()
    bridges = [environment.bridge(broker), environment.bridge(broker)]
    nginx = environment.nginx({f"/{number}": (bridge, {"CREW_TASK": "none", "CREW_EXPIRATION": "1"})
                               for number, bridge in enumerate(bridges)})
    requests = [nginx.begin("GET", f"/{number % 2}/hello") for number in range(20)]
    began_s = time.monotonic()
    answers = [request.receive() for request in requests]
    assert {(answer.status, answer.error) for answer in answers} == {(503, "expired")}
    assert time.monotonic() - began_s < 2.2 * slowness
    broker.wait_ready_messages("none", 0)


def test_time_left_comes_to_the_handler(environment, broker, extra_app):
    bridge = environment.bridge(broker)
    environment.worker(broker, "--task", "left", "--processes", "1", app=extra_app)
    nginx = environment.nginx({"/l": (bridge, {"CREW_TASK": "left", "CREW_EXPIRATION": "5"})})
    nginx.wait_status("/l/left", 200)
    assert 4000 < int(nginx.get("/l/left").text) <= 5000
