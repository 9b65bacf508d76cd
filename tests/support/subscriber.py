"""A subscriber that uses AMQP only, without crew."""
from dataclasses import dataclass

import pika

EXCHANGE = "crew.pubsub"


@dataclass
class Message:
    channel: str
    properties: pika.BasicProperties
    body: bytes

    @property
    def id(self):
        return self.properties.message_id

    @property
    def number(self):
        return int(self.id.rpartition(".")[2])


class Subscriber:
    """Hears what matches PATTERN. What the broker has confirmed is in its queue: a named one
    survives the broker, the other ends with the subscriber."""

    def __init__(self, broker, pattern="#", queue="", **arguments):
        self.broker = broker
        self.connection = broker.connect()
        channel = self.connection.channel()
        channel.exchange_declare(EXCHANGE, exchange_type="topic", durable=True)
        declared = channel.queue_declare(queue, durable=bool(queue), exclusive=not queue,
                                         arguments=arguments)
        self.queue = declared.method.queue
        channel.queue_bind(self.queue, EXCHANGE, pattern)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.connection.is_open:
            self.connection.close()

    def reconnect(self):
        """After the broker was lost."""
        self.connection = self.broker.connect()

    def take(self):
        """All messages that are there, in their order."""
        messages = []
        channel = self.connection.channel()
        while True:
            method, properties, body = channel.basic_get(self.queue, auto_ack=True)
            if method is None:
                channel.close()
                return messages
            messages.append(Message(method.routing_key, properties, body))
