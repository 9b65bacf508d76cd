"""Long polls: publications reach waiting clients, and clients that resume with their cursor
miss nothing."""
import base64
import signal
import time

import pytest

from support.publisher import Publisher
from support.subscribing import wait_live, wait_parked
from support.waiting import wait_until

JSON = ("Accept", "application/json")
LITERAL = "$arg_channel"


def locations(bridge, **more):
    """Polls of a channel that the client names: with patience, with little, with none."""
    return {"/poll": (bridge, {"CREW_SUBSCRIBE": LITERAL, "CREW_SUBSCRIBE_TIMEOUT": "20"}),
            "/long": (bridge, {"CREW_SUBSCRIBE": LITERAL, "CREW_SUBSCRIBE_TIMEOUT": "90"}),
            "/short": (bridge, {"CREW_SUBSCRIBE": LITERAL, "CREW_SUBSCRIBE_TIMEOUT": "0.5"}),
            "/now": (bridge, {"CREW_SUBSCRIBE": LITERAL, "CREW_SUBSCRIBE_TIMEOUT": "0"}),
            **{f"/{name}": (bridge, {"CREW_SUBSCRIBE": f'"{channels}"',
                                     "CREW_SUBSCRIBE_PATTERN": "1"})
               for name, channels in more.items()}}


@pytest.fixture(scope="module")
def bridge(module_environment, broker):
    return module_environment.bridge(broker, "--logging", "debug")


@pytest.fixture(scope="module")
def nginx(module_environment, bridge):
    nginx = module_environment.nginx(locations(bridge, one="orders.*", many="stock.#,news",
                                               exact="alarm"))
    wait_live(nginx)
    return nginx


def parked(nginx, bridge, path, headers=()):
    """A poll that waits."""
    before = bridge.log().count("(subscription): validating -> waiting")
    poll = nginx.begin("GET", path, headers=headers)
    wait_parked(bridge, before + 1)
    return poll


def listed(nginx, channel, cursor, count):
    """The answer with all COUNT messages behind CURSOR, once the bridge has them."""
    def whole():
        answer = nginx.get(f"/poll/?channel={channel}", [("Crew-Cursor", cursor), JSON])
        return len(answer.json) == count and answer

    return wait_until(whole)


def follow(nginx, channel, answer, headers=()):
    """The next poll of who has had ANSWER."""
    return nginx.get(f"/poll/?channel={channel}",
                     [("Crew-Cursor", answer.header("Crew-Cursor")), *headers])


# ---- messages


def test_a_message_ends_the_poll(nginx, bridge, publisher):
    poll = parked(nginx, bridge, "/poll/?channel=first")
    other = parked(nginx, bridge, "/poll/?channel=other")
    publisher.publish("first", "hello", "text/plain; charset=utf-8")
    answer = poll.receive()
    assert (answer.status, answer.text) == (200, "hello")
    assert answer.header("Content-Type") == "text/plain; charset=utf-8"
    assert answer.header("Cache-Control") == "no-store"
    assert answer.header("Crew-Channel") == "first"
    assert answer.header("Crew-Cursor").isdigit()
    assert answer.header("Crew-Gap") is None
    publisher.publish("other", b"\xff\x00")
    answer = other.receive()
    assert (answer.body, answer.header("Content-Type")) == (b"\xff\x00",
                                                           "application/octet-stream")


def test_what_was_published_between_two_polls(nginx, publisher):
    cursor = wait_live(nginx)
    for number in range(3):
        publisher.publish("between", f"{number}")
        publisher.publish("elsewhere", "x")
    answer = nginx.get("/poll/?channel=between", [("Crew-Cursor", cursor)])
    assert answer.text == "0"
    answer = follow(nginx, "between", answer)
    assert answer.text == "1"
    cursor = answer.header("Crew-Cursor")
    assert nginx.get("/poll/?channel=between", [("Last-Event-ID", cursor)]).text == "2"
    assert nginx.get(f"/poll/?channel=between&cursor={cursor}").text == "2"


def test_many_polls_of_a_channel(nginx, bridge, publisher):
    polls = [parked(nginx, bridge, "/poll/?channel=crowd") for _ in range(20)]
    listing = parked(nginx, bridge, "/poll/?channel=crowd", [JSON])
    publisher.publish("crowd", "all of you")
    answers = [poll.receive() for poll in polls]
    assert {answer.text for answer in answers} == {"all of you"}
    assert len({answer.header("Crew-Cursor") for answer in answers}) == 1
    assert [item["data"] for item in listing.receive().json] == ["all of you"]


def test_json_has_all_that_waits(nginx, publisher):
    cursor = wait_live(nginx)
    binary = bytes(range(256))
    publisher.publish("listed", '{"a": "\u00e4"}\n', "application/json", "them.1")
    publisher.publish("listed", binary)
    answer = listed(nginx, "listed", cursor, 2)
    assert answer.header("Content-Type") == "application/json"
    text, bytes_ = answer.json
    assert int(text.pop("cursor")) < int(bytes_["cursor"])
    assert bytes_["cursor"] == answer.header("Crew-Cursor")
    assert text == {"id": "them.1", "channel": "listed", "content_type": "application/json",
                    "data": '{"a": "\u00e4"}\n'}
    assert base64.b64decode(bytes_["data_base64"]) == binary
    assert bytes_["content_type"] == "application/octet-stream"
    assert bytes_["id"] == ""
    plain = nginx.get("/poll/?channel=listed", [("Crew-Cursor", cursor), ("Accept", "*/*")])
    assert plain.header("Content-Type") == "application/json"
    assert plain.text == '{"a": "\u00e4"}\n'
    refused = ("Accept", "application/json;q=0, */*")
    plain = nginx.get("/poll/?channel=listed", [("Crew-Cursor", answer.json[0]["cursor"]),
                                                refused])
    assert plain.body == binary


def test_json_of_a_parked_poll(nginx, bridge, publisher):
    poll = parked(nginx, bridge, "/poll/?channel=later", [JSON])
    publisher.publish("later", "come")
    assert [item["data"] for item in poll.receive().json] == ["come"]


def test_json_is_bounded(nginx, publisher):
    cursor = wait_live(nginx)
    for _ in range(5):
        publisher.publish("large", "x" * 300_000)
    first = listed(nginx, "large", cursor, 3)
    listed(nginx, "large", first.header("Crew-Cursor"), 2)


# ---- no message


def test_an_empty_poll_ends_with_the_cursor(nginx, publisher):
    answer = nginx.get("/short/?channel=quiet")
    assert (answer.status, answer.body) == (204, b"")
    assert 0.4 < answer.seconds < 3
    assert answer.header("Cache-Control") == "no-store"
    publisher.publish("quiet", "at last")
    assert follow(nginx, "quiet", answer).text == "at last"


def test_head_and_other_methods(nginx, publisher):
    cursor = ("Crew-Cursor", wait_live(nginx))
    publisher.publish("methods", "body")
    with nginx.client() as client:
        answer = client.request("HEAD", "/poll/?channel=methods", headers=[cursor])
        assert (answer.status, answer.body) == (200, b"")
        assert answer.header("Content-Length") == "4"
        assert client.get("/poll/?channel=methods", [cursor]).text == "body"
        posted = client.post("/poll/?channel=methods", b"ignored", [cursor])
        assert (posted.status, posted.text) == (200, "body")
        refused = client.request("DELETE", "/poll/?channel=methods")
    assert (refused.status, refused.error) == (405, "bad-request")
    assert refused.header("Allow") == "GET, HEAD, POST"


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "18446744073709551616"])
def test_a_cursor_that_is_none(nginx, cursor):
    answer = nginx.get("/poll/?channel=c", [("Crew-Cursor", cursor)])
    assert (answer.status, answer.error) == (400, "bad-request")


def test_an_empty_cursor_is_as_none(nginx, publisher):
    cursor = wait_live(nginx)
    publisher.publish("empty", "x")
    assert nginx.get(f"/poll/?channel=empty&cursor={cursor}",
                     [("Crew-Cursor", ""), ("Last-Event-ID", "")]).text == "x"


# ---- channels


def test_patterns(nginx, bridge, publisher):
    one = parked(nginx, bridge, "/one/")
    many = parked(nginx, bridge, "/many/")
    exact = parked(nginx, bridge, "/exact/")
    for channel in ("orders", "orders.a.b", "stockings", "new", "alarms"):
        publisher.publish(channel, "not this")
    publisher.publish("orders.a", "1")
    publisher.publish("stock.a.b", "2")
    publisher.publish("alarm", "3")
    got = [poll.receive() for poll in (one, many, exact)]
    assert [answer.text for answer in got] == ["1", "2", "3"]
    assert [answer.header("Crew-Channel") for answer in got] == ["orders.a", "stock.a.b",
                                                                "alarm"]
    second = nginx.begin("GET", "/many/",
                         headers=[("Crew-Cursor", got[1].header("Crew-Cursor"))])
    publisher.publish("news", "4")
    assert second.receive().text == "4"


def test_a_channel_of_the_client_is_no_pattern(nginx, bridge, publisher):
    for channel in ("secret.*", "*", "%23"):
        answer = nginx.get(f"/short/?channel={channel}")
        assert answer.status in (204, 400), channel
    comma = parked(nginx, bridge, "/poll/?channel=secret.a,b")
    publisher.publish("secret.a", "not this")
    publisher.publish("b", "not this")
    publisher.publish("secret.a,b", "this")
    assert comma.receive().text == "this"


# ---- repeats


def test_repeats_are_dropped(nginx, publisher):
    cursor = wait_live(nginx)
    for number in (1, 2, 2, 1, 3):
        publisher.publish("again", f"{number}", message_id=f"publisher.{number}")
    for body in ("same", "same"):
        publisher.publish("again", body)
    publisher.publish("again", "end", message_id="publisher.4")

    found = listed(nginx, "again", cursor, 6).json
    assert [item["data"] for item in found] == ["1", "2", "3", "same", "same", "end"]


# ---- hang-ups and limits


def test_a_disconnected_client_is_not_counted(nginx, bridge, publisher, slowness):
    polls = [parked(nginx, bridge, "/poll/?channel=gone") for _ in range(10)]
    there = bridge.descriptors()
    began = time.monotonic()
    for poll in polls:
        poll.close()
    wait_until(lambda: bridge.descriptors() <= there - 10, 5, what="connections are closed")
    assert time.monotonic() - began < 1 * slowness
    publisher.publish("gone", "to nobody")
    assert bridge.alive()


def test_max_parked(environment, broker, publisher):
    bridge = environment.bridge(broker, "--logging", "debug", "--max-parked", "2",
                                "--max-inflight", "1")
    nginx = environment.nginx(locations(bridge))
    wait_live(nginx)
    polls = [parked(nginx, bridge, "/poll/?channel=full") for _ in range(2)]
    refused = nginx.get("/poll/?channel=full")
    assert (refused.status, refused.error) == (503, "overloaded")
    assert refused.header("Retry-After")
    assert nginx.get("/now/?channel=full").status == 204
    publisher.publish("full", "room again")
    assert [poll.receive().text for poll in polls] == ["room again"] * 2
    parked(nginx, bridge, "/poll/?channel=full").close()


# ---- ends of the bridge


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_a_bridge_that_leaves_ends_its_polls(environment, broker, signum, slowness):
    bridge = environment.bridge(broker, "--logging", "debug")
    nginx = environment.nginx(locations(bridge))
    cursor = wait_live(nginx)
    polls = [parked(nginx, bridge, "/poll/?channel=left") for _ in range(3)]
    began = time.monotonic()
    bridge.signal(signum)
    for poll in polls:
        answer = poll.receive()
        assert answer.status == 204
        assert int(answer.header("Crew-Cursor")) >= int(cursor)
    assert bridge.wait(5 * slowness) == 0
    assert time.monotonic() - began < 5 * slowness


def test_a_cursor_is_good_at_any_bridge(environment, broker, nginx, publisher):
    cursor = ("Crew-Cursor", wait_live(nginx))
    publisher.publish("anywhere", "1")
    bridge = environment.bridge(broker)
    second = environment.nginx(locations(bridge))
    answer = second.get("/poll/?channel=anywhere", [cursor])
    assert (answer.text, answer.header("Crew-Gap")) == ("1", None)
    cursor = ("Crew-Cursor", answer.header("Crew-Cursor"))
    bridge.stop()
    publisher.publish("anywhere", "2")
    bridge.start()
    second.wait_status("/now/?channel=nobody", 204)
    answer = second.get("/poll/?channel=anywhere", [cursor])
    assert (answer.text, answer.header("Crew-Gap")) == ("2", None)


# ---- gaps


def test_deleted_history(environment, broker, publisher):
    bridge = environment.bridge(broker, "--history-bytes", "100K")
    nginx = environment.nginx(locations(bridge))
    cursor = ("Crew-Cursor", wait_live(nginx))
    for number in range(30):
        publisher.publish("long", f"{number:02}" + "x" * 20_000)
    publisher.publish("mark", "end")
    assert nginx.get("/poll/?channel=mark", [cursor]).text == "end"
    first = nginx.get("/poll/?channel=long", [cursor])
    assert first.header("Crew-Gap") == "1"
    assert int(first.text[:2]) > 20
    second = follow(nginx, "long", first)
    assert second.header("Crew-Gap") is None
    assert int(second.text[:2]) == int(first.text[:2]) + 1


def test_a_cursor_of_another_history(nginx, publisher):
    wait_live(nginx)
    publisher.publish("foreign", "there")
    answer = nginx.get(f"/poll/?channel=foreign&cursor={10 ** 18}")
    assert (answer.status, answer.text) == (200, "there")
    assert answer.header("Crew-Gap") == "1"
    assert int(answer.header("Crew-Cursor")) < 10 ** 18


# ---- the broker


@pytest.fixture
def own(environment):
    """A broker to be broken, with a bridge and nginx."""
    broker = environment.broker()
    bridge = environment.bridge(broker, "--logging", "debug")
    nginx = environment.nginx(locations(bridge))
    wait_live(nginx)
    return broker, bridge, nginx


def wait_back(bridge):
    """The bridge, and with it the stream, is there again: for half a second after its start
    the broker routes nothing to a stream."""
    wait_until(lambda: bridge.log().count("the history is read") == 2, 30,
               what="the history is read again")


def test_a_broker_that_restarts_meanwhile(own):
    broker, bridge, nginx = own
    poll = parked(nginx, bridge, "/long/?channel=restart")
    broker.restart()
    wait_back(bridge)
    with Publisher(broker) as publisher:
        publisher.publish("restart", "after")
    answer = poll.receive()
    assert (answer.status, answer.text, answer.header("Crew-Gap")) == (200, "after", None)


def test_connections_that_are_closed(own):
    broker, bridge, nginx = own
    poll = parked(nginx, bridge, "/long/?channel=closed")
    broker.ctl("close_all_connections", "a test")
    with Publisher(broker) as publisher:
        publisher.publish("closed", "after")
        publisher.publish("closed", "and more")
    answer = poll.receive()
    assert (answer.text, answer.header("Crew-Gap")) == ("after", None)
    assert follow(nginx, "closed", answer).text == "and more"


def test_a_broker_that_is_away(own):
    broker, bridge, nginx = own
    waiting = parked(nginx, bridge, "/long/?channel=away")
    known = parked(nginx, bridge, "/short/?channel=away")
    broker.ctl("stop_app")
    answer = known.receive()
    assert answer.status == 204
    refused = nginx.wait_status("/poll/?channel=away", 503)
    assert refused.error == "broker"
    assert refused.header("Retry-After")
    assert refused.seconds < 2
    broker.ctl("start_app")
    wait_back(bridge)
    with Publisher(broker) as publisher:
        publisher.publish("away", "back")
    assert waiting.receive().text == "back"


def test_a_broker_that_was_never_there(environment, broker):
    class Nowhere:
        url = "amqp://guest:guest@127.0.0.1:1"

    bridge = environment.bridge(Nowhere, connected=False)
    nginx = environment.nginx(locations(bridge))
    answer = nginx.get("/short/?channel=c")
    assert (answer.status, answer.error) == (503, "broker")
