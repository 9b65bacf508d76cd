"""Publishing as any AMQP client does it."""
import pika

EXCHANGE = "crew.pubsub"


class Publisher:
    """Publishes with confirms: what publish() has returned from, the broker has."""

    def __init__(self, broker):
        self.connection = broker.connect()
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()
        self.channel.exchange_declare(EXCHANGE, "topic", durable=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def publish(self, channel, body, content_type=None, message_id=None):
        self.channel.basic_publish(
            EXCHANGE, channel, body if isinstance(body, bytes) else body.encode(),
            pika.BasicProperties(content_type=content_type, message_id=message_id,
                                 delivery_mode=2))
