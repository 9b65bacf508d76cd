"""Server-sent events, as an EventSource in a browser receives them."""
import base64
import signal
import time

import pytest

from support.publisher import Publisher
from support.subscribing import EventSource, wait_live
from support.waiting import wait_until

MB = 1 << 20


def locations(bridge):
    return {"/events": (bridge, {"CREW_SUBSCRIBE": "$arg_channel",
                                 "CREW_SUBSCRIBE_MODE": "sse"}),
            "/both": (bridge, {"CREW_SUBSCRIBE": "$arg_channel",
                               "CREW_SUBSCRIBE_TIMEOUT": "0.5"}),
            "/named": (bridge, {"CREW_SUBSCRIBE": '"room.*,news"',
                                "CREW_SUBSCRIBE_PATTERN": "1"}),
            "/now": (bridge, {"CREW_SUBSCRIBE": "$arg_channel",
                              "CREW_SUBSCRIBE_MODE": "poll",
                              "CREW_SUBSCRIBE_TIMEOUT": "0"})}


@pytest.fixture(scope="module")
def bridge(module_environment, broker):
    return module_environment.bridge(broker)


@pytest.fixture(scope="module")
def nginx(module_environment, bridge):
    nginx = module_environment.nginx(locations(bridge))
    wait_live(nginx)
    return nginx


@pytest.fixture
def opened(nginx):
    """Opens event streams, which are closed at the end."""
    streams = []

    def opened(path, *headers, at=None, **rest):
        streams.append(EventSource(at or nginx, path, headers, **rest))
        return streams[-1]

    yield opened
    for stream in streams:
        stream.close()


# ---- events


def test_events(opened, publisher):
    stream = opened("/events/?channel=plain")
    assert stream.status == 200
    for line in ("Content-Type: text/event-stream", "Cache-Control: no-store"):
        assert f"\r\n{line}" in stream.head
    stream.wait_id()
    assert stream.retry_ms == 2000
    for body in ("one", "", "three"):
        publisher.publish("plain", body)
    publisher.publish("other", "not this")
    events = [stream.next() for _ in range(3)]
    assert [event.data for event in events] == ["one", "", "three"]
    assert {event.name for event in events} == {"message"}
    ids = [int(event.last_id) for event in events]
    assert ids == sorted(set(ids))


def test_accept_chooses(nginx, opened, publisher):
    stream = opened("/both/?channel=chosen")
    stream.wait_id()
    publisher.publish("chosen", "event")
    assert stream.next().data == "event"
    assert nginx.get("/both/?channel=chosen").status == 204


@pytest.mark.parametrize("body, data", [
    ("a\nb", "a\nb"), ("a\rb", "a\nb"), ("a\r\nb", "a\nb"), ("a\n\rb", "a\n\nb"),
    ("\n", "\n"), ("end\n", "end\n"), ("id: 5\ndata: x", "id: 5\ndata: x"),
    (" \u00e4 \u2028", " \u00e4 \u2028")])
def test_line_breaks(opened, publisher, body, data):
    stream = opened("/events/?channel=lines")
    stream.wait_id()
    publisher.publish("lines", body)
    event = stream.next()
    assert event.data == data
    assert event.last_id != "5"


def test_patterns_name_the_channel(opened, publisher):
    stream = opened("/named/")
    stream.wait_id()
    publisher.publish("room.7", "in the room")
    publisher.publish("news", b"\xff\x00")
    events = [stream.next() for _ in range(2)]
    assert (events[0].name, events[0].data) == ("room.7", "in the room")
    assert events[1].name == "news;base64"
    assert base64.b64decode(events[1].data) == b"\xff\x00"


def test_bytes_that_are_no_text(opened, publisher):
    stream = opened("/events/?channel=bytes")
    stream.wait_id()
    body = bytes(range(256))
    publisher.publish("bytes", body)
    event = stream.next()
    assert event.name == "message;base64"
    assert base64.b64decode(event.data) == body


def test_head(nginx):
    with nginx.client() as client:
        answer = client.request("HEAD", "/events/?channel=head")
        assert (answer.status, answer.body) == (200, b"")
        assert answer.header("Content-Type") == "text/event-stream"
        assert client.get("/now/?channel=head").status == 204


# ---- coming back


def test_an_event_source_that_comes_back(opened, publisher):
    first = opened("/events/?channel=back")
    cursor = first.wait_id()
    publisher.publish("back", "1")
    last_id = first.next().last_id
    first.close()
    publisher.publish("back", "2")
    again = opened(f"/events/?channel=back&cursor={cursor}", ("Last-Event-ID", last_id))
    assert again.next().data == "2"
    # The very first time there is only the cursor in the query.
    opener = opened(f"/events/?channel=back&cursor={cursor}")
    assert opener.data(2) == ["1", "2"]
    publisher.publish("back", "3")
    assert [stream.next().data for stream in (again, opener)] == ["3", "3"]


def test_a_gap_is_an_event(opened, publisher):
    publisher.publish("gap", "first")
    stream = opened(f"/events/?channel=gap&cursor={10 ** 18}")
    gap, event = stream.next(), stream.next()
    assert gap.name == "gap"
    assert gap.data == event.last_id
    assert event.data == "first"


def test_a_sign_of_life(opened, publisher, nginx):
    stream = opened("/events/?channel=silent")
    begin = int(stream.wait_id())
    comments = stream.comments
    publisher.publish("elsewhere", "x")
    began = time.monotonic()
    assert stream.block() is None
    assert 12 < time.monotonic() - began < 20
    assert stream.comments == comments + 1
    assert int(stream.last_id) > begin
    assert int(stream.last_id) <= int(wait_live(nginx))


# ---- slow and disconnected clients


def test_a_slow_reader_costs_no_memory(environment, broker, opened, publisher):
    bridge = environment.bridge(broker, "--history-bytes", "8M")
    nginx = environment.nginx(locations(bridge))
    wait_live(nginx)
    readers = [opened("/events/?channel=slow", at=nginx, buffer_bytes=16 << 10)
               for _ in range(20)]
    for reader in readers:
        reader.wait_id()
    base = largest = bridge.rss_bytes()
    body = "x" * 50_000
    for number in range(800):  # 40 MB
        publisher.publish("slow", f"{number:04}" + body)
        largest = max(largest, bridge.rss_bytes())
    publisher.publish("slow", "end")
    # A client that reads on gets a gap event, then later messages.
    seen, gap = [], False
    while True:
        event = readers[0].next()
        if event.data == "end":
            break
        if event.name == "gap":
            gap = True
        else:
            seen.append(int(event.data[:4]))
    assert gap
    assert seen == sorted(set(seen))
    assert seen[-1] == 799
    largest = max(largest, bridge.rss_bytes())
    # 8 MB are the history, the rest fragments and buffers. It does not depend on what is
    # published: 15 to 29 MB for 20 MB as for 160 MB. What 20 readers lag behind is 800 MB.
    assert largest - base < 40 * MB


def test_a_disconnected_reader_is_not_counted(bridge, opened, publisher, slowness):
    streams = [opened("/events/?channel=gone") for _ in range(10)]
    for stream in streams:
        stream.wait_id()
    there = bridge.descriptors()
    began = time.monotonic()
    for stream in streams:
        stream.close()
    wait_until(lambda: bridge.descriptors() <= there - 10, 5, what="connections are closed")
    assert time.monotonic() - began < 1 * slowness
    publisher.publish("gone", "to nobody")
    assert bridge.alive()


def test_max_parked(environment, broker, opened):
    bridge = environment.bridge(broker, "--max-parked", "2")
    nginx = environment.nginx(locations(bridge))
    wait_live(nginx)
    streams = [opened("/events/?channel=full", at=nginx) for _ in range(2)]
    for stream in streams:
        stream.wait_id()
    refused = nginx.get("/events/?channel=full")
    assert (refused.status, refused.error) == (503, "overloaded")
    assert refused.header("Retry-After")
    streams[0].close()
    wait_until(lambda: opened("/events/?channel=full", at=nginx).status == 200)


# ---- bridge and broker


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_a_bridge_that_leaves_ends_its_streams(environment, broker, opened, publisher, signum,
                                               slowness):
    bridge = environment.bridge(broker)
    nginx = environment.nginx(locations(bridge))
    wait_live(nginx)
    stream = opened("/events/?channel=left", at=nginx)
    stream.wait_id()
    publisher.publish("left", "before")
    last_id = stream.next().last_id
    began = time.monotonic()
    bridge.signal(signum)
    stream.wait_end()
    assert bridge.wait(5 * slowness) == 0
    assert time.monotonic() - began < 5 * slowness
    assert "prematurely" not in nginx.log()
    publisher.publish("left", "meanwhile")
    if signum == signal.SIGTERM:
        bridge.start()
    stream = opened("/events/?channel=left", ("Last-Event-ID", last_id), at=nginx)
    assert stream.next().data == "meanwhile"


def test_a_slow_reader_does_not_hold_a_bridge(environment, broker, opened, publisher, slowness):
    bridge = environment.bridge(broker)
    nginx = environment.nginx(locations(bridge))
    wait_live(nginx)
    reader = opened("/events/?channel=held", at=nginx, buffer_bytes=16 << 10)
    reader.wait_id()
    for _ in range(80):  # more than all buffers on the way hold
        publisher.publish("held", "x" * 100_000)
    assert nginx.wait_status("/now/?channel=held&cursor=0", 200)
    began = time.monotonic()
    bridge.signal(signal.SIGTERM)
    assert bridge.wait(5 * slowness) == 0
    assert time.monotonic() - began < 5 * slowness


def test_a_broker_that_is_away(environment, opened):
    broker = environment.broker()
    bridge = environment.bridge(broker)
    nginx = environment.nginx(locations(bridge))
    wait_live(nginx)
    before = opened("/events/?channel=away", at=nginx, bound_s=60)
    before.wait_id()
    broker.ctl("stop_app")
    nginx.wait_status("/now/?channel=away", 503)
    meanwhile = opened("/events/?channel=away", at=nginx, bound_s=60)
    assert meanwhile.status == 200
    broker.ctl("start_app")
    wait_until(lambda: bridge.log().count("the history is read") == 2, 30,
               what="the history is read again")
    with Publisher(broker) as publisher:
        publisher.publish("away", "back")
    assert before.next().data == "back"
    assert meanwhile.next().data == "back"
