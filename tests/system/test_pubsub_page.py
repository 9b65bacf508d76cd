"""The locations in docs/pubsub.md behave as documented."""
import os
import re

import pytest

from support.nginx import Nginx
from support.program import ROOT
from support.subscribing import EventSource, wait_parked
from support.waiting import wait_until


class Documented(Nginx):
    """With the locations of the page, besides its own, for the same bridge."""

    def page(self):
        [(bridge, _)] = self.locations.values()
        with open(os.path.join(ROOT, "docs", "pubsub.md"), encoding="utf-8") as file:
            found = re.findall(r"^    location .*?^    }$", file.read(),
                               re.MULTILINE | re.DOTALL)
        assert len(found) == 6
        text = "\n".join(found).replace("include fastcgi_params", "include /etc/nginx/fastcgi_params")
        text = text.replace("fastcgi_pass crew;", f"fastcgi_pass b{id(bridge)};")
        return super().page().replace("fastcgi_read_timeout", text + "\nfastcgi_read_timeout")


@pytest.fixture(scope="module")
def bridge(module_environment, broker):
    return module_environment.bridge(broker, "--logging", "debug")


@pytest.fixture(scope="module")
def nginx(module_environment, module_folder, broker, bridge):
    module_environment.worker(broker)
    nginx = module_environment.keep(Documented(str(module_folder), {"/p": (bridge, {})})).start()
    nginx.wait_status("/p/hello", 200)
    return nginx


def parked(nginx, bridge, path):
    before = bridge.log().count("(subscription): validating -> waiting")
    poll = nginx.begin("GET", path)
    wait_parked(bridge, before + 1)
    return poll


def wait_cursor(nginx, publisher):
    """The bridge is up to date; a cursor of now."""
    def answered():
        publisher.publish("chat.start", "x")
        with EventSource(nginx, "/channel/?room=start") as stream:
            return stream.wait_id()

    return wait_until(answered)


def test_streams_and_polls(nginx, bridge, publisher):
    wait_cursor(nginx, publisher)
    with EventSource(nginx, "/events/?channel=sport") as stream:
        stream.wait_id()
        poll = parked(nginx, bridge, "/poll/?channel=sport")
        overview = parked(nginx, bridge, "/overview/")
        publisher.publish("news.sport", "2:1")
        assert stream.next().data == "2:1"
        assert poll.receive().text == "2:1"
        assert overview.receive().header("Crew-Channel") == "news.sport"


def test_one_location_for_both(nginx, bridge, publisher):
    wait_cursor(nginx, publisher)
    with EventSource(nginx, "/channel/?room=7") as stream:
        stream.wait_id()
        poll = parked(nginx, bridge, "/channel/?room=7")
        sent = nginx.post("/channel/?room=7", b"hello", [("Content-Type", "text/plain"),
                                                         ("Accept", "application/json")])
        assert sent.status == 202
        answer = poll.receive()
        assert (answer.text, answer.header("Content-Type")) == ("hello", "text/plain")
        assert stream.next().data == "hello"
    listed = nginx.get(f"/channel/?room=7&cursor={int(answer.header('Crew-Cursor')) - 1}",
                       [("Accept", "application/json")])
    assert [item["id"] for item in listed.json] == [sent.json["id"]]


def test_a_handler_lets_in(nginx, bridge, publisher):
    wait_cursor(nginx, publisher)
    assert nginx.get("/listen/private.42").status == 404
    poll = parked(nginx, bridge,
                  "/p/header?name=X-Accel-Redirect&value=/listen/private.42")
    publisher.publish("private.42", "for you")
    assert poll.receive().text == "for you"
