"""Python sends HTTP requests in envelopes to a worker in C."""
import gzip
import time

import pytest

import envelope
from client import cgi, unix_ms
from envelope import Item, Kind
from support.waiting import wait_until

EVERYTHING = bytes(range(256))
FIELD_BYTES = bytes(byte for byte in range(0x21, 256) if byte != 0x7f)


@pytest.fixture(scope="module")
def probe(module_environment, broker):
    return module_environment.worker(broker, "--task", "probe", "--processes", "3")


@pytest.fixture(scope="module", params=["C", "Python"])
def served(request, probe, module_worker):
    """A task served by crew's worker, and one served by the worker of this folder, which is
    held to the same rules."""
    if request.param == "C":
        return "probe"
    module_worker("--task", "python", "--threads", "3")
    return "python"


@pytest.fixture(params=["C", "Python"])
def single(request, environment, broker, python_worker, task):
    """A worker that runs one request at a time."""
    if request.param == "C":
        return environment.worker(broker, "--task", task, "--processes", "1")
    return python_worker("--task", task, "--threads", "1")


def quoted(data):
    return "".join(f"%{byte:02x}" for byte in data)


# ---- one request

def test_hello(probe, caller):
    answer = caller.http("probe", cgi("GET", "/hello"))
    assert (answer.status, answer.error, answer.body) == (200, None, b"Hello, world\n")
    assert answer.all(b"Content-Type") == [b"text/plain; charset=utf-8"]
    assert answer.run_us >= 0


def test_every_byte_of_a_body(probe, caller):
    request = cgi("POST", "/echo", body=EVERYTHING)
    request.pairs.append((b"CONTENT_TYPE", b"application/x-things"))
    answer = caller.http("probe", request)
    assert answer.body == EVERYTHING
    assert answer.all(b"Content-Type") == [b"application/x-things"]
    assert answer.all(b"X-Method") == [b"POST"]


def test_every_byte_of_a_parameter(probe, caller):
    answer = caller.http("probe", cgi("GET", "/env", headers=[("X-All", EVERYTHING)]))
    assert b"HTTP_X_ALL=" + EVERYTHING + b"\n" in answer.body


def test_every_byte_of_a_header_field(probe, caller):
    query = f"name=X-All&value={quoted(FIELD_BYTES)}"
    assert caller.http("probe", cgi("GET", "/header", query)).all(b"X-All") == [FIELD_BYTES]


def test_a_compressed_request_and_answer(probe, caller):
    body = EVERYTHING * 4000
    assert caller.http("probe", cgi("POST", "/echo", body=body)).body == body


@pytest.mark.parametrize("path, query, status, error", [
    ("/status", "code=404", 404, None),
    ("/status", "code=42", 502, "bad-response"),
    ("/crash", "how=segv", 502, "crashed"),
    ("/no-such-route", "", 404, None),
])
def test_outcomes(probe, caller, path, query, status, error):
    answer = caller.http("probe", cgi("GET", path, query))
    assert (answer.status, answer.error) == (status, error)
    if error:
        assert (answer.pairs, answer.body) == ([], b"")


def test_a_clock_that_differs_is_logged(probe, caller, amqp):
    item = Item(Kind.REQUEST, "ahead", {"deadline_unix_ms": unix_ms(3600), "budget_ms": 500},
                cgi("GET", "/hello").pairs)
    amqp.publish("probe", envelope.encode([item]), content_type=envelope.CONTENT_TYPE)
    probe.wait_log("clock is ahead")


def test_timeout(probe, caller, slowness):
    answer = caller.http("probe", cgi("GET", "/crash", "how=loop", expiration_s=0.5))
    assert (answer.status, answer.error) == (504, "timeout")
    assert 0.5 <= answer.seconds < 0.9 * slowness
    assert answer.taken


# ---- several requests in a message

def test_each_gets_its_own_answer(served, caller):
    requests = [cgi("POST", "/echo", body=str(i).encode()) for i in range(200)]
    answers = caller.wait(*caller.begin_http(served, requests))
    assert [answer.body for answer in answers] == [str(i).encode() for i in range(200)]
    assert not caller.strangers


def test_answers_name_a_call(served, amqp):
    """The correlation id of a message is the id of one of its answers."""
    items = [Item(Kind.REQUEST, f"{served} {i}", {"budget_ms": 9000},
                  cgi("GET", "/hello").pairs) for i in range(20)]
    amqp.publish(served, envelope.encode(items), reply_to=amqp.queue,
                 content_type=envelope.CONTENT_TYPE)
    answered = []
    while len(answered) < len(items):
        properties, body = amqp.receive()
        names = [item.id for item in envelope.decode(body)]
        assert properties.correlation_id in names
        answered += names
    assert sorted(answered) == sorted(item.id for item in items)


def test_a_slow_call_does_not_delay_others(served, caller, slowness):
    begun = time.monotonic()
    slow, *quick = caller.begin_http(served, [
        cgi("GET", "/sleep", "ms=1500"), *[cgi("GET", "/hello") for _ in range(10)]])
    assert {answer.status for answer in caller.wait(*quick)} == {200}
    assert time.monotonic() - begun < 1.0 * slowness
    assert caller.wait_taken(slow)
    assert caller.wait(slow).body == b"slept 1500 ms\n"


def test_each_has_its_own_deadline(served, caller, lines, slowness):
    over, short, long = caller.wait(*caller.begin_http(served, [
        cgi("GET", "/append", lines.query("over"), expiration_s=-1),
        cgi("GET", "/sleep", "ms=1500", expiration_s=0.5),
        cgi("GET", "/sleep", "ms=900", expiration_s=9)]))
    assert (over.error, short.error, long.error) == ("expired", "timeout", None)
    assert short.seconds < 0.9 * slowness
    assert long.body == b"slept 900 ms\n"
    assert lines.all() == []


# ---- time

def test_the_budget_counts_where_clocks_differ(served, caller, amqp):
    """A caller whose clock is an hour ahead gives no more than its budget."""
    item = Item(Kind.REQUEST, "ahead", {"deadline_unix_ms": unix_ms(3600), "budget_ms": 500},
                cgi("GET", "/sleep", "ms=1500").pairs)
    amqp.publish(served, envelope.encode([item]), reply_to=amqp.queue,
                 content_type=envelope.CONTENT_TYPE)
    begun = time.monotonic()
    answer = next(item for item in iter(lambda: envelope.decode(amqp.receive()[1])[0], None)
                  if item.kind == Kind.ANSWER)
    assert (answer.id, answer.fields["error"]) == ("ahead", "timeout")
    assert time.monotonic() - begun < 1.4


# ---- notices

def test_cancel_one_of_several(single, caller, task, lines):
    gate, cancelled, after = caller.begin_http(task, [
        cgi("GET", "/append", lines.query(name, ms))
        for name, ms in [("gate", 600), ("cancelled", 0), ("after", 0)]])
    wait_until(lambda: lines.all() == ["gate"])
    caller.cancel(cancelled)
    assert [answer.error for answer in caller.wait(gate, after)] == [None, None]
    assert lines.all() == ["gate", "after"]
    # The message is acked as a whole: nothing of it is left to be delivered again.
    single.stop()
    caller.connection.process_data_events(time_limit=0)
    assert cancelled not in caller.strangers


# ---- once more

def publish_once_more(caller, task, item):
    """The same item in a message of its own, marked as sent again."""
    caller.remember(item.id, item.id, task, 30)
    caller.publish(task, item.id, envelope.encode([item]), envelope.CONTENT_TYPE, 30,
                   repeated=True)
    return caller.wait(item.id)


def test_repeated_after_the_answer(served, caller, lines):
    """A worker remembers its answers: what it ran it does not run again."""
    item = Item(Kind.REQUEST, f"{served} remembered", {"budget_ms": 30000, "repeat": 1},
                cgi("GET", "/append", lines.query("ran")).pairs)
    first = publish_once_more(caller, served, item)
    again = publish_once_more(caller, served, item)
    assert (first.body, again.body) == (b"ran\n", b"ran\n")
    assert lines.all() == ["ran"]


def test_repeated_while_it_runs(served, caller, amqp, lines):
    """The answer goes to where it was asked for last, once."""
    item = Item(Kind.REQUEST, f"{served} in hand", {"budget_ms": 30000},
                cgi("POST", "/append", lines.query("ran", 700)).pairs)
    amqp.publish(served, envelope.encode([item]), reply_to=amqp.queue,
                 content_type=envelope.CONTENT_TYPE)
    wait_until(lambda: lines.all() == ["ran"])
    answer = publish_once_more(caller, served, item)
    assert (answer.error, answer.body) == (None, b"ran\n")
    assert lines.all() == ["ran"]


def test_repeated_and_unknown(served, caller, lines):
    """It may have run elsewhere: only what may repeat is run."""
    for name, repeat, error in [("never", 0, "lost"), ("always", 1, None)]:
        item = Item(Kind.REQUEST, served + name, {"budget_ms": 30000, "repeat": repeat},
                    cgi("GET", "/append", lines.query(name)).pairs)
        assert publish_once_more(caller, served, item).error == error
    assert lines.all() == ["always"]


# ---- what no worker can read

GOOD = envelope.encode([Item(Kind.REQUEST, "good", {}, cgi("GET", "/hello").pairs)])


@pytest.mark.parametrize("body, encoding", [
    (b"", None), (b"CRW\x01", None), (b"garbage", None), (b"CRW\x02" + GOOD[4:], None), (GOOD[:-1], None),
    (GOOD + b"\0", None), (GOOD, "gzip"), (gzip.compress(GOOD)[:-4], "gzip"),
    (GOOD, "br"),
    (envelope.encode([Item(Kind.TAKEN, "good")]), None),
    (envelope.encode([Item(Kind.REQUEST, "", {}, [])]), None),
    (envelope.encode([Item(Kind.REQUEST, "a\0b", {}, [])]), None),
    (envelope.encode([Item(Kind.REQUEST, "i" * 65, {}, [])]), None),
], ids=["empty", "no requests", "garbage", "version 2", "cut", "too long", "no gzip", "cut gzip",
        "unknown encoding", "only a notice", "no id", "id with zero", "long id"])
def test_rejected(served, caller, amqp, body, encoding):
    """It comes back to its caller as a dead letter, and the worker serves on."""
    amqp.bind_dead_letters()
    amqp.publish(served, body, reply_to=amqp.queue, correlation_id="mine",
                 content_type=envelope.CONTENT_TYPE, content_encoding=encoding,
                 headers={"x-original-sender": amqp.queue})
    properties, returned = amqp.receive()
    assert properties.headers["x-death"][0]["reason"] == "rejected"
    assert (properties.correlation_id, returned) == ("mine", body)
    assert caller.http(served, cgi("GET", "/hello")).status == 200


def test_the_caller_understands_a_rejection(served, caller):
    caller.remember("mine", "mine", served, 30)
    caller.publish(served, "mine", b"garbage", envelope.CONTENT_TYPE, 30)
    answer = caller.wait("mine")
    assert (answer.status, answer.error) == (502, "bad-envelope")


def test_what_a_reader_skips(served, caller, amqp):
    """Kinds and fields of a later version do not keep a request from being served."""
    later = envelope.encode_item(Item(99, "later", {}, [], b"?")) + b"\0\0\0\x01\x63"
    amqp.publish(served, GOOD + later, reply_to=amqp.queue,
                 content_type=envelope.CONTENT_TYPE)
    answer, = envelope.decode(amqp.receive()[1])
    assert (answer.id, answer.fields["status"]) == ("good", 200)
