"""The base class of what is measured."""
from measure import cpu_us


class Chain:
    """Subclasses start their programs in __init__."""

    name = None

    def __init__(self, testbed):
        self.testbed = testbed

    def processes(self):
        """{kind: [process id]} of those that count; what they have started counts, too."""
        raise NotImplementedError

    def handlers(self):
        """How many requests can be in handlers at a time, if that is limited."""
        return None

    def check(self, scenario):
        """The chain really answers, and what it must."""
        raise NotImplementedError

    def load(self, scenario, seconds):
        """Bear SCENARIO; a Load."""
        raise NotImplementedError

    def warm_up(self, scenario):
        self.load(scenario, 1)

    def measure(self, scenario, seconds):
        """Bear SCENARIO, and see what the processes use for it."""
        kinds = self.processes()
        before = cpu_us(kinds)
        load = self.load(scenario, seconds)
        after = cpu_us(kinds)
        for kind in kinds:
            load.cpu_us[kind] = (after[kind] - before[kind]) / max(load.count, 1)
        return load
