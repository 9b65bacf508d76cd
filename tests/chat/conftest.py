"""The chat page behind the nginx of examples/run, with a broker of its own, and two browsers."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from window import Window  # noqa: E402

from support.program import ROOT  # noqa: E402
from support.webservers import WebServer, executable  # noqa: E402

EXAMPLES = os.path.join(ROOT, "examples")


class Nginx(WebServer):
    """With examples/nginx.conf.in. WITHOUT_EVENTS: event streams are blocked on the
    way."""

    name = "nginx"

    def __init__(self, folder, socket, without_events=False):
        super().__init__(folder)
        self.socket = socket
        self.without_events = without_events

    def text(self):
        with open(os.path.join(EXAMPLES, "nginx.conf.in"), encoding="utf-8") as file:
            text = file.read()
        words = {"USER": "user root;" if os.geteuid() == 0 else "", "RUN": self.path("run"),
                 "PORT": self.port, "SOCKET": self.socket, "EXAMPLES": EXAMPLES}
        for word, value in words.items():
            text = text.replace(f"@{word}@", str(value))
        if self.without_events:
            assert text.count("location = /chat/events {") == 1
            text = text.replace("location = /chat/events {",
                                "location = /chat/events { return 403; }\nlocation = /off {")
        return text

    def refusals(self):
        """The number of subscriptions that failed because there was no bridge."""
        with open(self.path("run/log/nginx.log"), encoding="utf-8") as file:
            return file.read().count('request: "GET /chat/')

    def command(self):
        for name in ("log", "tmp"):
            os.makedirs(self.path(f"run/{name}"), exist_ok=True)
        with open(self.path("nginx.conf"), "w", encoding="utf-8") as file:
            file.write(self.text())
        return [executable("nginx"), "-p", self.folder, "-c", self.path("nginx.conf"),
                "-e", "stderr"]


class Site:
    def __init__(self, environment):
        self.environment = environment
        self.broker = environment.broker()
        self.bridge = environment.bridge(self.broker)
        self.nginx = self.serve()

    def serve(self, **rest):
        return self.environment.keep(Nginx(self.environment.folder, self.bridge.socket,
                                           **rest)).start()


@pytest.fixture(scope="module")
def site(module_environment):
    return Site(module_environment)


@pytest.fixture(scope="module")
def windows(tmp_path_factory):
    """Two browsers."""
    windows = [Window(str(tmp_path_factory.mktemp("browser"))) for _ in range(2)]
    yield windows
    for window in windows:
        window.quit()


@pytest.fixture(params=["", "?poll=1"], ids=["events", "poll"])
def mode(request):
    return request.param


@pytest.fixture
def pair(site, windows, mode):
    """Alice and Bob have the page open."""
    for window, name in zip(windows, ("Alice", "Bob")):
        window.enter(site.nginx.address, name, mode)
    return windows
