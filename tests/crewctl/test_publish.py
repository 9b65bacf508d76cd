"""crewctl publish: what subscribers receive, and the exit statuses."""
import re
import time

import pytest
from shell import one_line

from support.program import SLOWNESS, free_port


@pytest.fixture
def take(broker):
    """Subscribes to a pattern; gives the next message's channel, properties, body."""
    connection = broker.connect()
    channel = connection.channel()
    channel.exchange_declare("crew.pubsub", exchange_type="topic", durable=True)

    def subscribe(pattern, **arguments):
        queue = channel.queue_declare("", exclusive=True, arguments=arguments).method.queue
        channel.queue_bind(queue, "crew.pubsub", pattern)

        def next_one():
            method, properties, body = channel.basic_get(queue, auto_ack=True)
            return method.routing_key, properties, body  # the broker has it: no waiting

        return next_one

    yield subscribe
    connection.close()


def test_a_subscriber_gets_it(crewctl, take):
    got = take("news.*")
    name = crewctl("publish", "news.de", "--json", '{"neo": 1}').decode()
    assert re.fullmatch(r"[0-9a-f]+\.1\n", name)
    channel, properties, body = got()
    assert (channel, properties.content_type, body) == ("news.de", "application/json",
                                                        b'{"neo": 1}')
    assert properties.message_id == name.strip()
    assert properties.delivery_mode == 1
    assert abs(properties.timestamp - time.time()) < 60


def test_bodies(crewctl, take, tmp_path):
    got = take("#")
    file = tmp_path / "body"
    file.write_bytes(b"\0\xff from a file")
    for words, body, expected in (
            (["-d", "grüß dich"], None, ("text/plain; charset=utf-8", "grüß dich".encode())),
            (["--file", str(file)], None, ("application/octet-stream", b"\0\xff from a file")),
            (["-", "--content-type", "image/neo"], b"x" * 300000, ("image/neo", b"x" * 300000)),
            ([], None, ("application/octet-stream", b""))):
        crewctl("publish", "c", *words, body=body)
        _, properties, body = got()
        assert (properties.content_type, body) == expected


def test_persistent(crewctl, take):
    got = take("#")
    crewctl("publish", "c", "--persistent")
    assert got()[1].delivery_mode == 2


def test_without_subscribers(crewctl):
    assert crewctl("publish", "nobody") != b""


@pytest.mark.parametrize("named,words", [
    ("CHANNEL is missing", ["publish"]),
    ("CHANNEL is not", ["publish", ""]),
    ("CHANNEL is not", ["publish", "news.*"]),
    ("CHANNEL is not", ["publish", "#.de"]),
    ("CHANNEL is not", ["publish", "a\nb"]),
    ("CHANNEL is not", ["publish", b"\xff"]),
    ("CHANNEL is not", ["publish", "x" * 256]),
    ("extra", ["publish", "c", "extra"]),
    ("one body", ["publish", "c", "--json", "1", "-d", "1"]),
    ("--json", ["publish", "c", "--json", "oops"]),
    ("--content-type", ["publish", "c", "--content-type", "a" * 256]),
    ("--priority", ["publish", "c", "--priority", "1"]),
])
def test_what_is_wrong_is_named(crewctl, named, words):
    assert named in crewctl.refuses(*words)


def test_the_longest_name(crewctl, take):
    got = take("#")
    crewctl("publish", "x" * 255)
    assert got()[0] == "x" * 255


def test_broker_refuses_connections(crewctl):
    done = crewctl.run("publish", "c", "--url", f"amqp://127.0.0.1:{free_port()}")
    assert (done.status, done.out) == (10, b""), done
    assert one_line(done.err).startswith("broker: 127.0.0.1:")
    assert done.seconds < 3 * SLOWNESS


def test_a_full_queue_refuses(crewctl, take):
    take("#", **{"x-max-length": 0, "x-overflow": "reject-publish"})
    done = crewctl.run("publish", "c")
    assert (done.status, done.out) == (11, b""), done
    assert one_line(done.err).startswith("publish c: overloaded: ")


def test_the_exchange_may_not_be_declared(crewctl, broker):
    """By this user, and it is not there: said at once."""
    other = broker.fresh_vhost()
    broker.ctl("add_user", "reader", "secret")
    try:
        broker.ctl("set_permissions", "-p", other.vhost, "reader",
                   r"^crew\.(master|DLX|control)", ".*", ".*")
        url = other.url.replace("guest:guest@", "reader:secret@")
        done = crewctl.run("publish", "c", "--url", url)
        assert (done.status, done.out) == (10, b""), done
        assert one_line(done.err).startswith("publish c: broker: ")
        assert done.seconds < 1.5 * SLOWNESS
    finally:
        broker.ctl("delete_user", "reader")
        other.delete_vhost()


def test_a_broker_that_has_just_started(crewctl, environment):
    """Its streams are not up yet, and it confirms what passes them by."""
    broker = environment.broker()
    stream = {"x-queue-type": "stream"}
    with broker.connect() as connection:
        channel = connection.channel()
        channel.exchange_declare("crew.pubsub", exchange_type="topic", durable=True)
        channel.queue_declare("crew.history", durable=True, arguments=stream)
        channel.queue_bind("crew.history", "crew.pubsub", "#")
    broker.restart()
    crewctl("publish", "c", "-d", "kept", "--url", broker.url)
    with broker.connect() as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)
        _, _, body = next(channel.consume("crew.history", inactivity_timeout=10,
                                          arguments={"x-stream-offset": "first"}))
        assert body == b"kept"
