"""Several requests in one message, received by the test itself as a worker."""
import pytest

import envelope
from envelope import Item, Kind
from topology import declare_task_queue

MANY = 40
FAST_US = 10
SLOW_US = 50_000


@pytest.fixture
def nginx(broker, environment, amqp):
    with broker.connect() as connection:
        declare_task_queue(connection, "batch")
    bridge = environment.bridge(broker)
    return environment.nginx({
        "/b": (bridge, {"CREW_TASK": "batch"}),
        "/urgent": (bridge, {"CREW_TASK": "batch", "CREW_PRIORITY": "255"}),
        "/kept": (bridge, {"CREW_TASK": "batch", "CREW_PERSISTENT": "1"}),
        "/brief": (bridge, {"CREW_TASK": "batch", "CREW_EXPIRATION": "0.5"}),
    })


def begin(nginx, count=MANY, prefix="/b", name="r"):
    """Concurrent requests, each with its number in the body."""
    return [nginx.begin("POST", f"{prefix}/x", f"{name}{number}".encode())
            for number in range(count)]


def take(amqp):
    properties, body = amqp.receive("crew.tasks.batch")
    return properties, envelope.decode(body)


def answer(amqp, properties, items, run_us):
    """All of them in one message, each with its own body."""
    answers = [Item(Kind.ANSWER, item.id, {"status": 200, "run_us": run_us, "worker": "w" * 36},
                    [], item.body) for item in items]
    amqp.send(properties.reply_to, envelope.encode(answers), correlation_id=items[0].id,
              content_type=envelope.CONTENT_TYPE)


def serve(amqp, count, run_us):
    """How many requests there were in each message, until COUNT are answered."""
    sizes = []
    while sum(sizes) < count:
        properties, items = take(amqp)
        answer(amqp, properties, items, run_us)
        sizes.append(len(items))
    return sizes


def finish(requests, name="r"):
    """Each has the answer that is its own."""
    for number, request in enumerate(requests):
        got = request.receive()
        assert (got.status, got.body) == (200, f"{name}{number}".encode())
        request.close()


def warm_up(nginx, amqp, run_us=FAST_US):
    requests = begin(nginx)
    serve(amqp, MANY, run_us)
    finish(requests)


def test_each_by_itself_until_the_handlers_are_known(nginx, broker, amqp):
    requests = begin(nginx)
    broker.wait_ready_messages("batch", MANY)
    assert serve(amqp, MANY, SLOW_US) == [1] * MANY
    finish(requests)


def test_slow_handlers_get_one_at_a_time(nginx, broker, amqp):
    warm_up(nginx, amqp, SLOW_US)
    requests = begin(nginx)
    broker.wait_ready_messages("batch", MANY)
    assert serve(amqp, MANY, SLOW_US) == [1] * MANY
    finish(requests)


def test_fast_handlers_get_several(nginx, amqp):
    warm_up(nginx, amqp)
    requests = begin(nginx)
    sizes = serve(amqp, MANY, FAST_US)
    assert sum(sizes) == MANY and max(sizes) >= 4
    finish(requests)


def test_one_alone_does_not_wait(nginx, amqp, slowness):
    warm_up(nginx, amqp)
    for _ in range(5):
        request = begin(nginx, 1)
        assert serve(amqp, 1, FAST_US) == [1]
        got = request[0].receive()
        assert got.status == 200 and got.seconds < 0.5 * slowness


def test_a_silent_worker_does_not_delay_others(nginx, amqp):
    """Messages that stay unanswered give up their places."""
    warm_up(nginx, amqp)
    requests = begin(nginx)
    taken = []
    while sum(len(items) for _, items in taken) < MANY:
        taken.append(take(amqp))
    for properties, items in reversed(taken):
        answer(amqp, properties, items, FAST_US)
    finish(requests)


def test_others_do_not_share_a_message(nginx, amqp):
    """Neither another priority nor another persistence."""
    warm_up(nginx, amqp)
    requests = [(begin(nginx, 10, prefix, name), name)
                for prefix, name in (("/b", "b"), ("/urgent", "u"), ("/kept", "k"))]
    left = 30
    while left > 0:
        properties, items = take(amqp)
        kinds = {item.body[:1] for item in items}
        assert len(kinds) == 1, kinds
        assert properties.priority == (3 if kinds == {b"u"} else 0)
        assert (properties.delivery_mode == 2) == (kinds == {b"k"})
        answer(amqp, properties, items, FAST_US)
        left -= len(items)
    for group, name in requests:
        finish(group, name)


def test_each_keeps_its_own_deadline(nginx, amqp):
    """Some of a message expire, the others are answered; the message lives as long as the
    longest."""
    warm_up(nginx, amqp)
    first = begin(nginx, 1)
    taken = [take(amqp)]
    short = begin(nginx, 8, "/brief", "s")
    long = begin(nginx, 8, "/b", "l")
    while sum(len(items) for _, items in taken) < 17:
        taken.append(take(amqp))
    shared = [properties for properties, items in taken
              if {item.body[:1] for item in items} == {b"s", b"l"}]
    assert all(int(properties.expiration) > 1000 for properties in shared)
    for request in short:
        got = request.receive()
        assert (got.status, got.error) == (503, "expired")
    for properties, items in taken:
        answer(amqp, properties, items, FAST_US)
    finish(first)
    finish(long, "l")


def test_who_hangs_up_is_taken_out(nginx, amqp):
    """What waits for its message is not sent; what was sent is cancelled."""
    warm_up(nginx, amqp)
    requests = begin(nginx)
    gone = requests.pop()
    gone.close()
    served = serve(amqp, MANY - 1, FAST_US)
    assert sum(served) in (MANY - 1, MANY)
    finish(requests)
