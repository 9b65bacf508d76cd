"""Fixtures of all tests: a broker, and a place that starts programs and stops them again.

Programs come from the build tree named by CREW_BUILD. What they log is kept in the folder
of the test and printed when the test fails.
"""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from support.bridge import Bridge  # noqa: E402
from support.broker import WITHOUT_STREAMS, Broker  # noqa: E402
from support.nginx import Nginx  # noqa: E402
from support.publisher import Publisher  # noqa: E402
from support.worker import Worker  # noqa: E402

LOG_TAIL_BYTES = 8000


def pytest_configure(config):
    config.addinivalue_line("markers", "long: runs only with tests/run --long")


def pytest_collection_modifyitems(items):
    if not os.environ.get("CREW_TEST_LONG"):
        for item in items:
            if "long" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="only with --long"))


class Stage:
    """Starts programs for one test or one module and remembers them for the end."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.programs = []
        self.brokers = []

    def keep(self, program):
        self.programs.append(program)
        return program

    def worker(self, broker, *options, ready=True, **rest):
        """A worker; it consumes its tasks unless READY is false."""
        worker = self.keep(Worker(self.folder, broker, *options, **rest))
        return worker.start() if ready else worker.launch()

    def bridge(self, broker, *options, connected=True, **rest):
        """A bridge; with its broker unless CONNECTED is false."""
        bridge = self.keep(Bridge(self.folder, broker, *options, **rest)).start()
        if connected:
            bridge.wait_connected()
        return bridge

    def nginx(self, locations):
        return self.keep(Nginx(self.folder, locations)).start()

    def broker(self, *options):
        """A broker of one's own, to be broken."""
        broker = Broker(os.path.join(self.folder, f"broker{len(self.brokers)}"))
        self.brokers.append(broker)
        return broker.start(*options)

    def cluster(self, count, *options):
        """Brokers that are nodes of one cluster."""
        first = self.broker(*options)
        return [first] + [self.broker("--join", first.folder, *options)
                          for _ in range(count - 1)]

    def logs(self):
        return "\n".join(f"--- {program.folder}/log\n{program.log()[-LOG_TAIL_BYTES:]}"
                         for program in self.programs)

    def close(self):
        """Stop everything, the last one first; the first complaint is raised at the end."""
        complaint = None
        for program in reversed(self.programs):
            try:
                program.stop()
            except AssertionError as error:
                complaint = complaint or error
        for broker in reversed(self.brokers):  # of a cluster the first one last
            broker.stop()
        if complaint:
            raise complaint


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Put the logs of the programs behind a failure."""
    report = (yield).get_result()
    if report.failed:
        for name in ("stage", "house"):
            stage = getattr(item, "funcargs", {}).get(name)
            if isinstance(stage, Stage):
                report.sections.append((f"logs of {name}", stage.logs()))


@pytest.fixture
def stage(tmp_path):
    """Programs of one test."""
    stage = Stage(tmp_path)
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def house_folder(tmp_path_factory):
    """Where the programs of a whole module live."""
    return tmp_path_factory.mktemp("house")


@pytest.fixture(scope="module")
def house(house_folder):
    """Programs of a whole module."""
    house = Stage(house_folder)
    yield house
    house.close()


@pytest.fixture(scope="session")
def shared_broker(tmp_path_factory):
    """The node that all tests share; one for this run when ctest has not started it."""
    url = os.environ.get("CREW_TEST_AMQP_URL")
    if url:
        yield Broker(os.environ.get("CREW_TEST_BROKER"), url)
        return
    broker = Broker(str(tmp_path_factory.mktemp("broker"))).start()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def broker(shared_broker):
    """A virtual host of the shared node that belongs to this module alone."""
    broker = shared_broker.fresh_vhost()
    yield broker
    broker.delete_vhost()


@pytest.fixture
def publisher(broker):
    """A foreign one."""
    with Publisher(broker) as publisher:
        yield publisher


@pytest.fixture(scope="session")
def plain_broker(tmp_path_factory):
    """A broker without streams."""
    broker = Broker(str(tmp_path_factory.mktemp("plain"))).start(*WITHOUT_STREAMS)
    yield broker
    broker.stop()
