"""What the Python package `crew` of 2015 (tornado, pika) declares and sends."""
import json
import pickle
import time
import uuid
import zlib

import pika

JSON, PICKLE, TEXT = "application/json", "application/python-pickle", "text/plain"


class OriginalMaster:
    """Its client: one dead-letter queue for all, and a reply queue of its own."""

    def __init__(self, broker):
        self.connection = broker.connect()
        self.channel = self.connection.channel()
        self.replies = f"crew.master.{uuid.uuid4().hex}"
        self.channel.exchange_declare("crew.PUBSUB", exchange_type="headers",
                                      auto_delete=True)
        self.channel.exchange_declare("crew.DLX", exchange_type="headers", auto_delete=True)
        self.channel.queue_declare("crew.DLX")
        self.channel.queue_declare(self.replies, exclusive=True, auto_delete=True,
                                   arguments={"x-message-ttl": 60000})
        self.channel.queue_bind("crew.DLX", "crew.DLX",
                                arguments={"x-original-sender": self.replies})

    def call(self, task, value, content_type=JSON, compress=False, expiration_s=86400):
        """Send a call; its correlation id."""
        name = f"{task}.{uuid.uuid4().hex}"
        body = packed(value, content_type)
        self.channel.basic_publish(
            "", f"crew.tasks.{task}", zlib.compress(body, 6) if compress else body,
            pika.BasicProperties(
                content_encoding="gzip" if compress else "plain", content_type=content_type,
                reply_to=self.replies, correlation_id=name, timestamp=int(time.time()),
                headers={"x-original-sender": self.replies}, delivery_mode=2, priority=0,
                expiration=str(expiration_s * 1000)))
        return name

    def close(self):
        self.connection.close()


def declare_task(broker, task):
    """As its worker does: not durable, no priorities, ten minutes at most."""
    with broker.connect() as connection:
        connection.channel().queue_declare(f"crew.tasks.{task}", arguments={
            "x-dead-letter-exchange": "crew.DLX", "x-message-ttl": 600000})


def answer(amqp, properties, value, compress=False):
    """As its worker does: what came in as headers and content type goes out again."""
    body = packed(value, properties.content_type)
    amqp.send(properties.reply_to, zlib.compress(body) if compress else body,
              correlation_id=properties.correlation_id,
              content_type=properties.content_type, headers=properties.headers,
              content_encoding="gzip" if compress else properties.content_encoding,
              timestamp=int(time.time()), expiration=properties.expiration)


def packed(value, content_type):
    if content_type == JSON:
        return json.dumps(value).encode()
    if content_type == PICKLE:
        return pickle.dumps(value, protocol=2)
    return str(value).encode()
