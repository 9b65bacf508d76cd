"""Bounds: requests in hand, memory, descriptors, patience."""
import os
import resource
import socket
import time

import pytest

import fcgi
from fcgi import get, post
from support.waiting import wait_until

SILENCE_S = 60


def overloaded(response):
    assert (response.status, response.error) == (503, "overloaded")
    assert int(response.header("Retry-After")) >= 1


def test_max_inflight(environment, broker):
    bridge = environment.bridge(broker, "--max-inflight", "3")
    environment.worker(broker, "--processes", "3")
    busy = [fcgi.Connection(bridge.socket) for _ in range(3)]
    for connection in busy:
        connection.send(fcgi.request(get("/sleep", QUERY_STRING="ms=1500")))
    with fcgi.Connection(bridge.socket) as more:
        begun = time.monotonic()
        wait_until(lambda: more.ask(get("/hello")).error == "overloaded")
        overloaded(more.ask(get("/hello")))
        assert time.monotonic() - begun < 1
        assert [c.response().status for c in busy] == [200, 200, 200]
        assert more.ask(get("/hello")).status == 200


def test_hung_up_requests_make_room(environment, broker):
    bridge = environment.bridge(broker, "--max-inflight", "2", "-v")
    environment.worker(broker, "--processes", "1")

    def in_hand():
        return bridge.log().count("(task call): validating -> waiting")

    def send(connection, milliseconds):
        before = in_hand()
        connection.send(fcgi.request(get("/sleep", QUERY_STRING=f"ms={milliseconds}")))
        wait_until(lambda: in_hand() > before)

    with fcgi.Connection(bridge.socket) as busy, fcgi.Connection(bridge.socket) as more:
        send(busy, 2000)
        for _ in range(5):
            with fcgi.Connection(bridge.socket) as queued:
                send(queued, 60000)
                overloaded(more.ask(get("/hello", CREW_TASK="absent")))
            wait_until(lambda: more.ask(get("/hello", CREW_TASK="absent")).error == "no-workers")
        assert busy.response().status == 200
        assert more.ask(get("/hello")).status == 200


def test_max_buffered(environment, broker):
    bridge = environment.bridge(broker, "--max-buffered", "1000000")
    environment.worker(broker)
    with fcgi.Connection(bridge.socket) as holder, fcgi.Connection(bridge.socket) as more:
        body = b"x" * 900000
        half = fcgi.request(post(body, "/echo"), body)
        holder.send(half[:-20])
        with fcgi.Connection(bridge.socket) as other:
            large = b"y" * 600000
            overloaded(other.ask(post(large, "/echo"), large))
        assert more.ask(get("/hello")).status == 200
        holder.send(half[-20:])
        assert holder.response().body == body
        overloaded(more.ask(post(body * 2, "/echo"), body * 2))
        assert more.ask(post(body, "/echo"), body).body == body


def test_slow_reader(environment, broker):
    """Answers that are not fetched are counted, and new requests are turned away."""
    bridge = environment.bridge(broker, "--max-buffered", "20000000")
    environment.worker(broker)
    slow = []
    with fcgi.Connection(bridge.socket) as more:
        for _ in range(3):
            slow.append(fcgi.Connection(bridge.socket))
            slow[-1].send(fcgi.request(get("/bytes", QUERY_STRING="n=10000000")))
        wait_until(lambda: more.ask(get("/hello")).error == "overloaded")
        for connection in slow:
            response = connection.response()
            assert response.error == "overloaded" or len(response.body) == 10000000
        assert more.ask(get("/hello")).status == 200
        slow[0].close()
        assert more.ask(get("/hello")).status == 200


def test_out_of_descriptors(environment, broker):
    """No spin; who cannot be accepted waits in the backlog and is served then."""
    bridge = environment.bridge(broker)
    environment.worker(broker)
    with fcgi.Connection(bridge.socket) as connection:
        assert connection.ask(get("/hello")).status == 200
        base = bridge.descriptors()
    wait_until(lambda: bridge.descriptors() < base)
    base -= 1
    resource.prlimit(bridge.pid, resource.RLIMIT_NOFILE, (base + 10, base + 10))
    crowd = [fcgi.Connection(bridge.socket) for _ in range(20)]
    bridge.wait_log("cannot accept connections for now")
    ticks = cpu_ticks(bridge.pid)
    crowd[0].send(fcgi.request(get("/sleep", QUERY_STRING="ms=1000")))
    assert crowd[0].response().status == 200
    assert cpu_ticks(bridge.pid) - ticks < 0.5 * os.sysconf("SC_CLK_TCK")
    for connection in crowd:
        assert connection.ask(get("/hello")).status == 200
        connection.close()
    wait_until(lambda: bridge.descriptors() <= base, what="descriptors are back")


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        words = file.read().rpartition(")")[2].split()
    return int(words[11]) + int(words[12])


def test_idle_memory(environment, broker):
    bridge = environment.bridge(broker)
    assert bridge.rss_bytes() < (20 << 20) * (20 if os.environ.get("CREW_SANITIZE") else 1)


@pytest.mark.long
def test_silence(environment, broker):
    """A peer that goes silent inside a request is closed; an idle one, and one whose request
    waits, are not."""
    bridge = environment.bridge(broker, "--expiration", "300")
    environment.worker(broker, "--timeout", "300")
    whole = fcgi.request(get("/hello"))
    begun = [fcgi.Connection(bridge.socket, SILENCE_S + 10) for _ in range(4)]
    for connection, at in zip(begun, (3, 20, 60, len(whole) - 3)):
        connection.send(whole[:at])
    with fcgi.Connection(bridge.socket) as idle, fcgi.Connection(bridge.socket, 80) as waits:
        assert idle.ask(get("/hello")).status == 200
        waits.send(fcgi.request(get("/sleep", QUERY_STRING=f"ms={(SILENCE_S + 5) * 1000}")))
        start = time.monotonic()
        for connection in begun:
            assert connection.closed()
        assert SILENCE_S - 5 < time.monotonic() - start < SILENCE_S + 5
        assert waits.response().status == 200
        assert idle.ask(get("/hello")).status == 200


def test_slow_but_steady(bridge, connect):
    """Bytes that trickle in are no silence."""
    connection = connect()
    for byte in fcgi.request(get("/hello")):
        connection.socket.sendall(bytes([byte]))
    assert connection.response().status == 200
    assert isinstance(connection.socket, socket.socket)
