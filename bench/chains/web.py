"""What is asked over HTTP: a location of nginx, and a load before it."""
import contextlib
import os

from measure import at_rate, asking, wrk


class Web:
    """A chain answers below /NAME/ of the front. Subclasses start their programs in
    __init__, and say how nginx reaches them and which processes count."""

    name = None

    def __init__(self, house):
        self.house = house

    def upstream(self):
        """What stands in nginx's `upstream NAME {}`."""
        raise NotImplementedError

    def location(self):
        """What stands in nginx's `location /NAME/ {}`; $uri is what follows the name."""
        raise NotImplementedError

    def processes(self):
        """{kind: process id}; what these have started counts with them."""
        return {"nginx": self.house.front.pid}

    def remarks(self):
        """Lines below the table."""
        return []

    def check(self, scenario):
        """One request: the chain really answers its text, or gives back what it was sent."""
        path = f"/{self.name}{scenario.path}"
        body = os.urandom(scenario.body_bytes)
        if body:
            answer = self.house.front.post(path, body,
                                           [("Content-Type", scenario.content_type)])
        else:
            answer = self.house.front.get(path)
        got = answer.status, answer.header("Content-Type"), answer.body
        if got != (200, scenario.content_type, body or scenario.answer):
            raise SystemExit(f"{path}: got {str(got)[:200]}")

    def load(self, scenario, seconds):
        address = f"{self.house.front.address}/{self.name}"
        if scenario.rate:
            return at_rate(self.house.front.port, f"/{self.name}{scenario.path}",
                           scenario.connections, scenario.rate, seconds)
        with asking(address + scenario.beside) if scenario.beside else contextlib.nullcontext():
            return wrk(address + scenario.path, scenario.connections, seconds,
                       scenario.body_bytes)
