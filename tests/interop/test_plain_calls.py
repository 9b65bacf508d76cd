"""Python calls plain tasks of a worker in C."""
import os
import signal
import uuid

import pytest

from amqp_client import AmqpClient
from support.program import BUILD
from support.waiting import wait_until

BREAKER = os.path.join(BUILD, "tests", "breaker.so")
HEADERS = os.path.join(BUILD, "tests", "headers.so")


@pytest.fixture(scope="module")
def classic(module_environment, broker):
    return module_environment.worker(broker, "--processes", "2", app="classic.so")


@pytest.fixture(scope="module")
def breaker(module_environment, broker):
    """An app with plain tasks that break: b.echo, b.note, b.crash ..."""
    return module_environment.worker(broker, "--processes", "2", app=BREAKER, arguments=["b"])


@pytest.fixture
def single(environment, broker, task):
    """A worker that runs one task at a time."""
    return environment.worker(broker, "--processes", "1", app=BREAKER, arguments=[task])


def ran(path):
    return path.read_text().split() if path.exists() else []


# ---- answers

def test_a_text(classic, caller):
    answer = caller.call("test")
    assert (answer.status, answer.error, answer.body) == (200, None, b"Wake up Neo.\n")
    assert answer.content_type.startswith("text/plain")
    assert answer.run_us >= 0


def test_stat_names_its_worker(classic, caller):
    body = caller.call("stat").body.decode()
    assert body.startswith("I'm worker \"") and "And I serve" in body
    uuid.UUID(body.split('"')[1])


def test_a_handler_that_calls_others(classic, caller):
    lines = caller.call("parallel").body.decode().split("\n")
    assert lines[0] == "Test result: Wake up Neo."
    assert lines[1].startswith("Stat result: I'm worker")


@pytest.mark.parametrize("body", [b"", bytes(range(256)), bytes(range(256)) * 2000],
                         ids=["empty", "every byte", "large"])
def test_bytes_come_back(breaker, caller, body):
    """The large one travels compressed, both ways."""
    answer = caller.call("b.echo", body, content_type="application/x-things")
    assert answer.error is None
    assert answer.body == body


def test_many_at_once(breaker, caller):
    names = [caller.begin("b.echo", str(i)) for i in range(100)]
    assert [answer.body for answer in caller.wait(*names)] == [
        str(i).encode() for i in range(100)]


def test_headers(module_environment, broker, caller):
    """The handler sees the caller's own, the caller gets the first of a repeated field."""
    module_environment.worker(broker, "--processes", "1", app=HEADERS)
    answer = caller.call("headers", content_type="a/b", headers={
        "mine": "1", "Accept": "x", "crew-secret": "2", "x-hidden": "3", "number": 4})
    assert sorted(answer.body.decode().split()) == ["Accept=x", "mine=1", "type=a/b"]
    assert answer.all(b"X-Twice") == [b"first"]
    assert answer.all(b"Other") == [b"one"]
    assert answer.content_type == "text/plain; charset=utf-8"


# ---- how else a call can end

def test_no_such_queue(broker, caller):
    answer = caller.call("nobody")
    assert (answer.status, answer.error) == (503, "no-workers")
    assert broker.queue("crew.tasks.nobody") is None


def test_crashed(breaker, caller):
    answer = caller.call("b.crash", "segv")
    assert (answer.status, answer.error, answer.body) == (502, "crashed", b"")


def test_failed(breaker, caller):
    answer = caller.call("b.note", "not what it wants")
    assert (answer.status, answer.error) == (500, "failed")


def test_timeout(classic, caller, slowness):
    answer = caller.call("dead", expiration_s=1)
    assert (answer.status, answer.error) == (504, "timeout")
    assert 1.0 <= answer.seconds < 1.4 * slowness


def test_expired_in_the_queue(classic, broker, caller, other):
    """The dead letter reaches its sender and no other caller."""
    with broker.connect() as connection:
        connection.channel().queue_declare("crew.tasks.idle", durable=True, arguments={
            "x-dead-letter-exchange": "crew.DLX", "x-max-priority": 3})
    mine, theirs = caller.begin("idle", expiration_s=0.3), other.begin("idle", expiration_s=9)
    answer = caller.wait(mine)
    assert (answer.status, answer.error) == (503, "expired")
    assert answer.seconds < 0.3 + 0.4, "not the dead letter, but the caller's own clock"
    other.connection.process_data_events(time_limit=0)
    assert other.calls[theirs].answer is None
    other.cancel(theirs)


# ---- order, notices

def test_the_high_one_overtakes(single, broker, caller, task, tmp_path):
    file = tmp_path / "order"
    gate = caller.begin(f"{task}.note", f"500 {file} gate")
    wait_until(file.exists, what="the gate")
    low = caller.begin(f"{task}.note", f"0 {file} low", priority=0)
    high = caller.begin(f"{task}.note", f"0 {file} high", priority=255)
    caller.wait(gate, low, high)
    assert ran(file) == ["gate", "high", "low"]


def test_taken(single, caller, task):
    slow = caller.begin(f"{task}.note", "600 /dev/null x")
    assert caller.wait_taken(slow)
    assert caller.calls[slow].answer is None
    assert caller.wait(slow).error is None
    assert not caller.call(f"{task}.echo").taken


def test_a_cancelled_call_is_never_run(single, caller, task, tmp_path):
    file = tmp_path / "order"
    gate = caller.begin(f"{task}.note", f"500 {file} gate")
    wait_until(file.exists, what="the gate")
    cancelled = caller.begin(f"{task}.note", f"0 {file} cancelled")
    after = caller.begin(f"{task}.note", f"0 {file} after")
    caller.cancel(cancelled)
    caller.wait(gate, after)
    assert ran(file) == ["gate", "after"]
    assert cancelled not in caller.strangers


@pytest.mark.parametrize("repeat", [False, True], ids=["lost", "run again"])
def test_a_worker_that_dies(environment, broker, caller, task, tmp_path, repeat):
    file = tmp_path / "order"
    first = environment.worker(broker, "--processes", "1", app=BREAKER, arguments=[task])
    name = caller.begin(f"{task}.note", f"700 {file} ran", repeat=repeat)
    wait_until(file.exists, what="it runs")
    first.kill()
    environment.worker(broker, "--processes", "1", app=BREAKER, arguments=[task])
    answer = caller.wait(name)
    assert answer.error == (None if repeat else "lost")
    assert ran(file) == (["ran", "ran"] if repeat else ["ran"])


def test_started_by_a_worker_that_died(single, caller, task, tmp_path, slowness):
    """The dead letter of a started task is not `expired`."""
    name = caller.begin(f"{task}.note", f"9000 {tmp_path}/order ran", repeat=True,
                        expiration_s=1)
    assert caller.wait_taken(name)
    single.kill()
    answer = caller.wait(name)
    assert (answer.status, answer.error) == (504, "deadline")
    assert answer.seconds < 1.4 * slowness


# ---- the least that a call may be

def test_only_a_body(breaker, caller, amqp, tmp_path):
    """Without an address for the answer it is run all the same, once."""
    file = tmp_path / "order"
    amqp.publish("b.note", f"0 {file} ran".encode())
    wait_until(file.exists)
    assert caller.call("b.echo", "serves on").body == b"serves on"
    assert ran(file) == ["ran"]


def test_without_content_type(breaker, amqp):
    amqp.publish("b.echo", b"body", reply_to=amqp.queue, correlation_id="mine")
    properties, body = amqp.receive()
    assert (properties.correlation_id, body) == ("mine", b"body")
    assert properties.headers["crew-status"] == 200
    assert "crew-error" not in properties.headers


def test_without_correlation_id(breaker, amqp):
    amqp.publish("b.echo", b"body", reply_to=amqp.queue, content_type="text/plain")
    properties, body = amqp.receive()
    assert (properties.correlation_id, body) == (None, b"body")


def test_no_notice_to_who_does_not_know_them(breaker, amqp):
    amqp.publish("b.note", b"400 /dev/null x", reply_to=amqp.queue, correlation_id="1")
    properties, _ = amqp.receive()
    assert properties.content_type != "application/vnd.crew.v1"
    assert properties.headers["crew-run-us"] >= 400000


def test_the_same_correlation_id_twice(breaker, amqp):
    """Ids of who does not say crew-version are nothing to rely on: both are run."""
    for body in (b"one", b"two"):
        amqp.publish("b.echo", body, reply_to=amqp.queue, correlation_id="same")
    assert {amqp.receive()[1], amqp.receive()[1]} == {b"one", b"two"}


def test_gzip_means_gzip(breaker, caller, amqp):
    """A body with content-encoding gzip that is not gzip is refused; the worker serves on."""
    amqp.bind_dead_letters()
    amqp.publish("b.echo", b"no gzip at all", reply_to=amqp.queue, correlation_id="1",
                 content_encoding="gzip", headers={"x-original-sender": amqp.queue})
    properties, body = amqp.receive()
    assert (properties.correlation_id, body) == ("1", b"no gzip at all")
    assert properties.headers["x-death"][0]["reason"] == "rejected"
    assert caller.call("b.echo", "serves on").body == b"serves on"


def test_a_disconnected_caller(single, broker, caller, task, tmp_path):
    """Its answer comes back to the worker, which acks all the same."""
    gone = AmqpClient(broker)
    gone.publish(f"{task}.note", f"300 {tmp_path}/order ran".encode(), reply_to=gone.queue)
    wait_until((tmp_path / "order").exists)
    gone.close()
    assert caller.call(f"{task}.echo", "serves on").body == b"serves on"
    single.signal(signal.SIGTERM)
    single.wait()
    assert broker.queue(f"crew.tasks.{task}.note")[0] == 0
