"""Server-sent events, received by EventSource in Chromium and Node.js."""
import re
import subprocess

import pytest
from sse_clients import Node, Tab, chromium
from bridge_pair import BridgePair, kill, restart

from support.program import binary

ELSEWHERE = 10**15  # a cursor that no history has reached


class Site:
    """Two bridges behind nginx."""

    def __init__(self, environment, broker):
        self.broker = broker
        self.bridges = [environment.bridge(broker) for _ in range(2)]
        self.nginx = environment.keep(BridgePair(environment.folder, self.bridges)).start()

    def publish(self, channel, *bodies):
        for body in bodies:
            subprocess.run([binary("crewctl"), "publish", "--url", self.broker.url, channel,
                            "-"], input=body.encode(), check=True, stdout=subprocess.DEVNULL)

    def cursor(self):
        """The cursor of the last publication."""
        return self.nginx.wait_status("/now/nothing", 204).header("Crew-Cursor")


@pytest.fixture(scope="module")
def shared(module_environment, broker):
    return Site(module_environment, broker)


@pytest.fixture(scope="module")
def driver():
    driver = chromium()
    yield driver
    driver.quit()


@pytest.fixture(params=["chromium", "node"])
def listen(request, environment):
    """Opens an EventSource at a path of a site that listens to the named events, too."""
    opened = []

    def listen(site, path, *names):
        url = site.nginx.address + path
        if request.param == "node":
            return environment.keep(Node(environment.folder, url, names)).launch()
        driver = request.getfixturevalue("driver")
        driver.get(site.nginx.address + "/no-such-location")  # of the same origin
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
    source.wait_events(*[("message", text) for text in texts])
    ids = [int(event["id"]) for event in source.all() if event["type"] == "message"]
    assert ids == sorted(set(ids))


def test_line_ends(shared, listen, channel):
    """EventSource turns each kind into LF."""
    source = listen(shared, f"/channel/{channel}?cursor={shared.cursor()}")
    shared.publish(channel, "a\rb\r\nc\nd")
    source.wait_events(("message", "a\nb\nc\nd"))


def test_a_pattern_says_which_channel(shared, listen, channel):
    one, two = f"{channel}.one", f"{channel}.two"
    source = listen(shared, f"/pattern/{channel}.*?cursor={shared.cursor()}", one, two)
    shared.publish(one, "1")
    shared.publish(f"{two}.three", "not for this one")
    shared.publish(two, "2")
    source.wait_events((one, "1"), (two, "2"))


def both(do):
    return lambda site: [do(bridge) for bridge in site.bridges]


@pytest.mark.parametrize("lose", [both(restart), both(kill), lambda site: site.nginx.drop_all()],
                         ids=["bridges-stop", "bridges-killed", "nginx-drops"])
def test_resumes(shared, listen, channel, lose):
    """Each message arrives once, whether published before, during or after the interruption."""
    source = listen(shared, f"/channel/{channel}?cursor={shared.cursor()}")
    shared.publish(channel, "1", "2")
    source.wait_events(("message", "1"), ("message", "2"))
    lose(shared)
    shared.publish(channel, "3")
    source.wait_open(2)
    shared.publish(channel, "4")
    source.wait_events(*[("message", text) for text in "1234"])


def test_a_gap_is_reported(shared, listen, channel):
    """The cursor is from another history: a gap, and none after the reconnect."""
    shared.publish(channel, "old")
    source = listen(shared, f"/channel/{channel}?cursor={ELSEWHERE}")
    cursor = source.wait_count(2)[1]["id"]
    source.wait_events(("gap", cursor), ("message", "old"))
    shared.nginx.drop_all()
    shared.publish(channel, "new")
    source.wait_events(("gap", cursor), ("message", "old"), ("message", "new"))


def test_the_broker_is_down(environment, listen):
    """A bridge that is not yet connected answers such that EventSource tries again."""
    site = Site(environment, environment.broker())
    source = listen(site, f"/channel/away?cursor={site.cursor()}")
    site.publish("away", "1")
    source.wait_events(("message", "1"))
    site.broker.stop()
    both(restart)(site)
    source.wait_open(2)
    site.broker.restart()
    site.publish("away", "2")
    source.wait_events(("message", "1"), ("message", "2"))
