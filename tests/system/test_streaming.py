"""Streamed responses through a web server: flushed data arrives at once, a slow reader slows
the handler down and uses no memory, and a failure breaks the response."""
import contextlib
import signal
import socket
import subprocess
import threading
import time

import pytest

from support.waiting import wait_until

MB = 1 << 20
GROWTH_BYTES = 16 * MB
QUEUE_BYTES = 4 * MB
BROKEN = 18  # curl: the transfer ended before the response did


def front(environment, broker, *options, task="stream", workers=1, app="probe.so", **params):
    """A bridge, workers, nginx at /s."""
    bridge = environment.bridge(broker, *options)
    for _ in range(workers):
        environment.worker(broker, "--task", task, "--processes", "1", app=app)
    nginx = environment.nginx({"/s": (bridge, {"CREW_TASK": task, **params})})
    return bridge, nginx


def curl(nginx, path, *options):
    return subprocess.Popen(["curl", "-sS", "-N", *options, nginx.address + path],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)


class Reader:
    """A client that takes its time; small buffers of its own."""

    def __init__(self, nginx, path):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        self.socket.settimeout(30)
        self.socket.connect(("127.0.0.1", nginx.port))
        # HTTP/1.0: the body ends with the connection, and is not in chunks.
        self.socket.sendall(f"GET {path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
        self.began = time.monotonic()
        self.head, _, rest = self.socket.recv(65536).partition(b"\r\n\r\n")
        self.first_s = time.monotonic() - self.began
        self.bytes = len(rest)

    def read_all(self, rate, glance):
        """RATE bytes a second; GLANCE is called each second."""
        seconds = 0
        while data := self.socket.recv(65536):
            self.bytes += len(data)
            ahead_s = self.bytes / rate - (time.monotonic() - self.began)
            if ahead_s > 0:
                time.sleep(ahead_s)
            if time.monotonic() - self.began > seconds:
                seconds += 1
                glance()
        return time.monotonic() - self.began


class Watch:
    """The largest that processes and queues have been, since it began."""

    def __init__(self, broker, worker, *programs):
        self.broker = broker
        self.worker = worker
        self.programs = programs
        self.before = self.memory()
        self.growth = 0
        self.queued = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch_queues)
        self.thread.start()

    def memory(self):
        return [program.rss_bytes() for program in self.programs] + [
            rss_bytes(pid) for pid in self.worker.children()]

    def glance(self):
        self.growth = max(self.growth, *(now - then for now, then in
                                         zip(self.memory(), self.before)))

    def watch_queues(self):
        while not self.over.is_set():
            listed = self.broker.ctl("list_queues", "-q", "-p", self.broker.vhost, "name",
                                     "message_bytes", "memory", "--no-table-headers")
            rows = [line.split() for line in listed.splitlines()]
            self.queued = max([self.queued] + [int(size) for name, size, _ in rows
                                               if name.startswith("crew.master.")])

    def end(self):
        self.over.set()
        self.thread.join()


def rss_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


@pytest.mark.parametrize("size, rate", [
    (40 * MB, 5 * MB), pytest.param(200 * MB, 5 * MB, marks=pytest.mark.long)],
    ids=["40 MB", "200 MB"])
def test_a_slow_reader(environment, broker, size, rate):
    bridge, nginx = front(environment, broker, CREW_EXPIRATION="300")
    worker = environment.worker(broker, "--task", "slow", "--processes", "1", "--timeout", "300")
    slow = environment.nginx({"/s": (bridge, {"CREW_TASK": "slow", "CREW_EXPIRATION": "300"})})
    slow.wait_status("/s/hello", 200)
    del nginx
    watch = Watch(broker, worker, bridge, worker)
    try:
        reader = Reader(slow, f"/s/stream?n={size}")
        seconds = reader.read_all(rate, watch.glance)
    finally:
        watch.end()
    assert reader.head.startswith(b"HTTP/1.1 200")
    assert reader.bytes == size
    assert reader.first_s < 1 < seconds  # the handler had to wait for the reader
    assert seconds > 0.8 * size / rate
    assert watch.growth < GROWTH_BYTES
    assert watch.queued < QUEUE_BYTES


def test_each_flush_is_there_at_once(environment, broker, slowness):
    _, nginx = front(environment, broker)
    nginx.wait_status("/s/hello", 200)
    began = time.monotonic()
    process = curl(nginx, "/s/stream?n=4&chunk=1&ms=250")
    seen = []
    while process.stdout.read(1):
        seen.append(time.monotonic() - began)
    assert process.wait() == 0
    assert len(seen) == 4
    assert seen[0] < 0.25 * slowness
    assert all(later - sooner > 0.15 for sooner, later in zip(seen, seen[1:]))


def test_everything_in_its_order(environment, broker, extra_app):
    _, nginx = front(environment, broker, app=extra_app)
    nginx.wait_status("/s/left", 200)
    output, _ = curl(nginx, "/s/count?n=200000").communicate()
    assert output == b"".join(b"%d\n" % i for i in range(200000))


# ---- a client that hangs up

@pytest.mark.parametrize("query", ["n=1000000000", "n=1000&chunk=1&ms=100"],
                         ids=["waits for credit", "sleeps"])
def test_hanging_up_stops_the_handler(environment, broker, query, slowness):
    bridge = environment.bridge(broker)
    worker = environment.worker(broker, "--processes", "1")
    nginx = environment.nginx({"/s": (bridge, {})})
    nginx.wait_status("/s/hello", 200)
    handler, = worker.children()
    for _ in range(3):
        reader = Reader(nginx, f"/s/stream?{query}")
        reader.socket.close()
        answer = nginx.get("/s/hello")
        assert answer.status == 200
        assert answer.seconds < 1.0 * slowness
    assert worker.children() == [handler]  # the same process serves on
    assert "asked to stop, backtrace" not in worker.log()  # a client that leaves is no trouble


def test_many_that_hang_up(environment, broker):
    bridge, nginx = front(environment, broker, workers=2)
    nginx.wait_status("/s/hello", 200)
    descriptors = bridge.descriptors()
    for _ in range(30):
        with contextlib.closing(Reader(nginx, "/s/stream?n=1000000000").socket):
            pass
    assert nginx.get("/s/hello").status == 200
    wait_until(lambda: bridge.descriptors() <= descriptors, what="descriptors are back")


# ---- what breaks

@pytest.mark.parametrize("how", ["segv", "error", "large"])
def test_a_failure_behind_the_head(environment, broker, extra_app, how):
    _, nginx = front(environment, broker, app=extra_app)
    nginx.wait_status("/s/left", 200)
    process = curl(nginx, f"/s/broken?how={how}", "-i")
    output, complaint = process.communicate()
    assert process.returncode == BROKEN, complaint
    assert output.startswith(b"HTTP/1.1 200") and output.endswith(b"\r\n\r\na line\n")
    assert nginx.get("/s/left").status == 200


def test_the_deadline_in_the_middle(environment, broker, extra_app):
    _, nginx = front(environment, broker, app=extra_app, CREW_EXPIRATION="1")
    nginx.wait_status("/s/left", 200)
    began = time.monotonic()
    process = curl(nginx, "/s/broken?how=hang")
    assert process.wait() == BROKEN
    assert 0.9 < time.monotonic() - began < 1.4
    assert nginx.get("/s/left").status == 200


@pytest.fixture
def under_way(environment, broker):
    """A stream of some seconds that has begun, at a task of its own."""
    def begin(nginx, path="/s/stream?n=40&chunk=1&ms=100", method="GET"):
        process = curl(nginx, path, "-X", method)
        assert process.stdout.read(1) == b"x"
        return process

    yield begin


def test_the_worker_is_killed_and_another_one_is_there(environment, broker, under_way):
    bridge = environment.bridge(broker)
    nginx = environment.nginx({"/s": (bridge, {"CREW_TASK": "killed"})})
    for method in ("GET", "POST"):
        first = environment.worker(broker, "--task", "killed", "--processes", "1")
        nginx.wait_status("/s/hello", 200)
        process = under_way(nginx, method=method)
        second = environment.worker(broker, "--task", "killed", "--processes", "1")
        began = time.monotonic()
        first.kill()
        assert process.wait() == BROKEN
        assert time.monotonic() - began < 2
        assert nginx.get("/s/hello").status == 200
        second.stop()


def test_the_only_worker_is_killed(environment, broker, under_way):
    bridge = environment.bridge(broker)
    worker = environment.worker(broker, "--task", "alone", "--processes", "1")
    nginx = environment.nginx({"/s": (bridge, {"CREW_TASK": "alone", "CREW_EXPIRATION": "2"})})
    nginx.wait_status("/s/hello", 200)
    began = time.monotonic()
    process = under_way(nginx)
    worker.kill()
    assert process.wait() == BROKEN
    assert 1.9 < time.monotonic() - began < 3.5  # at its deadline


def test_the_broker_drops_all_connections(environment, under_way):
    broker = environment.broker()
    bridge, nginx = front(environment, broker)
    nginx.wait_status("/s/hello", 200)
    process = under_way(nginx)
    broker.ctl("close_all_connections", "a test")
    began = time.monotonic()
    assert process.wait() == BROKEN
    assert time.monotonic() - began < 3
    nginx.wait_status("/s/hello", 200)
    output, _ = curl(nginx, "/s/stream?n=1000000").communicate()
    assert len(output) == 1000000
    assert bridge.alive()


# ---- stopping

def test_the_bridge_stops_when_the_stream_has_ended(environment, broker, under_way):
    bridge, nginx = front(environment, broker, "--stop-timeout", "10")
    nginx.wait_status("/s/hello", 200)
    process = under_way(nginx, "/s/stream?n=15&chunk=1&ms=100")
    bridge.signal(signal.SIGTERM)
    output, _ = process.communicate()
    assert (process.returncode, output) == (0, b"x" * 14)
    assert bridge.wait(3) == 0


def test_the_bridge_does_not_wait_for_ever(environment, broker, under_way):
    bridge, nginx = front(environment, broker, "--stop-timeout", "1")
    nginx.wait_status("/s/hello", 200)
    process = under_way(nginx, "/s/stream?n=200&chunk=1&ms=100")
    began = time.monotonic()
    bridge.signal(signal.SIGTERM)
    assert process.wait() == BROKEN
    assert bridge.wait(3) == 0
    assert time.monotonic() - began < 3


def test_a_worker_ends_its_stream_before_it_leaves(environment, broker, under_way):
    bridge = environment.bridge(broker)
    worker = environment.worker(broker, "--task", "leaves", "--processes", "1")
    nginx = environment.nginx({"/s": (bridge, {"CREW_TASK": "leaves"})})
    nginx.wait_status("/s/hello", 200)
    process = under_way(nginx, "/s/stream?n=2000000&chunk=20000&ms=10")
    worker.signal(signal.SIGTERM)
    output, _ = process.communicate()
    assert (process.returncode, len(output)) == (0, 1999999)
    assert worker.wait(5) == 0
