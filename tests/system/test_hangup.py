"""A client closes its connection: a waiting request is not run, the response of a running one
is dropped."""
from support.waiting import wait_until


def front(environment, broker, task, prefetch):
    bridge = environment.bridge(broker)
    environment.worker(broker, "--task", task, "--processes", "1", "--prefetch", str(prefetch))
    nginx = environment.nginx({"/p": (bridge, {"CREW_TASK": task})})
    nginx.wait_status("/p/hello", 200)
    return bridge, nginx


def test_while_queued_with_the_worker(environment, broker, lines):
    _, nginx = front(environment, broker, "queued", 5)
    first = nginx.begin("GET", lines.url("/p", "first", 3000))
    wait_until(lambda: lines.count("first"))
    gone = [nginx.begin("POST", lines.url("/p", f"gone{number}", 0), b"")
            for number in range(3)]
    stays = nginx.begin("POST", lines.url("/p", "stays", 0), b"")
    broker.wait_ready_messages("queued", 0)
    for request in gone:
        request.close()
    assert first.receive().status == 200
    assert stays.receive().status == 200
    assert nginx.get("/p/hello").status == 200
    assert lines.all() == ["first", "stays"]


def test_while_queued_with_the_broker(environment, broker, lines):
    _, nginx = front(environment, broker, "behind", 1)
    first = nginx.begin("GET", lines.url("/p", "first", 3000))
    wait_until(lambda: lines.count("first"))
    gone = nginx.begin("POST", lines.url("/p", "gone", 0), b"")
    broker.wait_ready_messages("behind", 1)
    gone.close()
    assert first.receive().status == 200
    assert nginx.get("/p/hello").status == 200
    assert lines.all() == ["first"]


def test_while_it_runs(environment, broker, lines):
    bridge, nginx = front(environment, broker, "running", 1)
    assert nginx.get("/p/hello").status == 200
    base = bridge.descriptors()
    for number in range(5):
        request = nginx.begin("GET", lines.url("/p", f"id{number}", 200))
        wait_until(lambda number=number: lines.count(f"id{number}"))
        request.close()
    # The late answers are dropped and the descriptors are back.
    assert nginx.get("/p/hello").status == 200
    wait_until(lambda: bridge.descriptors() <= base, what="descriptors are back")
    assert bridge.alive()
