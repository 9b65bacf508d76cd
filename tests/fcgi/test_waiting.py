"""Parked requests at the FastCGI side: many of them, aborted ones, those with other ids."""
import os
import resource
import time

import pytest

import fcgi
from support.waiting import wait_until

MANY = 1500
BYTES_EACH = 4096  # the contract allows 12 KB
# What parameters take is given back: without that it is several KB more.
PARAMS = {"HTTP_COOKIE": "c" * 3000, "CREW_SUBSCRIBE_TIMEOUT": "60"}


def subscribe(channel, mode="poll", **more):
    return fcgi.get("/", CREW_SUBSCRIBE=channel, CREW_SUBSCRIBE_MODE=mode, **more)


@pytest.fixture(scope="module")
def parked_bridge(module_environment, broker):
    """A bridge whose subscriber is up to date."""
    bridge = module_environment.bridge(broker, "--logging", "debug")
    with fcgi.Connection(bridge.socket) as connection:
        def live():
            return connection.ask(subscribe("none", CREW_SUBSCRIBE_TIMEOUT="0")).status == 204

        wait_until(live, what="the subscriber is up to date")
    return bridge


@pytest.fixture
def park(parked_bridge):
    """Parks a request on a connection of its own."""
    opened = []

    def park(params, request_id=1):
        before = parked_bridge.log().count("none -> validating")
        connection = fcgi.Connection(parked_bridge.socket)
        opened.append(connection)
        connection.send(fcgi.request(params, request_id=request_id))
        wait_until(lambda: parked_bridge.log().count("none -> validating") > before)
        return connection

    yield park
    for connection in opened:
        connection.close()


def test_each_has_its_own_id(park, publisher):
    polls = {request_id: park(subscribe("ids"), request_id) for request_id in (1, 7, 65535)}
    streams = {request_id: park(subscribe("ids", "sse"), request_id) for request_id in (2, 9)}
    publisher.publish("ids", "hello")
    for request_id, connection in polls.items():
        assert connection.response(request_id).body == b"hello"
    for request_id, connection in streams.items():
        text = b""
        while b"data: hello\n\n" not in text:
            record = connection.record()
            assert (record.kind, record.request_id) == (fcgi.STDOUT, request_id)
            text += record.content


@pytest.mark.parametrize("mode", ["poll", "sse"])
def test_aborted(park, publisher, mode):
    connection = park(subscribe("aborted", mode))
    connection.send(fcgi.record(fcgi.ABORT))
    connection.response()
    publisher.publish("aborted", "to nobody")
    # The connection goes on, and what is read next is the answer of the next request.
    answer = connection.ask(subscribe("other", CREW_SUBSCRIBE_TIMEOUT="0"))
    assert (answer.status, answer.body) == (204, b"")


def test_one_behind_the_other(park, publisher):
    connection = park(subscribe("turns"))
    connection.send(fcgi.request(subscribe("turns"), request_id=2))
    assert connection.response(2).protocol_status == fcgi.CANT_MPX
    # The same id again has to wait. It subscribes when the first is answered: to what comes
    # after that.
    connection.send(fcgi.request(subscribe("turns")))
    for body in (b"first", b"second"):
        publisher.publish("turns", body)
        assert connection.response().body == body


@pytest.mark.parametrize("mode", ["poll", "sse"])
@pytest.mark.skipif(bool(os.environ.get("CREW_SANITIZE")), reason="counts memory")
def test_many(environment, broker, publisher, mode):
    bridge = environment.bridge(broker)
    with fcgi.Connection(bridge.socket) as first:
        wait_until(lambda: first.ask(
            subscribe("none", CREW_SUBSCRIBE_TIMEOUT="0")).status == 204)
        before = bridge.rss_bytes()
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        waiting = [fcgi.Connection(bridge.socket) for _ in range(MANY)]
        for connection in waiting:
            connection.send(fcgi.request(subscribe("many", mode, **PARAMS)))
        wait_until(lambda: bridge.descriptors() >= MANY)
        # Nobody is behind this one: all before it are parked.
        assert first.ask(subscribe("none", CREW_SUBSCRIBE_TIMEOUT="0")).status == 204
        assert (bridge.rss_bytes() - before) / MANY < BYTES_EACH
        publisher.publish("many", "all of you")
        for connection in waiting[::2]:
            wait_for(connection, mode)
        there = bridge.descriptors()
        began = time.monotonic()
        for connection in waiting:
            connection.close()
        wait_until(lambda: bridge.descriptors() <= there - MANY, 10)
        assert time.monotonic() - began < 2


def wait_for(connection, mode):
    if mode == "poll":
        assert connection.response().body == b"all of you"
        return
    text = b""
    while b"data: all of you\n\n" not in text:
        text += connection.record().content
