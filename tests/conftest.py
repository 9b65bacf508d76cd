"""Fixtures of all tests: a broker, and environments that start programs and stop them.

Programs come from the build tree named by CREW_BUILD. Their logs are kept in the folder of
the test and printed when it fails.
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


class Environment:
    """Starts the programs of one test or one module and stops them at its end."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.programs = []
        self.brokers = []

    def keep(self, program):
        self.programs.append(program)
        return program

    def worker(self, broker, *options, ready=True, **rest):
        """A worker; waits until it consumes its tasks unless READY is false."""
        worker = self.keep(Worker(self.folder, broker, *options, **rest))
        return worker.start() if ready else worker.launch()

    def bridge(self, broker, *options, connected=True, **rest):
        """A bridge; waits for its connection to the broker unless CONNECTED is false."""
        bridge = self.keep(Bridge(self.folder, broker, *options, **rest)).start()
        if connected:
            bridge.wait_connected()
        return bridge

    def nginx(self, locations):
        return self.keep(Nginx(self.folder, locations)).start()

    def broker(self, *options):
        """A private broker that may be stopped or killed."""
        broker = Broker(os.path.join(self.folder, f"broker{len(self.brokers)}"))
        self.brokers.append(broker)
        return broker.start(*options)

    def cluster(self, count, *options):
        """COUNT brokers that form a cluster."""
        first = self.broker(*options)
        return [first] + [self.broker("--join", first.folder, *options)
                          for _ in range(count - 1)]

    def logs(self):
        return "\n".join(f"--- {program.folder}/log\n{program.log()[-LOG_TAIL_BYTES:]}"
                         for program in self.programs)

    def close(self):
        """Stop everything in reverse order; the first failed assertion is raised at the end."""
        failure = None
        for program in reversed(self.programs):
            try:
                program.stop()
            except AssertionError as error:
                failure = failure or error
        for broker in reversed(self.brokers):  # the first node of a cluster last
            broker.stop()
        if failure:
            raise failure


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Append the logs of the programs to the report of a failure."""
    report = (yield).get_result()
    if report.failed:
        for name in ("environment", "module_environment"):
            environment = getattr(item, "funcargs", {}).get(name)
            if isinstance(environment, Environment):
                report.sections.append((f"logs of {name}", environment.logs()))


@pytest.fixture
def environment(tmp_path):
    """The environment of one test."""
    environment = Environment(tmp_path)
    yield environment
    environment.close()


@pytest.fixture(scope="module")
def module_folder(tmp_path_factory):
    """The folder of module_environment."""
    return tmp_path_factory.mktemp("module")


@pytest.fixture(scope="module")
def module_environment(module_folder):
    """The environment of a whole module."""
    module_environment = Environment(module_folder)
    yield module_environment
    module_environment.close()


@pytest.fixture(scope="session")
def shared_broker(tmp_path_factory):
    """The broker that all tests share; started here unless ctest has started one."""
    url = os.environ.get("CREW_TEST_AMQP_URL")
    if url:
        yield Broker(os.environ.get("CREW_TEST_BROKER"), url)
        return
    broker = Broker(str(tmp_path_factory.mktemp("broker"))).start()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def broker(shared_broker):
    """A virtual host of the shared broker for this module alone."""
    broker = shared_broker.fresh_vhost()
    yield broker
    broker.delete_vhost()


@pytest.fixture
def publisher(broker):
    """A publisher that uses AMQP only."""
    with Publisher(broker) as publisher:
        yield publisher


@pytest.fixture(scope="session")
def plain_broker(tmp_path_factory):
    """A broker without streams."""
    broker = Broker(str(tmp_path_factory.mktemp("plain"))).start(*WITHOUT_STREAMS)
    yield broker
    broker.stop()
