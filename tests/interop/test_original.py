"""A broker on which the Python package `crew` of 2015 has made its declarations."""
import json
import os
import pickle
import time

import pytest

import envelope
from amqp_client import AmqpClient
from c_call import begin_c_call, c_call, end_c_call
from client import Caller, cgi
from original import JSON, PICKLE, TEXT, OriginalMaster, answer, declare_task
from support.program import BUILD

BREAKER = os.path.join(BUILD, "tests", "breaker.so")
TASKS = ["http", "idle", "rejecting", "o.echo", "o.note"]


@pytest.fixture(scope="module")
def master(broker):
    """The original's master, before anything of ours."""
    master = OriginalMaster(broker)
    for task in TASKS:
        declare_task(broker, task)
    yield master
    master.close()


@pytest.fixture(scope="module")
def worker(master, module_environment, broker):
    module_environment.worker(broker, "--processes", "2", app=BREAKER, arguments=["o"])
    return module_environment.worker(broker, "--processes", "2")


@pytest.fixture(scope="module")
def bridge(master, module_environment, broker):
    return module_environment.bridge(broker)


@pytest.fixture(scope="module")
def nginx(worker, bridge, module_environment):
    nginx = module_environment.nginx({"/p": (bridge, {}),
                                      "/idle": (bridge, {"CREW_TASK": "idle", "CREW_EXPIRATION": "0.5"})})
    nginx.wait_status("/p/hello", 200)
    return nginx


def used_as_it_is(lines):
    return [line for line in lines if "exists with other arguments" in line]


# ---- what was there is used as it is

def test_one_warning_in_each_log(worker, bridge, nginx, broker):
    for program in (worker, bridge):
        warning, = used_as_it_is(program.log().splitlines())
        assert "crew.DLX" in warning
    assert len(used_as_it_is(c_call(broker, "o.echo", b"x").warnings)) == 1


def test_calls_work(nginx, broker, caller):
    assert nginx.get("/p/hello").body == b"Hello, world\n"
    assert nginx.post("/p/echo", b"x" * 100000).body == b"x" * 100000
    assert c_call(broker, "o.echo", b"from C").answers[0].body == b"from C"
    assert caller.call("o.echo", "from Python").body == b"from Python"
    assert caller.http("http", cgi("GET", "/hello")).status == 200


def test_expiry_reaches_the_right_caller(nginx, master, broker, caller, other, slowness):
    """And the original's own queue, which gets all dead letters."""
    theirs = other.begin("idle", expiration_s=1)
    mine = caller.begin("idle", expiration_s=0.2)
    # Ours is behind theirs, where the broker does not look: the caller's clock decides.
    assert caller.wait(mine).error == other.wait(theirs).error == "expired"
    mine = caller.begin("idle", expiration_s=0.2)
    answer = caller.wait(mine)
    assert (answer.error, answer.seconds < 0.6 * slowness) == ("expired", True)
    assert mine in ids_in_the_originals_queue(master)
    web = nginx.get("/idle/hello")
    assert (web.status, web.error, web.seconds < 0.9 * slowness) == (503, "expired", True)
    assert c_call(broker, "idle", expiration_s=0.3).answers[0].error == "expired"


def ids_in_the_originals_queue(master):
    found = []
    while (got := master.channel.basic_get("crew.DLX", True))[0]:
        found.append(got[1].correlation_id)
    return found


def test_rejection_reaches_the_right_caller(worker, caller, other):
    """At once, which it could not be by the clock."""
    caller.remember("mine", "mine", "http", 30)
    caller.publish("http", "mine", b"garbage", envelope.CONTENT_TYPE, 30)
    assert caller.wait("mine").error == "bad-envelope"


def test_a_dead_letter_exchange_of_another_type(shared_broker, environment, slowness):
    """An earlier version of the original had a direct one: then no dead letter comes back,
    and the callers' own clocks decide."""
    broker = shared_broker.fresh_vhost()
    try:
        with broker.connect() as connection:
            channel = connection.channel()
            channel.exchange_declare("crew.DLX", auto_delete=True, internal=True)
            channel.exchange_declare("crew.control", exchange_type="fanout")
            channel.queue_declare("keeps")
            channel.queue_bind("keeps", "crew.DLX", "keeps")
        declare_task(broker, "idle")
        worker = environment.worker(broker, "--processes", "1")
        bridge = environment.bridge(broker)
        nginx = environment.nginx({"/p": (bridge, {})})
        assert nginx.wait_status("/p/hello", 200).body == b"Hello, world\n"
        for program in (worker, bridge):
            assert len(used_as_it_is(program.log().splitlines())) == 1
        begun = time.monotonic()
        assert c_call(broker, "idle", expiration_s=0.3).answers[0].error == "expired"
        assert time.monotonic() - begun < 2 * slowness
        caller = Caller(broker.url)
        assert caller.call("idle", expiration_s=0.3).error == "expired"
        caller.remember("mine", "mine", "http", 0.3)
        caller.publish("http", "mine", b"garbage", envelope.CONTENT_TYPE, 0.3)
        assert caller.wait("mine").error == "expired"
        caller.close()
        for program in (nginx, bridge, worker):
            program.stop()
    finally:
        broker.delete_vhost()


# ---- its calls to our worker

@pytest.mark.parametrize("value, content_type", [
    ({"a": [1, "ü"]}, JSON), ({"a": 1}, PICKLE), ("text", TEXT)])
def test_its_calls_are_answered(worker, master, broker, value, content_type):
    name = master.call("o.echo", value, content_type)
    properties, body = receive(master)
    assert properties.correlation_id == name
    assert properties.headers["crew-status"] == 200
    loads = {JSON: json.loads, PICKLE: pickle.loads, TEXT: bytes.decode}[content_type]
    assert loads(body) == value


def test_its_gzip_that_is_zlib_is_rejected(worker, master, caller):
    """It says gzip and sends a zlib stream: back it goes, to the queue where the original
    looks for its dead letters."""
    ids_in_the_originals_queue(master)
    name = master.call("o.echo", "x" * 50000, TEXT, compress=True)
    properties, _ = receive(master, "crew.DLX")
    assert properties.correlation_id == name
    assert properties.headers["x-death"][0]["reason"] == "rejected"
    assert caller.call("o.echo", "serves on").body == b"serves on"


def receive(master, queue=None):
    amqp = AmqpClient.__new__(AmqpClient)
    amqp.channel, amqp.queue = master.channel, master.replies
    return amqp.receive(queue)


# ---- its worker's answers to our calls

@pytest.fixture
def its_worker(master, amqp, broker, task):
    """A task that the test serves as the original did."""
    declare_task(broker, task)
    return lambda: amqp.receive(f"crew.tasks.{task}")[0]


def test_its_answers_are_understood(its_worker, amqp, broker, caller, task):
    """Without crew-status it is a 200, and of the headers that it gives back to its caller
    only the caller's own are shown."""
    call = begin_c_call(broker, task, b"x", pairs=[("mine", "1")])
    answer(amqp, its_worker(), "an answer")
    got, = end_c_call(call).answers
    assert (got.error, got.status, got.body) == (None, 200, b"an answer")
    assert got.pairs == [(b"mine", b"1")]

    name = caller.begin(task, "x", headers={"mine": "1"}, content_type=JSON)
    answer(amqp, its_worker(), {"an": "answer"})
    got = caller.wait(name)
    assert (got.status, json.loads(got.body), got.pairs) == (
        200, {"an": "answer"}, [(b"mine", b"1")])


def test_its_plain_encoding_is_none(its_worker, amqp, broker, caller, task):
    for begin, end in [(lambda: begin_c_call(broker, task), lambda c: end_c_call(c).answers[0]),
                       (lambda: caller.begin(task), caller.wait)]:
        call = begin()
        properties = its_worker()
        properties.content_encoding = "plain"
        answer(amqp, properties, "as it is")
        assert end(call).body == b"as it is"


def test_its_gzip_that_is_zlib_is_a_bad_response(its_worker, amqp, broker, caller, task):
    for begin, end in [(lambda: begin_c_call(broker, task), lambda c: end_c_call(c).answers[0]),
                       (lambda: caller.begin(task), caller.wait)]:
        call = begin()
        answer(amqp, its_worker(), "x" * 1000, compress=True)
        assert end(call).error == "bad-response"
