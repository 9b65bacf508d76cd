"""Locations that publish: what subscribers receive, what the client is answered, and that both
agree whatever happens to the broker."""
import re
import threading
import time

import pytest

from support.broker import Several
from support.http import Client
from support.program import SLOWNESS, free_port
from support.subscriber import Subscriber
from support.waiting import wait_until

MAX_BODY = 16 << 20
NOW_S = 1.0


@pytest.fixture(scope="module")
def front(module_environment, broker):
    """nginx and a bridge; no worker anywhere."""
    bridge = module_environment.bridge(broker)
    return module_environment.nginx({"/news": (bridge, {"CREW_PUBLISH": "news.de"}),
                                     "/kept": (bridge, {"CREW_PUBLISH": "news", "CREW_PERSISTENT": "1"}),
                                     "/to": (bridge, {"CREW_PUBLISH": "$arg_channel"})})


@pytest.fixture
def subscriber(broker):
    with Subscriber(broker) as subscriber:
        yield subscriber


def publish(front, path, body=b"", headers=()):
    """Its id."""
    answer = front.post(path, body, headers)
    assert (answer.status, answer.error) == (202, None), answer
    assert answer.header("Content-Type") == "text/plain; charset=utf-8"
    assert re.fullmatch(r"[0-9a-f]{16}\.[1-9][0-9]*\n", answer.text)
    return answer.text.strip()


def test_a_subscriber_gets_it(front, subscriber):
    name = publish(front, "/news/", b"hello", [("Content-Type", "text/neo; charset=x")])
    [message] = subscriber.take()
    assert (message.channel, message.id, message.body) == ("news.de", name, b"hello")
    assert message.properties.content_type == "text/neo; charset=x"
    assert message.properties.delivery_mode == 1
    assert abs(message.properties.timestamp - time.time()) < 60


@pytest.mark.parametrize("body", [b"", b"\0\xff\r\n" * 3, bytes(range(256)) * 40000],
                         ids=["empty", "binary", "10 MB"])
def test_bodies(front, subscriber, body):
    publish(front, "/news/", body)
    [message] = subscriber.take()
    assert message.body == body
    assert message.properties.content_type == "application/octet-stream"


def test_put(front, subscriber):
    with front.client() as client:
        assert client.request("PUT", "/news/", b"put").status == 202
    assert [message.body for message in subscriber.take()] == [b"put"]


def test_persistent(front, subscriber):
    publish(front, "/kept/")
    assert subscriber.take()[0].properties.delivery_mode == 2


def test_id_as_json(front, subscriber):
    answer = front.post("/news/", b"x", [("Accept", "text/html, application/json")])
    assert (answer.status, answer.header("Content-Type")) == (202, "application/json")
    assert answer.json == {"id": subscriber.take()[0].id}


def test_without_subscribers(front):
    publish(front, "/news/", b"x")


def test_channel_of_the_client(front, subscriber):
    publish(front, "/to/?channel=room.7", b"x")
    assert [message.channel for message in subscriber.take()] == ["room.7"]
    for name in ("*", "room.*.x", "x" * 256):
        answer = front.post(f"/to/?channel={name}", b"x")
        assert (answer.status, answer.error) == (400, "bad-request"), name
        assert "CREW_PUBLISH" in answer.text
    assert subscriber.take() == []


def test_not_published(front, subscriber):
    answer = front.get("/news/")
    assert (answer.status, answer.error) == (405, "bad-request")
    assert answer.header("Allow") == "POST, PUT"
    answer = front.post("/news/", b"x" * (MAX_BODY + 1))
    assert (answer.status, answer.error) == (413, "too-large")
    answer = front.post("/news/", b"x", [("Content-Type", "t" * 256)])
    assert (answer.status, answer.error) == (400, "bad-request")
    assert subscriber.take() == []


class Publisher(threading.Thread):
    """Publishes "NAME NUMBER", one after the other over one connection, COUNT of them or
    until stopped; keeps (number, answer)."""

    def __init__(self, front, path, name, count=None):
        super().__init__(daemon=True)
        self.front, self.path, self.name, self.count = front, path, name, count
        self.ending, self.answers = False, []
        self.start()

    def run(self):
        with Client(self.front.port) as client:
            number = 0
            while number != self.count and not self.ending:
                body = f"{self.name} {number}".encode()
                self.answers.append((number, client.post(self.path, body)))
                number += 1

    def finish(self):
        self.ending = self.count is None
        self.join(60 * SLOWNESS)
        assert not self.is_alive()
        return self.answers

    def accepted(self):
        return [(number, answer.text.strip()) for number, answer in self.answers
                if answer.status == 202]


def number_of(name):
    return int(name.rpartition(".")[2])


def test_many_at_once(front, subscriber):
    """None is lost, and the ids are in the order of messages."""
    publishers = [Publisher(front, "/news/", name, 25) for name in range(8)]
    for publisher in publishers:
        publisher.finish()
    messages = subscriber.take()
    numbers = [number_of(message.id) for message in messages]
    assert numbers == list(range(numbers[0], numbers[0] + 200))
    bodies = {message.id: message.body.decode() for message in messages}
    for publisher in publishers:
        got = publisher.accepted()
        assert [bodies[name] for _, name in got] == [f"{publisher.name} {n}" for n in range(25)]
        assert sorted(number_of(name) for _, name in got) == [number_of(name) for _, name in got]


def test_a_full_queue_refuses(front, broker):
    full = {"x-max-length": 0, "x-overflow": "reject-publish"}
    with Subscriber(broker, "#", **full):
        answer = front.post("/news/", b"x")
        assert (answer.status, answer.error) == (503, "overloaded"), answer
        assert answer.header("Retry-After")
        assert "subscriber" in answer.text
    publish(front, "/news/", b"x")


def refused(answer):
    """503 at once, with an invitation to come back."""
    assert (answer.status, answer.error) == (503, "broker"), answer
    assert answer.header("Retry-After")
    assert answer.seconds < NOW_S * SLOWNESS
    return True


def test_broker_away(environment):
    bridge = environment.bridge(Several(f"amqp://127.0.0.1:{free_port()}"), connected=False)
    front = environment.nginx({"/news": (bridge, {"CREW_PUBLISH": "news"})})
    assert refused(front.post("/news/", b"x"))
    answer = front.post("/news/", b"x", [("Accept", "application/json")])
    assert refused(answer)
    assert answer.json["error"] == "broker"


# ---- a broker of one's own, to be broken

@pytest.fixture(scope="module")
def rough(module_environment):
    """A broker and what stands in front of it."""
    broker = module_environment.broker()
    bridge = module_environment.bridge(broker, "-v")
    front = module_environment.nginx({"/news": (bridge, {"CREW_PUBLISH": "news", "CREW_PERSISTENT": "1",
                                                         "CREW_EXPIRATION": "60"})})
    return broker, bridge, front


@pytest.fixture
def kept(rough):
    """A queue that survives the broker."""
    with Subscriber(rough[0], "#", "kept") as kept:
        kept.take()
        yield kept


def without_repeats(messages):
    """As every subscriber reads: a number that is not above the highest one of this
    publisher is a repeat."""
    highest, read = 0, []
    for message in messages:
        if message.number > highest:
            highest = message.number
            read.append(message)
    return read


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_broker_restarts_meanwhile(rough, kept, end):
    """What was answered with 202 is received, what was answered as not published is not;
    each request is answered, and the order is kept."""
    broker, _, front = rough
    publishers = [Publisher(front, "/news/", f"{end}{name}") for name in range(4)]
    wait_until(lambda: all(len(p.accepted()) > 50 for p in publishers), 30 * SLOWNESS)
    kept.close()
    getattr(broker, end)()
    broker.restart()
    before = [len(p.accepted()) for p in publishers]
    wait_until(lambda: all(len(p.accepted()) > n + 50 for p, n in zip(publishers, before)),
               30 * SLOWNESS, what="publishing goes on")
    for publisher in publishers:
        publisher.finish()
    kept.reconnect()
    messages = without_repeats(kept.take())
    ids = {message.body.decode(): message.id for message in messages}
    assert len(ids) == len(messages), "something is there twice, under two ids"
    heard = list(ids)
    for publisher in publishers:
        mine = [int(body.split()[1]) for body in heard if body.split()[0] == publisher.name]
        assert mine == sorted(mine)
        for number, answer in publisher.answers:
            body = f"{publisher.name} {number}"
            if answer.status == 202:
                assert ids[body] == answer.text.strip()
            elif answer.error == "broker":
                assert body not in ids
            else:
                assert (answer.status, answer.error) == (502, "lost"), answer


def test_client_hangs_up(rough, kept):
    """Its message is published all the same."""
    broker, bridge, front = rough
    broker.pause()
    try:
        for number in range(3):
            before = bridge.log().count("(publication): validating -> waiting")
            gone = front.begin("POST", "/news/", b"gone%d" % number)
            wait_until(lambda n=before: bridge.log().count("(publication): validating -> waiting") > n)
            gone.close()
        stays = front.begin("POST", "/news/", b"stays")
    finally:
        broker.resume()
    assert stays.receive().status == 202
    assert [message.body for message in kept.take()] == [b"gone0", b"gone1", b"gone2", b"stays"]


def test_memory_alarm(rough, kept):
    """What was written waits; what comes then is turned away."""
    broker, bridge, front = rough
    broker.ctl("set_vm_memory_high_watermark", "0.000001")
    try:
        waits = front.begin("POST", "/news/", b"waits")
        bridge.wait_log("blocked")
        assert refused(front.post("/news/", b"turned away"))
    finally:
        broker.ctl("set_vm_memory_high_watermark", "0.6")
    assert waits.receive().status == 202
    wait_until(lambda: front.post("/news/", b"again").status == 202)
    assert [message.body for message in kept.take()] == [b"waits", b"again"]
