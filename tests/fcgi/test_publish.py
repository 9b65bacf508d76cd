"""Publications under way while the broker says nothing: hang-ups, bounds, the end of the
bridge. None of them is taken back."""
import contextlib
import signal
import socket
import subprocess

import pytest

import fcgi
from fcgi import get, post
from support.subscriber import Subscriber
from support.waiting import wait_until


@pytest.fixture(scope="module")
def rough(module_environment):
    """A broker to be paused."""
    return module_environment.broker()


@contextlib.contextmanager
def silence(broker):
    broker.pause()
    try:
        yield
    finally:
        broker.resume()


@pytest.fixture
def subscriber(rough):
    with Subscriber(rough) as subscriber:
        yield subscriber


def heard(subscriber, count):
    """The bodies of COUNT messages, as soon as they are there."""
    messages = []
    wait_until(lambda: messages.extend(subscriber.take()) or len(messages) >= count)
    return [message.body for message in messages]


def asked(body):
    return fcgi.request(post(body, CREW_PUBLISH="news"), body)


def begin(bridge, body, connection=None):
    """A publication in the bridge's hands; not confirmed while the broker is silent."""
    before = bridge.log().count("(publication): validating -> waiting")
    connection = connection or fcgi.Connection(bridge.socket)
    connection.send(asked(body))
    wait_until(lambda: bridge.log().count("(publication): validating -> waiting") > before)
    return connection


def overloaded(bridge, body=b"more"):
    with fcgi.Connection(bridge.socket) as other:
        other.send(asked(body))
        return other.response().error == "overloaded"


def test_answered_when_it_is_confirmed(environment, rough, subscriber):
    bridge = environment.bridge(rough, "-v")
    with silence(rough):
        connection = begin(bridge, b"one")
        connection.socket.settimeout(0.5)
        with pytest.raises(socket.timeout):
            connection.socket.recv(1)
    connection.socket.settimeout(fcgi.BOUND_S)
    response = connection.response()
    assert (response.status, response.error) == (202, None)
    assert [m.id for m in subscriber.take()] == [response.body.decode().strip()]
    connection.close()


def test_not_confirmed_in_time(environment, rough):
    bridge = environment.bridge(rough)
    with silence(rough), fcgi.Connection(bridge.socket) as connection:
        response = connection.ask(post(b"one", CREW_PUBLISH="news", CREW_EXPIRATION="0.5"),
                                  b"one")
        assert (response.status, response.error) == (502, "lost")
        assert b"not known" in response.body


def test_abort(environment, rough, subscriber):
    """The connection's next publication gets its own answer."""
    bridge = environment.bridge(rough, "-v")
    with silence(rough):
        connection = begin(bridge, b"one")
        connection.send(fcgi.record(fcgi.ABORT))
        assert connection.response().output == b""
        begin(bridge, b"two", connection)
    response = connection.response()
    assert response.status == 202
    assert response.body.endswith(b".2\n")
    assert heard(subscriber, 2) == [b"one", b"two"]
    connection.close()


def test_hang_ups(environment, rough, subscriber):
    """Also of connections whose memory is used again."""
    bridge = environment.bridge(rough, "-v")
    with silence(rough):
        for number in range(5):
            begin(bridge, b"gone%d" % number).close()
            wait_until(lambda gone=number + 1: bridge.log().count("completed -> none") == gone)
        stays = begin(bridge, b"stays")
    assert stays.response().body.endswith(b".6\n")
    assert heard(subscriber, 6) == [b"gone%d" % n for n in range(5)] + [b"stays"]
    stays.close()


def test_a_publication_is_in_flight(environment, rough):
    """Until the broker has confirmed it, whether or not somebody waits."""
    bridge = environment.bridge(rough, "-v", "--max-inflight", "1")
    with silence(rough):
        connection = begin(bridge, b"one")
        assert overloaded(bridge)
        connection.close()
        assert overloaded(bridge)
    wait_until(lambda: not overloaded(bridge))


def test_its_body_is_buffered(environment, rough):
    bridge = environment.bridge(rough, "-v", "--max-buffered", "1000000")
    body = b"x" * 600000
    with silence(rough):
        begin(bridge, body).close()
        assert overloaded(bridge, body)
    wait_until(lambda: not overloaded(bridge, body))


def test_told_to_stop(environment, rough, subscriber):
    """What was begun is answered."""
    bridge = environment.bridge(rough, "-v")
    with silence(rough):
        connection = begin(bridge, b"one")
        bridge.signal(signal.SIGTERM)
        bridge.wait_log("stopping")
    assert connection.response().status == 202
    assert connection.closed()
    assert bridge.wait() == 0
    assert heard(subscriber, 1) == [b"one"]


def test_told_to_stop_when_nobody_waits(environment, rough, subscriber):
    """It leaves with the publication behind it."""
    bridge = environment.bridge(rough, "-v")
    with silence(rough):
        begin(bridge, b"one").close()
        bridge.signal(signal.SIGTERM)
        bridge.wait_log("stopping")
        with pytest.raises(subprocess.TimeoutExpired):
            bridge.process.wait(0.5)
    assert bridge.wait() == 0
    assert heard(subscriber, 1) == [b"one"]
    assert "unanswered" not in bridge.log()


def test_told_to_leave_now(environment, rough):
    bridge = environment.bridge(rough, "-v")
    with silence(rough):
        begin(bridge, b"one")
        begin(bridge, b"two").close()
        bridge.signal(signal.SIGINT)
        assert bridge.wait(5) == 0


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "post"])
def test_method(connect, method):
    response = connect().ask(get(CREW_PUBLISH="news", REQUEST_METHOD=method))
    assert (response.status, response.error) == (405, "bad-request")
    assert response.header("Allow") == "POST, PUT"
    assert (response.body == b"") == (method == "HEAD")


def test_not_to_be_published(connect):
    connection = connect()
    large = b"x" * 100001
    for body, more, status, said in (
            (b"b", {"CREW_TASK": "t"}, 400, b"CREW_TASK"),
            (b"b", {"CONTENT_TYPE": "t" * 256}, 400, b"CONTENT_TYPE"),
            (b"b", {"CONTENT_LENGTH": "2"}, 400, b"CONTENT_LENGTH"),
            (large, {}, 413, b"too large"),
            (b"b", {"CONTENT_TYPE": "t" * 255}, 202, b".")):
        response = connection.ask(post(body, CREW_PUBLISH="c", **more), body)
        assert response.status == status
        assert said in response.body
