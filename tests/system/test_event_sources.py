"""Server-sent events as clients take them that know nothing of crew."""
import re
import subprocess

import pytest
from event_sources import Node, Tab, chromium
from pair import Pair, kill, restart

from support.program import binary

ELSEWHERE = 10**15  # a cursor that no history has reached


class House:
    """Two bridges behind nginx."""

    def __init__(self, stage, broker):
        self.broker = broker
        self.bridges = [stage.bridge(broker) for _ in range(2)]
        self.nginx = stage.keep(Pair(stage.folder, self.bridges)).start()

    def publish(self, channel, *bodies):
        for body in bodies:
            subprocess.run([binary("crewctl"), "publish", "--url", self.broker.url, channel,
                            "-"], input=body.encode(), check=True, stdout=subprocess.DEVNULL)

    def cursor(self):
        """Of what was published last."""
        return self.nginx.wait_status("/now/nothing", 204).header("Crew-Cursor")


@pytest.fixture(scope="module")
def shared(house, broker):
    return House(house, broker)


@pytest.fixture(scope="module")
def driver():
    driver = chromium()
    yield driver
    driver.quit()


@pytest.fixture(params=["chromium", "node"])
def listen(request, stage):
    """Opens an EventSource at a path of a house, for events with some names, too."""
    opened = []

    def listen(house, path, *names):
        url = house.nginx.address + path
        if request.param == "node":
            return stage.keep(Node(stage.folder, url, names)).launch()
        driver = request.getfixturevalue("driver")
        driver.get(house.nginx.address + "/no-such-location")  # of the same origin
        opened.append(Tab(driver, url, names))
        return opened[-1]

    yield listen
    for tab in opened:
        tab.stop()


@pytest.fixture
def channel(request):
    """A name that no other test uses."""
    return re.sub(r"\W+", "-", request.node.name)


def test_messages(shared, listen, channel):
    shared.cursor()
    source = listen(shared, f"/channel/{channel}")
    source.wait_open()
    texts = ["plain", "two\nlines", "", " äöü \U0001f600", '{"a": 1}\n', ":", "x" * 100000]
    shared.publish("another", "not for this one")
    shared.publish(channel, *texts)
    source.wait_heard(*[("message", text) for text in texts])
    ids = [int(event["id"]) for event in source.all() if event["type"] == "message"]
    assert ids == sorted(set(ids))


def test_line_ends(shared, listen, channel):
    """They are all one to an EventSource."""
    source = listen(shared, f"/channel/{channel}?cursor={shared.cursor()}")
    shared.publish(channel, "a\rb\r\nc\nd")
    source.wait_heard(("message", "a\nb\nc\nd"))


def test_a_pattern_says_which_channel(shared, listen, channel):
    one, two = f"{channel}.one", f"{channel}.two"
    source = listen(shared, f"/pattern/{channel}.*?cursor={shared.cursor()}", one, two)
    shared.publish(one, "1")
    shared.publish(f"{two}.three", "not for this one")
    shared.publish(two, "2")
    source.wait_heard((one, "1"), (two, "2"))


def both(do):
    return lambda house: [do(bridge) for bridge in house.bridges]


@pytest.mark.parametrize("lose", [both(restart), both(kill), lambda house: house.nginx.drop_all()],
                         ids=["bridges-stop", "bridges-killed", "nginx-drops"])
def test_resumes(shared, listen, channel, lose):
    """Each once: what came before, while it was not connected, and later."""
    source = listen(shared, f"/channel/{channel}?cursor={shared.cursor()}")
    shared.publish(channel, "1", "2")
    source.wait_heard(("message", "1"), ("message", "2"))
    lose(shared)
    shared.publish(channel, "3")
    source.wait_open(2)
    shared.publish(channel, "4")
    source.wait_heard(*[("message", text) for text in "1234"])


def test_a_gap_is_told(shared, listen, channel):
    """Its cursor is from another history. When it comes back all is well."""
    shared.publish(channel, "old")
    source = listen(shared, f"/channel/{channel}?cursor={ELSEWHERE}")
    cursor = source.wait_count(2)[1]["id"]
    source.wait_heard(("gap", cursor), ("message", "old"))
    shared.nginx.drop_all()
    shared.publish(channel, "new")
    source.wait_heard(("gap", cursor), ("message", "old"), ("message", "new"))


def test_the_broker_is_away(stage, listen):
    """A bridge that has not found its broker yet does not send anybody away for ever."""
    house = House(stage, stage.broker())
    source = listen(house, f"/channel/away?cursor={house.cursor()}")
    house.publish("away", "1")
    source.wait_heard(("message", "1"))
    house.broker.stop()
    both(restart)(house)
    source.wait_open(2)
    house.broker.restart()
    house.publish("away", "2")
    source.wait_heard(("message", "1"), ("message", "2"))
