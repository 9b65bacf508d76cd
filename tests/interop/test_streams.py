"""Streamed answers between programs in C and in Python."""
import http.client
import time
import uuid

import pytest

import envelope
from client import cgi
from envelope import Item, Kind
from stream import CHUNK, WINDOW
from support.waiting import wait_until


@pytest.fixture(scope="module")
def nginx(broker, module_environment, module_worker):
    """nginx and a bridge in front of a worker in Python."""
    bridge = module_environment.bridge(broker)
    module_worker("--task", "py-stream", "--threads", "1")
    nginx = module_environment.nginx({"/py": (bridge, {"CREW_TASK": "py-stream"})})
    nginx.wait_status("/py/hello", 200)
    return nginx


@pytest.fixture(scope="module")
def served(broker, module_environment):
    """The task of a worker in C."""
    module_environment.worker(broker, "--task", "c-stream", "--processes", "1",
                              "--prefetch", "2")
    return "c-stream"


# ---- a worker in Python

def test_pieces_of_a_worker_in_python(nginx):
    """Far more than it has credit for at the beginning."""
    answer = nginx.get("/py/stream?n=100&bytes=50000")
    assert (answer.status, answer.header("Content-Type")) == (200, "text/plain")
    assert answer.body == b"".join((b"%d " % i).ljust(50000, b".") for i in range(100))


def test_each_piece_as_it_comes(nginx):
    client = nginx.begin("GET", "/py/stream?n=3&bytes=2&ms=500")
    began = time.monotonic()
    got = client.connection.getresponse()
    seen = []
    while got.read(2):
        seen.append(time.monotonic() - began)
    assert len(seen) == 3 and seen[0] < seen[2] - 0.5


def test_a_worker_in_python_that_fails(nginx):
    with pytest.raises(http.client.IncompleteRead), nginx.client() as client:
        client.get("/py/stream?n=2&bytes=10&ms=200&fail=1")
    assert nginx.get("/py/hello").status == 200


def test_a_worker_in_python_is_stopped(nginx, lines):
    client = nginx.begin("GET", f"/py/stream?n=1000000&bytes=1000&file={lines.path}")
    assert client.connection.getresponse().read(1) == b"0"
    client.close()
    wait_until(lambda: lines.all() == ["stopped"])
    assert nginx.get("/py/hello").status == 200


# ---- a caller in Python

def test_pieces_of_a_worker_in_c(served, caller):
    answer = caller.http(served, cgi("GET", "/stream", "n=5000000"))
    assert (answer.status, answer.error) == (200, None)
    assert answer.body == b"x" * 5000000
    assert answer.all(b"content-type") == [b"application/octet-stream"]
    assert answer.run_us > 0
    uuid.UUID(answer.worker)


def test_between_python_and_python(nginx, caller):
    del nginx
    answer = caller.http("py-stream", cgi("GET", "/stream", "n=20&bytes=50000"))
    assert len(answer.body) == 1000000


def test_a_cancelled_stream_makes_room(served, caller):
    name, = caller.begin_http(served, [cgi("GET", "/stream", "n=1000000000")])
    wait_until(lambda: caller.connection.process_data_events(0) or caller.calls[name].inflow)
    caller.cancel(name)
    answer = caller.http(served, cgi("GET", "/hello"))
    assert answer.status == 200 and answer.seconds < 1


# ---- a caller that keeps to nothing

class Raw:
    """One request by hand, and the pieces as they come."""

    def __init__(self, amqp, task, path, query):
        self.amqp = amqp
        self.task = task
        self.id = uuid.uuid4().hex
        self.request = Item(Kind.REQUEST, self.id, {"budget_ms": 20000},
                            cgi("GET", path, query).pairs)
        self.worker = None
        self.bytes = 0
        self.pieces = []

    def send(self, reply_to=None, **properties):
        self.amqp.publish(self.task, envelope.encode([self.request]),
                          content_type=envelope.CONTENT_TYPE, correlation_id=self.id,
                          reply_to=reply_to or self.amqp.queue, **properties)
        return self

    def take(self, queue=None):
        """The pieces of the next message that has any."""
        while True:
            _, body = self.amqp.receive(queue)
            pieces = [item for item in envelope.decode(body) if item.kind != Kind.TAKEN]
            if pieces:
                break
        for piece in pieces:
            self.worker = piece.fields.get("worker", self.worker)
            self.bytes += len(piece.body)
            self.pieces.append(piece)
        return pieces

    def take_until(self, condition):
        while not condition():
            self.take()

    def tell(self, kind, **fields):
        self.amqp.channel.basic_publish("crew.control", f"worker.{self.worker}",
                                        envelope.encode([Item(kind, self.id, fields)]))

    def credit(self, total):
        self.tell(Kind.CREDIT, credit_bytes=total)

    def is_probed(self):
        return self.pieces[-1].kind == Kind.CHUNK and not self.pieces[-1].body


@pytest.fixture
def raw(served, amqp):
    """Requests of 600,000 bytes; what is not wanted any more is taken back."""
    made = []

    def ask(path="/stream", query="n=600000"):
        made.append(Raw(amqp, served, path, query))
        return made[-1]

    yield ask
    for one in made:
        one.tell(Kind.CANCEL)


def test_no_more_than_there_is_credit_for(raw):
    request = raw().send()
    request.take_until(lambda: request.bytes == WINDOW)
    began = time.monotonic()
    request.take()
    assert request.is_probed() and 0.8 < time.monotonic() - began < 2
    assert request.pieces[-1].fields["worker"] == request.worker
    # It asks again and again: a word that was lost does no harm.
    request.take()
    assert request.is_probed()
    request.credit(WINDOW + 1000)
    request.take_until(lambda: request.bytes == WINDOW + 1000)
    # Those that come again, or too late, change nothing.
    for total in (WINDOW + 1000, WINDOW, 1, WINDOW + 500):
        request.credit(total)
    request.take()
    assert request.is_probed() and request.bytes == WINDOW + 1000
    request.credit(1000000)
    request.take_until(lambda: request.pieces[-1].kind == Kind.END)
    assert request.bytes == 600000
    kinds = [piece.kind for piece in request.pieces]
    assert kinds == [Kind.HEAD] + [Kind.CHUNK] * (len(kinds) - 2) + [Kind.END]
    assert [piece.fields["sequence"] for piece in request.pieces[1:]] == list(
        range(1, len(kinds)))
    assert max(len(piece.body) for piece in request.pieces) <= CHUNK


def test_the_same_call_from_elsewhere(raw, amqp):
    """A caller that has received nothing sends the request again: the stream is not repeated."""
    request = raw().send()
    request.take_until(lambda: request.bytes == WINDOW)
    other = amqp.channel.queue_declare("", exclusive=True).method.queue
    request.send(reply_to=other, headers={"crew-repeated": 1})
    end, = request.take(other)
    assert (end.kind, end.fields["error"]) == (Kind.END, "lost")


def test_a_caller_that_goes_away(raw, amqp, caller, served):
    """The reply queue is deleted: a piece is returned, and the handler ends."""
    request = raw().send()
    request.take_until(lambda: request.bytes == WINDOW)
    amqp.channel.queue_delete(amqp.queue)
    answer = caller.http(served, cgi("GET", "/hello"))
    assert answer.status == 200 and answer.seconds < 3  # with the next probe


def test_a_request_without_a_caller(served, amqp, caller):
    """Without a reply queue there is no stream."""
    request = Item(Kind.REQUEST, uuid.uuid4().hex, {"budget_ms": 20000},
                   cgi("GET", "/stream", "n=1000000000").pairs)
    amqp.publish(served, envelope.encode([request]), content_type=envelope.CONTENT_TYPE)
    answer = caller.http(served, cgi("GET", "/hello"))
    assert answer.status == 200 and answer.seconds < 2


def test_head_gets_the_head(served, caller):
    answer = caller.http(served, cgi("HEAD", "/stream", "n=5000000"))
    assert (answer.status, answer.body) == (200, b"")
