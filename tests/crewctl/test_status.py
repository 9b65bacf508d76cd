"""crewctl status: the state of queues, as a table and as JSON."""
import json

from shell import BREAKER, one_line

from support.program import free_port


def test_a_table(crewctl, queue, workers, broker):
    queue("deserted")
    task = queue("waiting")
    for _ in range(3):
        task.channel.basic_publish("", task.name, b"")
    broker.wait_ready_messages("waiting", 3)
    done = crewctl.run("status", "test", "deserted", "waiting", "nobody")
    assert done.out.decode() == ("TASK      MESSAGES  CONSUMERS  STATE\n"
                                 "test             0          1  ok\n"
                                 "deserted         0          0  no-consumers\n"
                                 "waiting          3          0  no-consumers\n"
                                 "nobody           -          -  no-queue\n")
    assert (done.status, done.err) == (12, "")


def test_all_is_well_or_not(crewctl, workers, queue):
    queue("deserted")
    assert crewctl("status", "test", "b.ping").count(b"  ok\n") == 2
    for task in ("nobody", "deserted"):
        assert crewctl.run("status", "test", task).status == 12


def test_the_default_is_http(crewctl, environment, broker):
    assert b"\nhttp         -          -  no-queue\n" in crewctl.run("status").out
    environment.worker(broker)
    assert b"\nhttp         0          1  ok\n" in crewctl("status")


def test_json(crewctl, workers, queue):
    queue("deserted")
    done = crewctl.run("status", "--json", "test", "deserted", "nobody")
    assert done.status == 12
    assert json.loads(done.out) == [
        {"task": "test", "queue": "crew.tasks.test", "messages": 0, "consumers": 1,
         "state": "ok"},
        {"task": "deserted", "queue": "crew.tasks.deserted", "messages": 0, "consumers": 0,
         "state": "no-consumers"},
        {"task": "nobody", "queue": "crew.tasks.nobody", "messages": None,
         "consumers": None, "state": "no-queue"}]


def test_two_workers(crewctl, environment, broker):
    for _ in range(2):
        environment.worker(broker, "--processes", "1", app=BREAKER,
                           arguments=["two"])
    assert json.loads(crewctl("status", "two.ping", "--json"))[0]["consumers"] == 2


def test_it_makes_nothing(crewctl, broker):
    assert crewctl.run("status", "nobody").status == 12
    assert broker.queue("crew.tasks.nobody") is None


def test_without_a_broker(crewctl):
    done = crewctl.run("status", "--url", f"amqp://127.0.0.1:{free_port()}")
    assert (done.status, done.out) == (10, b"")
    assert "Connection refused" in one_line(done.err)
