"""Stopping and reloading the bridge."""
import os
import re
import signal
import threading
import time

import pytest

import fcgi
from fcgi import get
from support.program import parent_of
from support.waiting import wait_until


@pytest.fixture
def front(environment, broker):
    bridge = environment.bridge(broker, "--stop-timeout", "5")
    environment.worker(broker, "--processes", "4")
    with fcgi.Connection(bridge.socket) as connection:
        assert connection.ask(get("/hello")).status == 200
    return bridge


def slow(bridge, ms):
    connection = fcgi.Connection(bridge.socket)
    connection.send(fcgi.request(get("/sleep", QUERY_STRING=f"ms={ms}")))
    connection.send(fcgi.record(fcgi.GET_VALUES, 0, b""))
    assert connection.record().kind == fcgi.VALUES  # so the request has been read, too
    return connection


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_graceful(front, number):
    busy = slow(front, 1000)
    with fcgi.Connection(front.socket) as idle:
        assert idle.ask(get("/hello")).status == 200
        front.signal(number)
        assert idle.closed()
        wait_until(lambda: not os.path.exists(front.socket))
        with pytest.raises(OSError):
            fcgi.Connection(front.socket)
        assert front.alive()
        assert busy.response().status == 200
        assert busy.closed()
        assert front.wait(2) == 0


def test_request_that_is_still_coming(front):
    """What was begun is answered, whole or half read."""
    whole = fcgi.request(get("/hello"))
    with fcgi.Connection(front.socket) as half:
        half.send(whole[:50])
        half.send(b"")
        wait_until(lambda: front.descriptors() > 0)
        time.sleep(0.1)  # the half has been read
        front.signal(signal.SIGTERM)
        front.wait_log("stopping")
        half.send(whole[50:])
        assert half.response().status == 200
    assert front.wait(2) == 0


def test_stop_timeout(environment, broker):
    bridge = environment.bridge(broker, "--stop-timeout", "0.5")
    environment.worker(broker)
    busy = slow(bridge, 5000)
    bridge.signal(signal.SIGTERM)
    begun = time.monotonic()
    assert busy.closed()
    assert bridge.wait(4) == 0
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize("first, second", [(signal.SIGINT, None),
                                           (signal.SIGTERM, signal.SIGTERM),
                                           (signal.SIGTERM, signal.SIGQUIT)])
def test_leaves_now(front, first, second):
    busy = slow(front, 4000)
    front.signal(first)
    if second:
        front.wait_log("stopping")
        assert front.alive()
        front.signal(second)
    begun = time.monotonic()
    assert busy.closed()
    assert front.wait(3) == 0
    assert time.monotonic() - begun < 3
    assert not os.path.exists(front.socket)


def test_says_so_to_the_service_manager(front):
    assert not front.notified("STOPPING=1")
    front.signal(signal.SIGTERM)
    wait_until(lambda: front.notified("STOPPING=1"))


# ---- reload


@pytest.fixture
def successors(front):
    """The processes that took over; they are stopped at the end."""
    found = []

    def find():
        for pid in front.children():
            if pid not in found:
                found.append(pid)
        return found
    yield find
    for pid in found:
        if os.path.exists(f"/proc/{pid}"):
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda pid=pid: gone(pid))


def gone(pid):
    """Ended; a zombie counts as well."""
    return not os.path.exists(f"/proc/{pid}") or parent_of(pid) == 0


class Load(threading.Thread):
    """Requests on a kept connection and on new ones, until told to end."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.ending, self.done, self.failures = path, False, 0, []

    def run(self):
        kept = fcgi.Connection(self.path)
        while not self.ending:
            try:
                with fcgi.Connection(self.path) as fresh:
                    assert fresh.ask(get("/hello"), keep=False).status == 200
                try:
                    assert kept.ask(get("/hello")).status == 200
                except (EOFError, ConnectionError):
                    kept = fcgi.Connection(self.path)  # closed while idle: allowed
                self.done += 1
            except (AssertionError, OSError, EOFError) as failure:
                self.failures.append(repr(failure))

    def finish(self):
        self.ending = True
        self.join(10)
        assert self.failures == []
        return self.done


def test_reload(front, successors):
    loads = [Load(front.socket) for _ in range(3)]
    for load in loads:
        load.start()
    busy = slow(front, 1500)
    wait_until(lambda: all(load.done > 20 for load in loads))
    front.signal(signal.SIGHUP)
    new = wait_until(successors)[0]
    front.wait_log("has taken over")
    before = [load.done for load in loads]
    assert busy.response().status == 200
    assert front.wait(3) == 0
    wait_until(lambda: all(load.done > old + 20 for load, old in zip(loads, before)))
    assert all(load.finish() for load in loads)
    assert os.path.exists(front.socket)
    os.kill(new, signal.SIGTERM)
    wait_until(lambda: gone(new), 15)
    assert not os.path.exists(front.socket)


def test_reload_of_the_new_one(front):
    """A bridge that took over can be reloaded itself, and no descriptors pile up."""
    counts = []
    pid = front.pid
    for number in (1, 2, 3):
        old = pid
        os.kill(old, signal.SIGHUP)
        wait_until(lambda n=number: front.log().count("has taken over") == n)
        wait_until(lambda: front.notified("READY=1"))
        pid = int(re.findall(r"process (\d+) has taken over", front.log())[-1])
        wait_until(lambda old=old: gone(old), 15)
        with fcgi.Connection(front.socket) as connection:
            assert connection.ask(get("/hello")).status == 200
            counts.append(len(os.listdir(f"/proc/{pid}/fd")))
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: gone(pid), 15)
    assert max(counts) == min(counts)


def test_reload_that_fails(environment, broker, tmp_path):
    """The new one cannot start: the old one stays."""
    secret = tmp_path / "password"
    secret.write_text("guest\n")
    bridge = environment.bridge(broker, "--password-file", str(secret))
    environment.worker(broker)
    secret.unlink()
    for count in (1, 2):
        bridge.signal(signal.SIGHUP)
        wait_until(lambda count=count: bridge.log().count("this process goes on") == count)
    assert bridge.alive() and not bridge.children()
    with fcgi.Connection(bridge.socket) as connection:
        assert connection.ask(get("/hello")).status == 200
    assert bridge.stop() == 0
    assert not os.path.exists(bridge.socket)


def test_reload_that_hangs(environment, broker, tmp_path):
    """The new one is not ready in ten seconds: the old one stays."""
    secret = tmp_path / "password"
    secret.write_text("guest\n")
    bridge = environment.bridge(broker, "--password-file", str(secret))
    environment.worker(broker)
    secret.unlink()
    os.mkfifo(secret)
    bridge.signal(signal.SIGHUP)
    wait_until(bridge.children)
    bridge.wait_log("not ready in time", 15)
    wait_until(lambda: not bridge.children())
    with fcgi.Connection(bridge.socket) as connection:
        assert connection.ask(get("/hello")).status == 200
