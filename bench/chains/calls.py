"""Calls over the broker, made by a program that checks the answers and measures."""
from chains.chain import Chain
from loads import caller


class Calls(Chain):
    """Subclasses start their WORKER in __init__."""

    worker = None

    def command(self, scenario, seconds):
        """The calling program and its arguments."""
        raise NotImplementedError

    def processes(self):
        """The caller itself says what it has used."""
        return {"worker": [self.worker.pid], "broker": [self.testbed.broker_pid]}

    def check(self, scenario):
        caller(self.command(scenario, 0))

    def load(self, scenario, seconds):
        return caller(self.command(scenario, seconds))
