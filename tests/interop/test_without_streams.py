"""A broker without stream queues: subscribing fails with an error, everything else works."""
import pika
import pytest

from client import Caller
from support.waiting import wait_until

STREAM = {"x-queue-type": "stream"}


def test_a_stream_is_refused(plain_broker):
    """With the connection, not only the channel."""
    connection = plain_broker.connect()
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as refusal:
        connection.channel().queue_declare("history", durable=True, arguments=STREAM)
    assert refusal.value.reply_code == 541  # INTERNAL_ERROR
    assert "the corresponding feature flag is disabled" in refusal.value.reply_text


def test_there_is_no_stream(plain_broker):
    with plain_broker.connect() as connection:
        with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refusal:
            connection.channel().queue_declare("history", passive=True)
        assert refusal.value.reply_code == 404
        assert connection.is_open


def test_it_stays_so(plain_broker):
    plain_broker.restart()
    test_a_stream_is_refused(plain_broker)


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_other_queues(plain_broker, kind):
    with plain_broker.connect() as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare(kind, durable=True, arguments={"x-queue-type": kind})
        channel.queue_bind(kind, "amq.topic", "#")
        channel.basic_publish("amq.topic", "any", b"text")
        wait_until(lambda: channel.basic_get(kind, auto_ack=True)[2] == b"text", 10)


def test_calls(plain_broker, environment):
    environment.worker(plain_broker, app="classic.so")
    caller = Caller(plain_broker.url)
    assert caller.call("test").body == b"Wake up Neo.\n"
    caller.close()
