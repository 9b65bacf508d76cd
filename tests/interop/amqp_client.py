"""An AMQP client without knowledge of crew: sends and receives messages."""
import pika

from support.waiting import wait_until


class AmqpClient:
    """Publishes with nothing but what a test gives, and reads what comes back."""

    def __init__(self, broker):
        self.connection = broker.connect()
        self.channel = self.connection.channel()
        self.queue = self.channel.queue_declare("", exclusive=True).method.queue

    def bind_dead_letters(self):
        """Dead letters of messages with `x-original-sender` = this queue come back."""
        self.channel.queue_bind(self.queue, "crew.DLX", arguments={
            "x-match": "all-with-x", "x-original-sender": self.queue})

    def publish(self, task, body, **properties):
        self.send(f"crew.tasks.{task}", body, **properties)

    def send(self, queue, body, **properties):
        self.channel.basic_publish("", queue, body, pika.BasicProperties(**properties))

    def receive(self, queue=None):
        """The next message: (properties, body)."""
        def get():
            method, properties, body = self.channel.basic_get(queue or self.queue, True)
            return method and (properties, body)

        return wait_until(get, what="a message")

    def close(self):
        self.connection.close()
