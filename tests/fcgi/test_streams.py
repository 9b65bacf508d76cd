"""Streamed answers as records: each flush is sent at once, as far as the peer takes it, and
END_REQUEST says that all is there."""
import os
import time

import pytest

import fcgi
from fcgi import get
from support.program import BUILD
from support.waiting import wait_until

MB = 1 << 20
ROOM_BYTES = 4 * MB  # what buffers of sockets and a window may hold


@pytest.fixture(scope="module")
def extra_bridge(module_environment, broker):
    """A bridge whose task has handlers that break in the middle."""
    bridge = module_environment.bridge(broker, "--task", "extra")
    module_environment.worker(broker, "--task", "extra", "--processes", "1",
                              app=os.path.join(BUILD, "tests", "extra_app.so"))
    return bridge


def stream(query, **more):
    return get("/stream", QUERY_STRING=query, **more)


def head_of(connection):
    record = connection.record()
    assert record.kind == fcgi.STDOUT
    return fcgi.Response(record.content).parse()


def body_sizes(connection):
    """Bytes of each record, up to the end."""
    while (record := connection.record()).kind == fcgi.STDOUT:
        yield len(record.content)
    assert record.kind == fcgi.END


def test_a_flush_is_sent_while_the_handler_goes_on(connect):
    connection = connect()
    began = time.monotonic()
    connection.send(fcgi.request(stream("n=4&chunk=1&ms=150")))
    head = head_of(connection)
    assert time.monotonic() - began < 0.3
    assert (head.status, head.body) == (200, b"")
    assert head.header("X-Accel-Buffering") == "no"
    assert head.header("Content-Length") is None
    rest = connection.response()
    assert rest.output == b"xxxx"
    assert time.monotonic() - began >= 0.6
    # The connection is in step.
    assert connection.ask(get("/hello")).body == b"Hello, world\n"


def test_what_a_handler_says_of_buffering_stands(extra_bridge):
    with fcgi.Connection(extra_bridge.socket) as connection:
        answer = connection.ask(get("/count", QUERY_STRING="n=1000"))
    assert [name for name, _ in answer.headers].count(b"X-Accel-Buffering") == 1
    assert answer.header("X-Accel-Buffering") == "yes"
    assert answer.header("Content-Length") is None  # nobody can know
    assert answer.body.split() == [str(i).encode() for i in range(1000)]


def test_one_after_the_other_on_one_connection(connect):
    connection = connect()
    for size in (0, 1, 65535, 65536, 1_000_000):
        answer = connection.ask(stream(f"n={size}"))
        assert (answer.status, len(answer.body)) == (200, size)


def test_sent_ahead_while_one_streams(connect):
    connection = connect()
    connection.send(fcgi.request(stream("n=3&chunk=1&ms=100"))
                    + fcgi.request(get("/hello")))
    assert connection.response().body == b"xxx"
    assert connection.response().body == b"Hello, world\n"


@pytest.mark.skipif(bool(os.environ.get("CREW_SANITIZE")),
                    reason="the sanitizer keeps freed memory")
def test_a_peer_that_reads_nothing_for_a_while(bridge, connect):
    connection = connect()
    before = bridge.rss_bytes()
    connection.send(fcgi.request(stream(f"n={64 * MB}")))
    assert head_of(connection).status == 200
    time.sleep(1.0)  # not to be safe: it shall have the time to fill what it can
    assert bridge.rss_bytes() - before < ROOM_BYTES
    assert sum(body_sizes(connection)) == 64 * MB
    assert bridge.rss_bytes() - before < ROOM_BYTES


def free_again(bridge, within_s=1.0):
    """The only handler process has time for somebody else."""
    with fcgi.Connection(bridge.socket, bound_s=5) as other:
        began = time.monotonic()
        assert other.ask(get("/count", QUERY_STRING="n=1")).status == 200
        assert time.monotonic() - began < within_s


@pytest.mark.parametrize("query", ["n=100000000", "n=1"], ids=["count", "hang"])
def test_a_peer_that_hangs_up(extra_bridge, query):
    path = "/count" if query != "n=1" else "/broken"
    with fcgi.Connection(extra_bridge.socket) as connection:
        connection.send(fcgi.request(get(path, QUERY_STRING=query + "&how=hang")))
        assert head_of(connection).status == 200
    free_again(extra_bridge)


def test_abort_request(extra_bridge):
    with fcgi.Connection(extra_bridge.socket) as connection:
        connection.send(fcgi.request(get("/broken", QUERY_STRING="how=hang")))
        assert head_of(connection).status == 200
        connection.send(fcgi.record(fcgi.ABORT))
        while (record := connection.record()).kind == fcgi.STDOUT:
            pass
        assert record.kind == fcgi.END
        free_again(extra_bridge)
        assert connection.ask(get("/count", QUERY_STRING="n=1")).body == b"0\n"


def test_a_peer_that_hangs_up_on_a_deaf_handler(extra_bridge):
    """It is killed after the grace period, and another one takes its place."""
    with fcgi.Connection(extra_bridge.socket) as connection:
        connection.send(fcgi.request(get("/broken", QUERY_STRING="how=deaf")))
        assert head_of(connection).status == 200
    free_again(extra_bridge, within_s=3.0)


@pytest.mark.parametrize("how", ["segv", "error", "large"])
def test_a_failure_behind_the_head_has_no_end(extra_bridge, how):
    with fcgi.Connection(extra_bridge.socket) as connection:
        connection.send(fcgi.request(get("/broken", QUERY_STRING=f"how={how}")))
        assert head_of(connection).status == 200
        while (header := connection.take(8)) != bytes(8):  # answer.c says why
            connection.take(int.from_bytes(header[4:6], "big") + header[6])
        assert connection.closed()
    free_again(extra_bridge)


def test_a_head_cannot_be_changed_any_more(extra_bridge):
    with fcgi.Connection(extra_bridge.socket) as connection:
        answer = connection.ask(get("/broken", QUERY_STRING="how=late"))
    assert (answer.status, answer.body) == (200, b"a line\n")


def test_head_ends_with_the_head(extra_bridge):
    with fcgi.Connection(extra_bridge.socket) as connection:
        for _ in range(2):
            answer = connection.ask(get("/broken", QUERY_STRING="how=hang",
                                        REQUEST_METHOD="HEAD"))
            assert (answer.status, answer.body) == (200, b"")
    free_again(extra_bridge)


def test_a_status_without_a_body(extra_bridge):
    with fcgi.Connection(extra_bridge.socket) as connection:
        for _ in range(2):
            answer = connection.ask(get("/bodiless"))
            assert (answer.status, answer.body) == (204, b"")


def test_many_at_once(bridge, connect):
    """More than there are processes; each has all that is its own."""
    connections = [connect() for _ in range(20)]
    for number, connection in enumerate(connections):
        connection.send(fcgi.request(stream(f"n={100000 + number}&chunk=5000")))
    for number, connection in enumerate(connections):
        assert len(connection.response().parse().body) == 100000 + number
    wait_until(bridge.alive)
