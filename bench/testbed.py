"""What the chains share: a folder, a broker, an nginx, and the list of running programs."""
import contextlib
import functools
import os
import tempfile

from front import Front
from programs import compile_program
from support.broker import Broker


class Testbed:
    """WANTED are the options of bench/run, SCENARIOS what will be measured. Leaving the context
    stops all programs."""

    def __init__(self, wanted, scenarios):
        self.wanted = wanted
        self.scenarios = scenarios
        self.chains = {}
        self.front = None
        self.leaving = contextlib.ExitStack()
        self.folder = self.leaving.enter_context(
            tempfile.TemporaryDirectory(prefix="crew-bench-"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leaving.close()

    def open(self, chains):
        """Start these, and nginx in front of those that are asked over HTTP."""
        for chain in chains:
            self.chains[chain.name] = chain(self)
        web = [chain for chain in self.chains.values() if hasattr(chain, "location")]
        if web:
            self.front = self.start(Front(self.folder, web))

    # ---- for the chains

    @functools.cached_property
    def broker(self):
        """One RabbitMQ node for all, started for the first that asks."""
        broker = Broker(os.path.join(self.folder, "broker"))
        self.leaving.callback(broker.stop)
        return broker.start()

    @functools.cached_property
    def http_calls(self):
        """The program that asks where wrk cannot."""
        return compile_program("http_calls", ["http_calls.c", "samples.c"], [])

    def most_connections(self, chain):
        """Of all that will come to CHAIN."""
        return max(scenario.connections for scenario in self.scenarios
                   if scenario.chain == chain)

    @property
    def broker_pid(self):
        with open(os.path.join(self.broker.folder, "node.pid"), encoding="ascii") as file:
            return int(file.read())

    def start(self, program):
        """Start, wait until it is ready, and stop it at the end."""
        self.leaving.callback(program.stop)
        return program.start()
