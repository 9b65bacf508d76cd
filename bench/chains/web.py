"""HTTP requests to a location of nginx, made by wrk or http_calls."""
import os
from concurrent.futures import ThreadPoolExecutor

from chains.chain import Chain
from loads import caller, wrk


class Web(Chain):
    """A chain answers below /NAME/ of the front. Subclasses say how nginx reaches them."""

    def upstream(self):
        """What stands in nginx's `upstream NAME {}`."""
        raise NotImplementedError

    def location(self):
        """What stands in nginx's `location /NAME/ {}`; $uri is what follows the name."""
        raise NotImplementedError

    def processes(self):
        return {"nginx": [self.testbed.front.pid]}

    def check(self, scenario):
        path = f"/{self.name}{scenario.path}"
        if scenario.body_bytes is None:
            answer, wanted = self.testbed.front.get(path), scenario.answer
        else:
            wanted = os.urandom(scenario.body_bytes)
            answer = self.testbed.front.post(path, wanted,
                                             [("Content-Type", scenario.content_type)])
        got = answer.status, answer.header("Content-Type"), answer.body
        if got != (200, scenario.content_type, wanted):
            raise SystemExit(f"{path}: not the answer that was wanted: {answer}")
        if scenario.beside:
            self.check(scenario.beside)

    def load(self, scenario, seconds):
        if not scenario.beside:
            return self.ask(scenario, seconds)
        with ThreadPoolExecutor(1) as background:
            beside = background.submit(self.http_calls, scenario.beside, seconds)
            load = self.ask(scenario, seconds)
            load.wrong += beside.result().wrong
        return load

    def measure(self, scenario, seconds):
        load = super().measure(scenario, seconds)
        if scenario.busy_ms and self.handlers():
            taken = scenario.beside.connections if scenario.beside else 0
            load.ideal_rate = (self.handlers() - taken) * 1000 / scenario.busy_ms
        return load

    def ask(self, scenario, seconds):
        """wrk is well known; the other does what wrk does not. At its end wrk breaks off what
        is under way, which would cost slow handlers a part of their rate."""
        if scenario.rate or scenario.busy_ms or scenario.body_bytes is not None:
            return self.http_calls(scenario, seconds)
        return wrk(f"{self.testbed.front.address}/{self.name}{scenario.path}",
                   scenario.connections, seconds)

    def http_calls(self, scenario, seconds):
        kind = (["get", scenario.answer.decode()] if scenario.body_bytes is None
                else ["echo", str(scenario.body_bytes)])
        return caller([self.testbed.http_calls, str(self.testbed.front.port),
                       f"/{self.name}{scenario.path}", str(scenario.connections),
                       str(scenario.rate), str(seconds), *kind])
