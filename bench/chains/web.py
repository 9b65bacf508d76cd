"""What is asked over HTTP: a location of nginx, and wrk before it."""
from measure import wrk


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
        """One request: the chain really answers its text."""
        path = f"/{self.name}{scenario.path}"
        answer = self.house.front.get(path)
        got = answer.status, answer.header("Content-Type"), answer.body
        if got != (200, scenario.content_type, scenario.answer):
            raise SystemExit(f"{path}: got {got}")

    def load(self, scenario, seconds):
        return wrk(f"{self.house.front.address}/{self.name}{scenario.path}",
                   scenario.connections, seconds)
