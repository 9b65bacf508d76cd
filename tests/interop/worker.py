"""A worker for crew tasks, written from docs/wire.md with pika.

    def report(request):
        return Response(body=b"done")

    Worker("amqp://guest:guest@localhost:5672/", {"report": report}).run()

Handlers run in threads, the connection belongs to the thread that calls run(). A thread
cannot be killed: one that runs past its deadline is answered for, and its message is acked
when it comes to an end. A lost connection ends run() with pika's exception.
"""
import collections
import concurrent.futures
import functools
import gzip
import logging
import time
import uuid
from dataclasses import dataclass, field, replace

import pika

import envelope
from envelope import OUTCOMES, Item, Kind
from stream import Gone, Outflow
from topology import CONTROL, declare_exchanges, declare_task_queue, task_queue

TAKEN_AFTER_S = 0.1
REMEMBERED = 10000  # cancelled ids
KEPT = 100  # answers


@dataclass
class Request:
    """What a handler gets. `pairs` are CGI parameters, or headers of a plain call."""
    id: str
    task: str
    pairs: list
    body: bytes
    content_type: str
    plain: bool

    def value(self, name):
        return next((value for key, value in self.pairs if key == name.encode()), None)


@dataclass
class Response:
    """What a handler returns; the names of header fields and their values are bytes."""
    status: int = 200
    pairs: list = field(default_factory=list)
    body: bytes = b""
    content_type: str = "text/plain"  # of an answer to a plain call
    error: str = None  # the word of an outcome
    pieces: object = None  # instead of a body: yields it, sent as it comes


@dataclass(eq=False)
class Message:
    """A delivery: acked when nothing of it is open."""
    tag: int
    properties: pika.BasicProperties
    again: bool  # it may have run before
    open: int = 0  # tasks that are not at their end
    answers: list = field(default_factory=list)  # items that wait for the others


@dataclass(eq=False)
class Task:
    request: Request
    ends: float  # monotonic
    repeat: bool
    unique: bool  # its id is unique in the world
    message: Message
    earlier: list = field(default_factory=list)  # messages with this very task
    kind: Kind = Kind.REQUEST
    begun: bool = False
    answered: bool = False
    outflow: Outflow = None  # the answer leaves piece by piece


class Worker:
    def __init__(self, url, handlers, threads=4, together=False, gzip_above=32768,
                 timeout_s=60.0):
        """TOGETHER: the answers to a message share a message, else each goes by itself."""
        self.uuid = str(uuid.uuid4())
        self.handlers = handlers
        self.together = together
        self.gzip_above = gzip_above
        self.timeout_s = timeout_s
        self.idle = threads
        self.waiting = collections.deque()  # tasks that no thread has begun
        self.in_hand = {}  # id: task, waiting or running
        self.kept = collections.OrderedDict()  # id: (task, response)
        self.cancelled = collections.OrderedDict()  # id: until when
        self.open_messages = 0
        self.stopping = False
        self.steps = collections.deque()  # what threads want the connection to do, in order
        self.pool = concurrent.futures.ThreadPoolExecutor(threads)
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()
        self.channel.basic_qos(prefetch_count=threads, global_qos=True)
        declare_exchanges(self.connection)
        self.listen()
        for task in handlers:
            declare_task_queue(self.connection, task)
            self.channel.basic_consume(task_queue(task),
                                       functools.partial(self.on_message, task))

    def listen(self):
        """Notices come over a channel of their own, which no prefetch holds back."""
        channel = self.connection.channel()
        queue = f"crew.worker.{self.uuid}.{uuid.uuid4().hex[:8]}"
        channel.queue_declare(queue, exclusive=True, auto_delete=True)
        for key in [f"worker.{self.uuid}", *(f"task.{task}" for task in self.handlers)]:
            channel.queue_bind(queue, CONTROL, key)
        channel.basic_consume(queue, self.on_notice, auto_ack=True)

    def run(self):
        while not (self.stopping and self.open_messages == 0):
            self.connection.process_data_events(time_limit=None)
        self.connection.close()

    def stop(self):
        """From any thread or a signal: take no more tasks, finish those in hand."""
        self.connection.add_callback_threadsafe(self.wind_down)

    def wind_down(self):
        self.stopping = True
        for tag in list(self.channel.consumer_tags):
            self.channel.basic_cancel(tag)

    # ---- reading

    def on_message(self, task, channel, method, properties, body):
        headers = properties.headers or {}
        message = Message(method.delivery_tag, properties,
                          method.redelivered or "crew-repeated" in headers)
        try:
            tasks = self.read(task, message, body)
        except envelope.Malformed as error:
            logging.warning("a task that cannot be read: %s", error)
            channel.basic_reject(method.delivery_tag, requeue=False)
            return
        self.open_messages += 1
        message.open = 1 + len(tasks)  # one for this function
        for one in tasks:
            self.take(one)
        self.close_one(message)

    def read(self, task, message, body):
        properties = message.properties
        body = envelope.inflate(properties.content_encoding, body)
        if properties.content_type != envelope.CONTENT_TYPE:
            return [self.read_plain(task, message, body)]
        tasks = [self.read_item(task, message, item) for item in envelope.decode(body)
                 if item.kind in (Kind.REQUEST, Kind.PING)]
        if not tasks:
            raise envelope.Malformed("an envelope without requests")
        return tasks

    def read_plain(self, task, message, body):
        properties = message.properties
        headers = properties.headers or {}
        pairs = [(key.encode(), value.encode()) for key, value in headers.items()
                 if isinstance(value, str) and not key.startswith(("x-", "crew-"))]
        request = Request(properties.correlation_id, task, pairs, body,
                          properties.content_type, plain=True)
        return Task(request, self.ends(message, headers.get("crew-deadline"), None),
                    headers.get("crew-repeat") == 1, headers.get("crew-version") == 1,
                    message)

    def read_item(self, task, message, item):
        if not item.id or "\0" in item.id:
            raise envelope.Malformed("a request without a proper id")
        request = Request(item.id, task, item.pairs, item.body, None, plain=False)
        ends = self.ends(message, item.fields.get("deadline_unix_ms"),
                         item.fields.get("budget_ms"))
        return Task(request, ends, item.fields.get("repeat") == 1, True, message,
                    kind=item.kind)

    def ends(self, message, deadline_unix_ms, budget_ms):
        """When the time of a task is over, by the monotonic clock: the least of what its
        caller says, counted from now."""
        now_ms = time.time() * 1000
        left_ms = [self.timeout_s * 1000]
        if deadline_unix_ms:
            left_ms.append(deadline_unix_ms - now_ms)
        if budget_ms:
            left_ms.append(budget_ms)
        if deadline_unix_ms and budget_ms and deadline_unix_ms - budget_ms > now_ms + 1000:
            logging.warning("a caller's clock is ahead of mine")
        if message.properties.expiration:
            left_ms.append(int(message.properties.expiration))
        return time.monotonic() + min(left_ms) / 1000

    def on_notice(self, _channel, _method, properties, body):
        try:
            items = envelope.decode(body)
        except envelope.Malformed as error:
            logging.warning("a notice that cannot be read: %s", error)
            return
        for item in items:
            task = self.in_hand.get(item.id)
            outflow = task and task.outflow
            if item.kind == Kind.CREDIT and outflow:
                outflow.credit(item.fields.get("credit_bytes", 0))
            elif item.kind == Kind.CANCEL and outflow:
                outflow.stop()
            elif item.kind == Kind.CANCEL:
                self.cancelled[item.id] = item.fields.get("deadline_unix_ms", 0)
        while len(self.cancelled) > REMEMBERED:
            self.cancelled.popitem(last=False)

    # ---- running

    def take(self, task):
        name = task.request.id
        if task.message.again and task.kind == Kind.REQUEST and self.known(task):
            return
        if name in self.cancelled:
            self.leave(task)
        elif task.ends <= time.monotonic():
            self.end(task, Response(error="expired"))
        elif task.kind == Kind.PING:
            self.end(task, Response(status=204))
        else:
            self.hold(task)

    def known(self, task):
        """Whether a task that came again was dealt with: it runs again only when its
        caller says that it may."""
        name = task.request.id
        if task.unique and name in self.kept:
            self.end(task, self.kept[name])
        elif task.unique and name in self.in_hand:
            held = self.in_hand[name]
            held.earlier.append(held.message)
            held.message = task.message  # the answer goes to where it was asked last
        elif not task.repeat:
            self.end(task, Response(error="lost"))
        else:
            return False
        return True

    def hold(self, task):
        if task.unique:
            self.in_hand[task.request.id] = task
        self.connection.call_later(task.ends - time.monotonic(),
                                   lambda: self.time_is_over(task))
        self.waiting.append(task)
        self.begin_next()

    def begin_next(self):
        while self.idle > 0 and self.waiting:
            task = self.waiting.popleft()
            if task.request.id in self.cancelled:
                self.leave(task)
                continue
            task.begun = True
            self.idle -= 1
            self.connection.call_later(TAKEN_AFTER_S, functools.partial(self.notify, task))
            self.pool.submit(self.handle, task)

    def time_is_over(self, task):
        if task.begun:
            self.answer(task, Response(error="timeout"))
        elif task in self.waiting:
            self.waiting.remove(task)
            self.end(task, Response(error="expired"))

    def handle(self, task):
        """In a thread of the pool."""
        began = time.monotonic()
        try:
            response = self.handlers[task.request.task](task.request)
            if response.pieces is not None:
                response = self.send_pieces(task, response)
        except Exception:  # whatever a handler throws is its caller's to know
            logging.exception("handler of %s", task.request.task)
            response = Response(error="failed")
        run_us = int((time.monotonic() - began) * 1e6)
        self.next_step(lambda: self.ended(task, response, run_us))

    def next_step(self, step):
        """From a thread. pika itself keeps no order among callbacks of one moment."""
        self.steps.append(step)
        self.connection.add_callback_threadsafe(lambda: self.steps.popleft()())

    def send_pieces(self, task, response):
        """Runs in a thread of the pool. Returns the rest of the answer."""
        if task.request.plain:
            return replace(response, body=b"".join(response.pieces))
        outflow = Outflow(task.request.id, self.uuid, lambda item: self.send_piece(task, item))
        task.outflow = outflow
        outflow.head(response.status, response.pairs)
        try:
            for piece in response.pieces:
                outflow.write(piece)
        except Gone:
            response.pieces.close()
            return Response(error="lost")
        return response

    def send_piece(self, task, item):
        def send():
            if not task.answered and not self.publish_piece(task, item):
                task.outflow.stop()

        self.next_step(send)

    def publish_piece(self, task, item):
        """Never compressed: what has to be inflated may be overtaken."""
        return self.publish(task.message, item.id, envelope.encode([item]),
                            envelope.CONTENT_TYPE, compress=False)

    def ended(self, task, response, run_us):
        self.idle += 1
        self.end(task, response, run_us)
        self.begin_next()

    def end(self, task, response, run_us=0):
        """Nothing runs for this task, now or later."""
        self.answer(task, response, run_us)
        self.leave(task)

    def leave(self, task):
        if self.in_hand.get(task.request.id) is task:
            del self.in_hand[task.request.id]
        for message in [task.message, *task.earlier]:
            self.close_one(message)

    # ---- answering

    def answer(self, task, response, run_us=0):
        """The first answer to a task is the one."""
        if task.answered:
            return
        task.answered = True
        if task.unique:
            self.kept[task.request.id] = response
            while len(self.kept) > KEPT:
                self.kept.popitem(last=False)
        if task.request.plain:
            self.send_plain(task, response, run_us)
            return
        if task.outflow:
            self.end_stream(task, response, run_us)
            return
        fields = {"worker": self.uuid, "run_us": run_us}
        if response.error:
            item = Item(Kind.ANSWER, task.request.id, fields | {"error": response.error})
        else:
            item = Item(Kind.ANSWER, task.request.id, fields | {"status": response.status},
                        response.pairs, response.body)
        task.message.answers.append(item)
        if not self.together:
            self.flush(task.message)

    def end_stream(self, task, response, run_us):
        error = {"error": response.error} if response.error else {}
        end = Item(Kind.END, task.request.id,
                   {"sequence": task.outflow.number + 1, "run_us": run_us} | error)
        task.outflow.stop()
        self.publish_piece(task, end)

    def flush(self, message):
        items, message.answers = message.answers, []
        if items:
            self.publish(message, items[0].id, envelope.encode(items),
                         envelope.CONTENT_TYPE)

    def send_plain(self, task, response, run_us):
        headers = {key.decode(): value.decode() for key, value in response.pairs}
        headers |= {"crew-status": OUTCOMES.get(response.error, response.status),
                    "crew-run-us": run_us}
        if response.error:
            headers["crew-error"] = response.error
        self.publish(task.message, task.request.id, response.body, response.content_type,
                     headers)

    def notify(self, task):
        marks = task.message.properties.headers or {}
        if task.answered or (task.request.plain and marks.get("crew-version") != 1):
            return
        taken = Item(Kind.TAKEN, task.request.id, {"worker": self.uuid})
        self.publish(task.message, task.request.id, envelope.encode([taken]),
                     envelope.CONTENT_TYPE)

    def publish(self, message, name, body, content_type, headers=None, compress=True):
        """Comes back when the broker has confirmed it. Whether the caller is there."""
        if not message.properties.reply_to:
            return False
        encoding = None
        if compress and len(body) > self.gzip_above:
            body, encoding = gzip.compress(body), "gzip"
        try:
            self.channel.basic_publish(
                "", message.properties.reply_to, body, pika.BasicProperties(
                    content_type=content_type, content_encoding=encoding, headers=headers,
                    correlation_id=name, delivery_mode=1),
                mandatory=True)
        except pika.exceptions.UnroutableError:
            return False
        return True

    def close_one(self, message):
        message.open -= 1
        if message.open == 0:
            self.flush(message)
            self.channel.basic_ack(message.tag)
            self.open_messages -= 1
