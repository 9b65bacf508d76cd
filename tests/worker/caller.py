"""A foreign client: plain calls over AMQP, as docs/wire.md describes them, with pika."""
import gzip
import time
import uuid
from collections import namedtuple

import pika

Answer = namedtuple("Answer", "body status error content_type seconds at")


class Caller:
    """Calls tasks of one prefix. Answers are collected while something is waited for."""

    def __init__(self, broker, prefix, slowness):
        self.prefix = prefix
        self.slowness = slowness
        self.connection = broker.connect()
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()
        self.reply_queue = self.channel.queue_declare("", exclusive=True).method.queue
        self.channel.basic_consume(self.reply_queue, self.take, auto_ack=True)
        self.begun = {}
        self.answers = {}

    def take(self, _channel, _method, properties, body):
        headers = properties.headers or {}
        name = properties.correlation_id
        assert name not in self.answers, f"a second answer to {name}"
        now = time.monotonic()
        if properties.content_encoding == "gzip":
            body = gzip.decompress(body)
        error = headers.get("crew-error")
        self.answers[name] = Answer(body, headers.get("crew-status"), error,
                                    properties.content_type, now - self.begun[name], now)

    def begin(self, task, body="", expiration_s=30, level=0, repeat=False, task_prefix=None):
        """Send a call; its id. LEVEL is the priority in the queue, 0 to 3."""
        name = uuid.uuid4().hex
        self.begun[name] = time.monotonic()
        ends_unix_ms = int((time.time() + expiration_s) * 1000)
        headers = {"crew-deadline": ends_unix_ms, "x-original-sender": self.reply_queue}
        if repeat:
            headers["crew-repeat"] = 1
        self.channel.basic_publish(
            "", f"crew.tasks.{task_prefix or self.prefix}.{task}", body,
            pika.BasicProperties(content_type="text/plain", correlation_id=name,
                                 reply_to=self.reply_queue, priority=level,
                                 expiration=str(int(expiration_s * 1000)), headers=headers),
            mandatory=True)
        return name

    def wait(self, *names, bound_s=15.0):
        """The answers to these calls."""
        end = time.monotonic() + bound_s * self.slowness
        while not all(name in self.answers for name in names):
            missing = sum(name not in self.answers for name in names)
            assert time.monotonic() < end, f"{missing} calls without an answer"
            self.connection.process_data_events(time_limit=0.05)
        return [self.answers[name] for name in names]

    def call(self, task, body="", bound_s=15.0, **rest):
        return self.wait(self.begin(task, body, **rest), bound_s=bound_s)[0]

    def text(self, task, body="", **rest):
        """The body of an answer that must be a good one."""
        answer = self.call(task, body, **rest)
        assert (answer.status, answer.error) == (200, None), answer
        return answer.body.decode()

    def close(self):
        self.connection.close()
