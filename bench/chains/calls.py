"""What is called over the broker, by a program that checks its answers and measures."""
from measure import caller


class Calls:
    """Subclasses start their WORKER in __init__."""

    name = None
    worker = None

    def __init__(self, house):
        self.house = house

    def command(self, scenario, seconds):
        """The calling program and its arguments."""
        raise NotImplementedError

    def processes(self):
        """{kind: process id}; the caller itself says what it has used."""
        return {"worker": self.worker.pid, "broker": self.house.broker_pid}

    def check(self, scenario):
        caller(self.command(scenario, 0))

    def load(self, scenario, seconds):
        return caller(self.command(scenario, seconds))

    def remarks(self):
        return []
