"""A web server and the bridge with workers in Python."""
import gzip
import time

import pytest

import envelope
from envelope import OUTCOMES, Item, Kind
from support.waiting import wait_until
from topology import declare_task_queue

EVERYTHING = bytes(range(256))


@pytest.fixture(scope="module")
def nginx(broker, module_environment, module_worker):
    """nginx and a bridge; /py is served by a Python worker, /raw by the test itself."""
    bridge = module_environment.bridge(broker)
    module_worker("--task", "py", "--gzip-above", "1000")
    with broker.connect() as connection:
        declare_task_queue(connection, "raw")
    nginx = module_environment.nginx({
        "/py": (bridge, {"CREW_TASK": "py"}),
        "/short": (bridge, {"CREW_TASK": "py", "CREW_EXPIRATION": "0.5"}),
        "/raw": (bridge, {"CREW_TASK": "raw", "CREW_EXPIRATION": "10"}),
        "/raw-short": (bridge, {"CREW_TASK": "raw", "CREW_EXPIRATION": "1"}),
        "/one": (bridge, {"CREW_TASK": "one"}),
    })
    nginx.wait_status("/py/hello", 200)
    return nginx


class RawRequest:
    """A request that the test answers by its own hand."""

    def __init__(self, amqp):
        self.amqp = amqp
        self.properties, body = amqp.receive("crew.tasks.raw")
        assert self.properties.content_type == envelope.CONTENT_TYPE
        if self.properties.content_encoding == "gzip":
            body = gzip.decompress(body)
        self.item, = envelope.decode(body)
        self.id = self.item.id

    def answer(self, body, **properties):
        """An answer of the worker with BODY."""
        properties = {"content_type": envelope.CONTENT_TYPE,
                      "correlation_id": self.id} | properties
        self.amqp.send(self.properties.reply_to, body, **properties)


def good(name, body=b"good"):
    return Item(Kind.ANSWER, name, {"status": 200}, [(b"Content-Type", b"text/plain")], body)


# ---- the response reaches the client unchanged

def test_hello(nginx):
    answer = nginx.get("/py/hello")
    assert (answer.status, answer.body) == (200, b"Hello from Python\n")


def test_status_and_header_fields(nginx):
    answer = nginx.get("/py/header", [("X-Sent", b"na\xefve")])
    assert (answer.status, answer.body) == (418, b"short and stout")
    assert answer.all("Set-Cookie") == ["a=1", "b=2"]
    assert answer.header("X-Bytes").encode("latin-1") == b"caf\xe9"
    assert answer.header("X-Sent").encode("latin-1") == b"na\xefve"


@pytest.mark.parametrize("body", [b"", EVERYTHING, EVERYTHING * 1000],
                         ids=["empty", "every byte", "large"])
def test_bodies(nginx, body):
    """The large one is compressed by the bridge, and its answer by the worker."""
    answer = nginx.post("/py/echo", body, [("Content-Type", "application/x-things")])
    assert answer.body == body
    assert answer.header("Content-Type") == "application/x-things"
    assert answer.header("X-Method") == "POST"


def test_many_at_once(nginx):
    clients = [nginx.begin("POST", "/py/echo", str(i).encode()) for i in range(40)]
    assert [client.receive().body for client in clients] == [
        str(i).encode() for i in range(40)]


# ---- what a request looks like

def test_a_request_as_a_stranger_sees_it(nginx, amqp):
    client = nginx.begin("POST", "/raw/some/where?a=b", b"body", [("X-One", "1")])
    request = RawRequest(amqp)
    assert (request.item.kind, request.item.body) == (Kind.REQUEST, b"body")
    pairs = dict(request.item.pairs)
    assert pairs[b"REQUEST_METHOD"] == b"POST"
    assert pairs[b"PATH_INFO"] == b"/some/where"
    assert pairs[b"QUERY_STRING"] == b"a=b"
    assert pairs[b"HTTP_X_ONE"] == b"1"
    assert not any(name.startswith(b"CREW_") for name in pairs)
    fields = request.item.fields
    assert 0 < fields["budget_ms"] <= 10000
    assert abs(fields["deadline_unix_ms"] - time.time() * 1000 - fields["budget_ms"]) < 2000
    assert fields.get("repeat", 0) == 0
    properties = request.properties
    assert properties.correlation_id == request.id
    assert properties.reply_to.startswith("crew.master.")
    assert properties.headers["x-original-sender"] == properties.reply_to
    request.answer(envelope.encode([good(request.id)]))
    assert client.receive().status == 200


# ---- answers in every form

def test_two_answers_in_one_message(nginx, amqp):
    clients = [nginx.begin("GET", "/raw/hello") for _ in range(2)]
    requests = [RawRequest(amqp) for _ in clients]
    answers = [good(request.id, request.id.encode()) for request in requests]
    requests[0].answer(envelope.encode(answers))
    bodies = {client.receive().body for client in clients}
    assert bodies == {request.id.encode() for request in requests}


def test_a_compressed_answer(nginx, amqp):
    client = nginx.begin("GET", "/raw/hello")
    request = RawRequest(amqp)
    request.answer(gzip.compress(envelope.encode([good(request.id, b"small")])),
                   content_encoding="gzip")
    assert client.receive().body == b"small"


def test_an_answer_with_kinds_and_fields_of_a_later_version(nginx, amqp):
    client = nginx.begin("GET", "/raw/hello")
    request = RawRequest(amqp)
    later = envelope.encode_item(Item(99, request.id, {}, [], b"?"))
    request.answer(b"CRW\x01" + later + envelope.encode_item(good(request.id)))
    assert client.receive().body == b"good"


def test_answers_without_a_call(nginx, amqp):
    """An answer without a call, and a second answer, are ignored."""
    client = nginx.begin("GET", "/raw/hello")
    request = RawRequest(amqp)
    request.answer(envelope.encode([good("unheard-of")]), correlation_id="unheard-of")
    request.answer(b"plain", content_type="text/plain", correlation_id="unheard-of")
    request.answer(envelope.encode([good(request.id, b"first")]))
    request.answer(envelope.encode([good(request.id, b"second")]))
    assert client.receive().body == b"first"
    assert nginx.get("/py/hello").status == 200


def test_a_plain_answer_to_a_request(nginx, amqp):
    """Any RPC server may answer: then the body is the body."""
    client = nginx.begin("GET", "/raw/hello")
    RawRequest(amqp).answer(b"<p>", content_type="text/html", headers={"crew-status": 201})
    answer = client.receive()
    assert (answer.status, answer.body) == (201, b"<p>")
    assert answer.header("Content-Type") == "text/html"


@pytest.mark.parametrize("body, properties", [
    (b"garbage", {}), (b"", {}), (b"CRW\x02", {}), (b"CRW\x01\0\0\0\x08", {}),
    (b"CRW\x01", {"content_encoding": "gzip"}), (b"CRW\x01", {"content_encoding": "br"}),
], ids=["garbage", "empty", "version 2", "cut", "no gzip", "unknown encoding"])
def test_an_answer_that_cannot_be_read(nginx, amqp, body, properties, slowness):
    client = nginx.begin("GET", "/raw/hello")
    RawRequest(amqp).answer(body, **properties)
    answer = client.receive()
    assert (answer.status, answer.error) == (502, "bad-response")
    assert answer.seconds < 5 * slowness
    assert nginx.get("/py/hello").status == 200


@pytest.mark.parametrize("fields, pairs", [
    ({}, []), ({"status": 0}, []), ({"status": 42}, []), ({"status": 65535}, []),
    ({"status": 200}, [(b"X-A", b"a\r\nX-B: b")]), ({"status": 200}, [(b"X A", b"a")]),
    ({"status": 200}, [(b"", b"a")]),
], ids=["no status", "0", "42", "65535", "line end", "name with a space", "no name"])
def test_an_answer_that_is_no_http(nginx, amqp, fields, pairs):
    client = nginx.begin("GET", "/raw/hello")
    request = RawRequest(amqp)
    request.answer(envelope.encode([Item(Kind.ANSWER, request.id, fields, pairs, b"body")]))
    answer = client.receive()
    assert (answer.status, answer.error) == (502, "bad-response")
    assert answer.header("X-B") is None


# ---- how else it can end

@pytest.mark.parametrize("word, status", OUTCOMES.items())
def test_outcomes(nginx, word, status):
    answer = nginx.get(f"/py/outcome?word={word}")
    assert (answer.status, answer.error) == (status, word)


def test_an_outcome_of_a_later_version(nginx):
    answer = nginx.get("/py/outcome?word=unheard-of")
    assert (answer.status, answer.error) == (500, "failed")


def test_a_handler_that_throws(nginx):
    answer = nginx.get("/py/fail")
    assert (answer.status, answer.error) == (500, "failed")
    assert b"never" not in answer.body


def test_timeout(nginx, slowness):
    answer = nginx.get("/short/sleep?ms=1500")
    assert (answer.status, answer.error) == (504, "timeout")
    assert 0.5 <= answer.seconds < 0.9 * slowness


@pytest.mark.parametrize("taken, error", [(True, (504, "deadline")), (False, (503, "expired"))])
def test_silence(nginx, amqp, slowness, taken, error):
    """What the caller makes of it by its own clock depends on the notice."""
    client = nginx.begin("GET", "/raw-short/hello")
    request = RawRequest(amqp)
    if taken:
        request.answer(envelope.encode([Item(Kind.TAKEN, request.id)]))
    answer = client.receive()
    assert (answer.status, answer.error) == error
    assert 1.4 <= answer.seconds < 2 * slowness


def test_rejected(nginx, broker):
    client = nginx.begin("GET", "/raw/hello")
    broker.wait_ready_messages("raw", 1)
    with broker.connect() as connection:
        channel = connection.channel()
        method, _, _ = channel.basic_get("crew.tasks.raw")
        channel.basic_reject(method.delivery_tag, requeue=False)
        answer = client.receive()
    assert (answer.status, answer.error) == (502, "bad-envelope")


def test_who_hung_up_is_not_served(nginx, python_worker, lines):
    python_worker("--task", "one", "--threads", "1")
    gate = nginx.begin("GET", "/one/append?" + lines.query("gate", 700))
    wait_until(lambda: lines.all() == ["gate"])
    nginx.begin("GET", "/one/append?" + lines.query("gone")).close()
    after = nginx.begin("GET", "/one/append?" + lines.query("after"))
    assert [gate.receive().status, after.receive().status] == [200, 200]
    assert lines.all() == ["gate", "after"]


@pytest.mark.parametrize("method, status, error, ran", [
    ("GET", 200, None, 2), ("POST", 502, "lost", 1)])
def test_a_worker_that_dies(nginx, python_worker, lines, method, status, error, ran):
    first = python_worker("--task", "one")
    client = nginx.begin(method, "/one/append?" + lines.query("ran", 500),
                         b"" if method == "POST" else None)
    wait_until(lines.all)
    first.kill()
    python_worker("--task", "one")
    answer = client.receive()
    assert (answer.status, answer.error) == (status, error)
    assert lines.all() == ["ran"] * ran
