"""Handlers that publish."""
import os
import signal

import pytest
from caller import Caller

from support.waiting import wait_until


@pytest.fixture
def take(broker):
    """The next message of any channel: its channel, properties, body."""
    connection = broker.connect()
    channel = connection.channel()
    channel.exchange_declare("crew.pubsub", exchange_type="topic", durable=True)
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "crew.pubsub", "#")

    def got():
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        return method and (method.routing_key, properties, body)

    yield lambda: wait_until(got, what="a message")
    connection.close()


def test_a_handler_publishes(breaker, call, take):
    breaker("--processes", "1")
    numbers = []
    for _ in range(3):
        assert call.text("say", "0 news.today") == "ok"
        channel, properties, body = take()
        assert (channel, properties.content_type, body) == ("news.today", "text/x-said",
                                                            b"said")
        numbers.append(properties.message_id.split("."))
    assert len({publisher for publisher, _ in numbers}) == 1
    assert [int(number) for _, number in numbers] == [1, 2, 3]


@pytest.mark.parametrize("name", ["*", "#", "news.#"])
def test_what_is_no_channel(breaker, call, name):
    breaker("--processes", "1")
    assert "argument" in call.text("say", f"0 {name}")


def test_requests_behind_it_are_not_lost(breaker, call):
    """Short tasks are pipelined in a process that publishes."""
    breaker("--processes", "1", "--prefetch", "64")
    call.wait(*[call.begin("echo", "warm") for _ in range(300)])
    names = [call.begin("say", "0 crowd") if n % 10 == 0 else call.begin("echo", "x")
             for n in range(600)]
    answers = call.wait(*names, bound_s=30)
    assert {(answer.status, answer.error) for answer in answers} == {(200, None)}


def test_a_handler_that_dies_meanwhile(breaker, call):
    """Whatever its message does then, the worker goes on."""
    worker = breaker("--processes", "2")
    assert call.text("say", "0 warm") == "ok"
    for _ in range(5):
        names = [call.begin("say", "0 crowd") for _ in range(40)]
        call.wait(names[0])
        os.kill(worker.children()[0], signal.SIGKILL)
        assert {answer.error for answer in call.wait(*names)} <= {None, "crashed"}
    assert call.text("say", "0 after") == "ok"


def test_the_handlers_time_is_the_limit(environment, breaker):
    """The broker blocks publishers: the handler is asked to stop, and its process serves on."""
    broker = environment.broker()
    call = Caller(broker, "t", 1)
    worker = breaker("--processes", "1", "--timeout", "4", at=broker, arguments=["t"])
    assert call.text("say", "0 warm") == "ok"
    late = call.begin("say", "1500 slow")
    broker.wait_ready_messages("t.say", 0)
    broker.ctl("set_vm_memory_high_watermark", "0.000001")
    wait_until(lambda: "ended with timeout" in worker.log().partition("exceeded the time limit")[2], 15,
               what="the handler was asked to stop")
    broker.ctl("set_vm_memory_high_watermark", "0.6")
    assert call.wait(late)[0].error == "timeout"
    assert call.text("say", "0 after") == "ok"
    call.close()
