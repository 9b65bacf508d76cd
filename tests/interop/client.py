"""A caller of crew tasks, written from docs/wire.md with pika.

    caller = Caller("amqp://guest:guest@localhost:5672/")
    print(caller.call("report", b'{"year": 2015}', content_type="application/json").body)

Calls are begun and waited for, so that many can be under way. One thread, one connection;
one that is lost is not replaced.
"""
import gzip
import logging
import time
import uuid
from dataclasses import dataclass, field

import pika

import envelope
from envelope import OUTCOMES, Item, Kind
from stream import Broken, Inflow, waits_for_credit
from topology import CONTROL, DEAD_LETTERS, declare_exchanges, level, task_queue

GRACE_S = 0.5  # how long after the deadline the caller decides by itself
DEAD_LETTER_OUTCOMES = {"expired": "expired", "rejected": "bad-envelope",
                        "maxlen": "overloaded"}


@dataclass
class Answer:
    """What came back, or how the call ended: then `error` is the word of the outcome."""
    status: int = 200
    error: str = None
    pairs: list = field(default_factory=list)  # header fields: [(b"name", b"value")]
    body: bytes = b""
    content_type: str = None  # of a plain answer
    worker: str = None
    run_us: int = None
    taken: bool = False  # a notice had come that a handler has it
    seconds: float = None

    def all(self, name):
        """The values of a header field, in their order."""
        return [value for key, value in self.pairs if key.lower() == name.lower()]


@dataclass
class HttpRequest:
    """One request of an envelope. PAIRS are the CGI parameters of RFC 3875."""
    pairs: list = field(default_factory=list)
    body: bytes = b""
    expiration_s: float = 30.0
    repeat: bool = False
    kind: Kind = Kind.REQUEST


def cgi(method, path, query="", headers=(), **rest):
    """A request by its method, path and header fields."""
    names = {"REQUEST_METHOD": method, "SCRIPT_NAME": path, "QUERY_STRING": query,
             "SERVER_PROTOCOL": "HTTP/1.1"}
    if rest.get("body"):
        names["CONTENT_LENGTH"] = str(len(rest["body"]))
    pairs = [(key.encode(), value.encode()) for key, value in names.items()]
    pairs += [(b"HTTP_" + key.upper().replace("-", "_").encode(), value)
              for key, value in headers]
    return HttpRequest(pairs, **rest)


@dataclass
class Pending:
    """A call under way."""
    id: str
    message: str  # correlation id of the message that carried it
    task: str
    began: float
    ends: float
    taken: bool = False
    inflow: Inflow = None  # the answer comes piece by piece
    answer: Answer = None


class Caller:
    def __init__(self, url, gzip_above=32768):
        self.gzip_above = gzip_above
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()  # publishing waits for the broker's word
        self.calls = {}
        self.strangers = []  # ids of answers that nobody waits for
        declare_exchanges(self.connection)
        self.reply_queue = f"crew.master.{uuid.uuid4().hex}"
        self.channel.queue_declare(self.reply_queue, exclusive=True, auto_delete=True)
        self.channel.queue_bind(self.reply_queue, DEAD_LETTERS, arguments={
            "x-match": "all-with-x", "x-original-sender": self.reply_queue})
        self.channel.basic_consume(self.reply_queue, self.on_message, auto_ack=True)

    def close(self):
        self.connection.close()

    # ---- plain calls

    def call(self, task, body=b"", **how):
        return self.wait(self.begin(task, body, **how))

    def begin(self, task, body=b"", content_type="text/plain", headers=None, repeat=False,
              expiration_s=30.0, **how):
        """Send a plain call; its id."""
        name = uuid.uuid4().hex
        marks = {"crew-deadline": unix_ms(expiration_s), "crew-version": 1}
        if repeat:
            marks["crew-repeat"] = 1
        self.remember(name, name, task, expiration_s)
        self.publish(task, name, body, content_type, expiration_s,
                     (headers or {}) | marks, **how)
        return name

    # ---- envelopes

    def http(self, task, request, **how):
        return self.wait(*self.begin_http(task, [request], **how))

    def begin_http(self, task, requests, **how):
        """Send requests in one message; their ids. Each gets its own answer."""
        items = [Item(one.kind, uuid.uuid4().hex, marks_of(one), one.pairs, one.body)
                 for one in requests]
        for item, one in zip(items, requests):
            self.remember(item.id, items[0].id, task, one.expiration_s)
        self.publish(task, items[0].id, envelope.encode(items), envelope.CONTENT_TYPE,
                     max(one.expiration_s for one in requests), **how)
        return [item.id for item in items]

    def ping(self, task, expiration_s=5.0, **how):
        """Ask a worker itself; no handler is run."""
        return self.http(task, HttpRequest(kind=Kind.PING, expiration_s=expiration_s), **how)

    def cancel(self, name):
        """Forget a call. Who has not begun it does not begin it any more."""
        call = self.calls.pop(name)
        left_s = max(0.0, call.ends - time.monotonic())
        streams = call.inflow and call.inflow.worker
        self.notify(f"worker.{streams}" if streams else f"task.{call.task}",
                    Item(Kind.CANCEL, name, {"deadline_unix_ms": unix_ms(left_s),
                                             "budget_ms": int(left_s * 1000)}))

    def notify(self, key, item):
        self.channel.basic_publish(
            CONTROL, key, envelope.encode([item]),
            pika.BasicProperties(content_type=envelope.CONTENT_TYPE))

    # ---- publishing

    def remember(self, name, message, task, expiration_s):
        now = time.monotonic()
        self.calls[name] = Pending(name, message, task, now, now + expiration_s)

    def publish(self, task, name, body, content_type, expiration_s, headers=None, priority=0,
                persistent=False, repeated=False):
        headers = (headers or {}) | {"x-original-sender": self.reply_queue}
        if repeated:
            headers["crew-repeated"] = 1
        encoding = None
        if len(body) > self.gzip_above:
            body, encoding = gzip.compress(body), "gzip"
        properties = pika.BasicProperties(
            content_type=content_type, content_encoding=encoding, correlation_id=name,
            reply_to=self.reply_queue, expiration=str(int(expiration_s * 1000)),
            priority=level(priority), delivery_mode=2 if persistent else 1, headers=headers)
        try:
            self.channel.basic_publish("", task_queue(task), body, properties,
                                       mandatory=True)
        except pika.exceptions.UnroutableError:  # there is no such queue
            self.end_message(name, "no-workers")
        except pika.exceptions.NackError:  # the queue refuses
            self.end_message(name, "overloaded")

    # ---- what comes to the reply queue

    def on_message(self, _channel, _method, properties, body):
        headers = properties.headers or {}
        name = properties.correlation_id
        if "x-death" in headers:
            reason = headers["x-death"][0]["reason"]
            self.end_message(name, DEAD_LETTER_OUTCOMES.get(reason, "lost"))
            return
        try:
            body = envelope.inflate(properties.content_encoding, body)
            if properties.content_type == envelope.CONTENT_TYPE:
                for item in envelope.decode(body):
                    self.on_item(item)
                return
        except envelope.Malformed as error:
            logging.warning("an answer that cannot be read: %s", error)
            self.end_message(name, "bad-response")
            return
        self.on_plain_answer(name, properties, headers, body)

    def on_item(self, item):
        known = self.calls.get(item.id)
        if item.kind == Kind.TAKEN and known:
            known.taken = True
        elif item.kind in (Kind.HEAD, Kind.CHUNK, Kind.END):
            self.on_piece(known, item)
        elif item.kind == Kind.ANSWER:
            error = known_word(item.fields.get("error"))
            status = OUTCOMES[error] if error else item.fields.get("status")
            self.end(item.id, Answer(status, error, item.pairs, item.body, None,
                                     item.fields.get("worker"), item.fields.get("run_us")))

    def on_piece(self, call, item):
        if call is None or call.answer is not None:
            if waits_for_credit(item):
                self.notify(f"worker.{item.fields['worker']}", Item(Kind.CANCEL, item.id))
            return
        error = known_word(item.fields.get("error"))
        if error:
            self.end(item.id, Answer(OUTCOMES[error], error))
            return
        call.inflow = call.inflow or Inflow()
        try:
            credit = call.inflow.take(item)
        except Broken as broken:
            self.end(item.id, Answer(OUTCOMES[str(broken)], str(broken)))
            return
        if item.kind == Kind.END:
            head = call.inflow.head
            self.end(item.id, Answer(head.fields["status"], None, head.pairs,
                                     bytes(call.inflow.body), None, call.inflow.worker,
                                     item.fields.get("run_us")))
        elif credit:
            self.notify(f"worker.{call.inflow.worker}", credit)

    def on_plain_answer(self, name, properties, headers, body):
        pairs = [(key.encode(), value.encode()) for key, value in headers.items()
                 if isinstance(value, str) and not key.startswith(("x-", "crew-"))]
        error = known_word(headers.get("crew-error"))
        self.end(name, Answer(headers.get("crew-status", 200), error, pairs, body,
                              properties.content_type, None, headers.get("crew-run-us")))

    def end_message(self, message, error):
        """All calls of one message end the same way; those that are answered have ended."""
        for call in self.calls.values():
            if call.message == message and call.answer is None:
                self.end_without_answer(call, error)

    def end_without_answer(self, call, error):
        if error == "expired" and call.taken:
            error = "deadline"  # a worker had started it
        self.end(call.id, Answer(OUTCOMES[error], error))

    def end(self, name, answer):
        call = self.calls.get(name)
        if call is None or call.answer is not None:
            self.strangers.append(name)
            return
        answer.taken = call.taken
        answer.seconds = time.monotonic() - call.began
        call.answer = answer

    # ---- waiting

    def wait(self, *names):
        """The answers to these calls; the one answer if there is one call."""
        calls = [self.calls[name] for name in names]
        while any(call.answer is None for call in calls):
            self.connection.process_data_events(time_limit=0.05)
            self.keep_time()
        for name in names:
            del self.calls[name]
        answers = [call.answer for call in calls]
        return answers[0] if len(answers) == 1 else answers

    def keep_time(self):
        now = time.monotonic()
        for call in self.calls.values():
            if call.answer is None and now > call.ends + GRACE_S:
                self.end_without_answer(call, "expired")

    def wait_taken(self, name, bound_s=5.0):
        """Until a handler has had this call for a tenth of a second."""
        end = time.monotonic() + bound_s
        while not self.calls[name].taken and time.monotonic() < end:
            self.connection.process_data_events(time_limit=0.05)
        return self.calls[name].taken


def marks_of(request):
    fields = {"deadline_unix_ms": unix_ms(request.expiration_s),
              "budget_ms": max(0, int(request.expiration_s * 1000))}
    if request.repeat:
        fields["repeat"] = 1
    return fields


def known_word(error):
    """A word of a later version is a failure all the same."""
    return error if error is None or error in OUTCOMES else "failed"


def unix_ms(from_now_s):
    return int((time.time() + from_now_s) * 1000)
