"""EventSource implementations of others: Chromium's, and Debian's node-eventsource."""
import json
import os

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from support.program import Program
from support.waiting import wait_until

EVENT_BOUND_S = 20
OPEN = """
    const [url, names, told] = arguments;
    const source = new EventSource(url);
    window[told] = {source: source, events: []};
    for (const name of ["open", "error", "message", "gap", ...names]) {
        source.addEventListener(name, (event) => window[told].events.push(
            {type: event.type, data: event.data, id: event.lastEventId}));
    }
"""


class Source:
    """The events that an EventSource has fired."""

    def all(self):
        raise NotImplementedError

    def count(self, kind):
        return sum(event["type"] == kind for event in self.all())

    def events(self):
        """The events that the bridge has sent."""
        return [event for event in self.all() if event["type"] not in ("open", "error")]

    def wait_open(self, count=1):
        wait_until(lambda: self.count("open") >= count, EVENT_BOUND_S, what=f"{count} times open")

    def wait_count(self, count):
        """The events, once there are COUNT of them."""
        try:
            wait_until(lambda: len(self.events()) >= count, EVENT_BOUND_S, what=f"{count} events")
        except AssertionError as late:
            raise AssertionError(f"{late}: {self.all()}") from None
        return self.events()

    def wait_events(self, *events):
        """Exactly EVENTS, pairs of type and data."""
        received = self.wait_count(len(events))
        assert [(event["type"], event["data"]) for event in received] == list(events)


class Node(Source, Program):
    name = "node"

    def __init__(self, folder, url, names):
        # Debian's folder, which other builds of Node.js do not search
        super().__init__(folder, {"NODE_PATH": "/usr/share/nodejs"})
        script = os.path.join(os.path.dirname(__file__), "sse_client.js")
        self.arguments = [script, url, *names]

    def command(self):
        return ["node", *self.arguments]

    def all(self):
        assert self.alive(), self.log()
        return [json.loads(line) for line in self.log().splitlines()]


class Tab(Source):
    """One EventSource in the page that Chromium shows."""

    def __init__(self, driver, url, names):
        self.driver = driver
        self.name = f"told{id(self)}"
        driver.execute_script(OPEN, url, names, self.name)

    def all(self):
        return self.driver.execute_script(f"return {self.name}.events")

    def stop(self):
        self.driver.execute_script(f"{self.name}.source.close()")


def chromium():
    options = webdriver.ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(word)
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
