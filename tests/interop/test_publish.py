"""A publisher in C and subscribers in Python, written from docs/wire.md."""
import os
import subprocess

import pytest

from support.program import BUILD, SLOWNESS
from support.waiting import wait_until

PUBLISHER = os.path.join(BUILD, "tests", "publisher")
TOPIC = {"exchange_type": "topic", "durable": True}


def publisher(broker, channel, count, window, expiration_s=60):
    return subprocess.Popen([PUBLISHER, broker.url, channel, str(count), str(window),
                             str(int(expiration_s * 1000))], stdout=subprocess.PIPE, text=True)


def finish(process, bound_s=120):
    """The publications that did not end well."""
    out, _ = process.communicate(timeout=bound_s * SLOWNESS)
    *lines, last = out.splitlines()
    assert (process.returncode, last) == (0, "done"), out
    return [line.split() for line in lines]


def subscribe(broker, queue, pattern, **arguments):
    """A queue that outlives connections, for what matches the pattern."""
    with broker.connect() as connection:
        channel = connection.channel()
        channel.exchange_declare("crew.pubsub", **TOPIC)
        channel.queue_declare(queue, durable=True, arguments=arguments)
        channel.queue_bind(queue, "crew.pubsub", pattern)


def read_all(broker, queue):
    """All messages, as (properties, body) in their order."""
    messages = []
    with broker.connect() as connection:
        channel = connection.channel()
        while True:
            method, properties, body = channel.basic_get(queue, auto_ack=True)
            if method is None:
                return messages
            messages.append((properties, body))


def without_repeats(messages):
    """What a reader makes of them: a number that is not above the highest one that it has
    seen of this publisher is a repeat."""
    highest, kept, seen = {}, [], {}
    for properties, body in messages:
        name, _, number = properties.message_id.rpartition(".")
        if int(number) > highest.get(name, 0):
            highest[name] = int(number)
            kept.append(int(body))
        assert seen.setdefault(properties.message_id, body) == body, "an id of two messages"
    return kept


@pytest.fixture
def rough(environment):
    """A broker to be broken."""
    broker = environment.broker()
    subscribe(broker, "all", "#")
    return broker


def test_patterns_choose(broker):
    subscribe(broker, "news", "news.*")
    subscribe(broker, "everything", "#")
    for name in ("news.de", "news.de.berlin", "weather"):
        assert finish(publisher(broker, name, 2, 1)) == []
    assert without_repeats(read_all(broker, "news")) == [1, 2]
    messages = read_all(broker, "everything")
    assert [body for _, body in messages] == [b"1", b"2"] * 3
    assert len({properties.message_id for properties, _ in messages}) == 6
    assert {properties.content_type for properties, _ in messages} == {"text/plain"}
    assert {properties.delivery_mode for properties, _ in messages} == {2}


def test_connections_are_closed(rough):
    """Many times, while a thousand messages are under way."""
    process = publisher(rough, "numbers", 30000, 1000)
    closed = 0
    while process.poll() is None and closed < 50:
        rough.ctl("close_all_connections", "for a test")
        closed += 1
    assert finish(process) == []
    messages = read_all(rough, "all")
    assert closed > 1
    assert len(messages) > 30000, "there were no repeats to be dropped"
    assert without_repeats(messages) == list(range(1, 30001))


def test_the_broker_is_killed(rough):
    """What is persistent outlives that, too."""
    process = publisher(rough, "numbers", 20000, 500)
    wait_until(lambda: (rough.queue("all") or (0,))[0] > 1000, 30 * SLOWNESS,
               what="messages in the queue")
    rough.kill()
    rough.restart()
    assert finish(process) == []
    assert without_repeats(read_all(rough, "all")) == list(range(1, 20001))


def test_the_broker_stays_away(rough):
    """The outcome of messages that were written is unknown."""
    process = publisher(rough, "numbers", 10000000, 100, expiration_s=2)
    wait_until(lambda: (rough.queue("all") or (0,))[0] > 100, 30 * SLOWNESS,
               what="messages in the queue")
    rough.kill()
    line = process.stdout.readline().split()
    process.kill()
    process.communicate()
    assert line[2] == "lost", line


def test_a_full_queue_refuses(broker):
    subscribe(broker, "full", "crowd", **{"x-max-length": 3, "x-overflow": "reject-publish"})
    endings = finish(publisher(broker, "crowd", 5, 1))
    assert [(number, word) for number, _, word in endings] == [("4", "overloaded"),
                                                              ("5", "overloaded")]
    assert without_repeats(read_all(broker, "full")) == [1, 2, 3]


def test_memory_alarm(rough):
    """What is under way waits, and arrives when the broker takes messages again."""
    process = publisher(rough, "numbers", 20000, 100)
    wait_until(lambda: (rough.queue("all") or (0,))[0] > 100, 30 * SLOWNESS,
               what="messages in the queue")
    rough.ctl("set_vm_memory_high_watermark", "0.000001")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    rough.ctl("set_vm_memory_high_watermark", "0.6")
    assert finish(process) == []
    assert without_repeats(read_all(rough, "all")) == list(range(1, 20001))


def test_the_exchange_is_deleted(rough):
    """The connection is lost with it; the next one declares it anew."""
    assert finish(publisher(rough, "one", 1, 1)) == []
    process = publisher(rough, "numbers", 20000, 10)
    wait_until(lambda: (rough.queue("all") or (0,))[0] > 100, 30 * SLOWNESS,
               what="messages in the queue")
    with rough.connect() as connection:
        connection.channel().exchange_delete("crew.pubsub")
    assert finish(process) == []
    assert finish(publisher(rough, "two", 1, 1)) == []
    assert rough.ctl("list_exchanges", "name", "type", "durable").count(
        "crew.pubsub\ttopic\ttrue") == 1


def test_an_exchange_of_another_kind(broker):
    """It is used as it is."""
    other = broker.fresh_vhost()
    try:
        with other.connect() as connection:
            channel = connection.channel()
            channel.exchange_declare("crew.pubsub", exchange_type="fanout")
            channel.queue_declare("all", durable=True)
            channel.queue_bind("all", "crew.pubsub")
        assert finish(publisher(other, "any", 3, 1)) == []
        assert without_repeats(read_all(other, "all")) == [1, 2, 3]
    finally:
        other.delete_vhost()
