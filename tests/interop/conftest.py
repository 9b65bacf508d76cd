"""Fixtures: callers and workers, each in C (libcrew) and in Python (written from docs/wire.md)."""
import os
import sys
import uuid

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from amqp_client import AmqpClient  # noqa: E402
from client import Caller  # noqa: E402

from support.lines import Lines  # noqa: E402
from support.program import SLOWNESS, Program  # noqa: E402


class PythonWorker(Program):
    """worker.py with the handlers of served.py."""

    name = "python-worker"

    def __init__(self, folder, broker, *options):
        super().__init__(folder)
        self.broker = broker
        self.options = list(options)

    def command(self):
        return ["/usr/bin/python3", "-B", os.path.join(HERE, "served.py"),
                "--url", self.broker.url, *self.options]


@pytest.fixture(scope="session")
def slowness():
    """The factor of time bounds in this build."""
    return SLOWNESS


@pytest.fixture
def python_worker(broker, environment):
    """Starts Python workers of one test."""
    def start(*options):
        return environment.keep(PythonWorker(environment.folder, broker, *options)).start()

    return start


@pytest.fixture(scope="module")
def module_worker(broker, module_environment):
    """Starts Python workers of a module. They leave before the broker does: a connection
    that is lost is the end of them."""
    workers = []

    def start(*options):
        worker = PythonWorker(module_environment.folder, broker, *options)
        workers.append(module_environment.keep(worker))
        return workers[-1].start()

    yield start
    for worker in workers:
        worker.stop()


@pytest.fixture
def caller(broker):
    caller = Caller(broker.url)
    yield caller
    caller.close()


@pytest.fixture
def other(broker):
    """One more caller, which has nothing to do with the calls of the first."""
    caller = Caller(broker.url)
    yield caller
    assert not caller.strangers, "got what another caller waits for"
    caller.close()


@pytest.fixture
def amqp(broker):
    amqp = AmqpClient(broker)
    yield amqp
    amqp.close()


@pytest.fixture
def task():
    """A task name of this test alone."""
    return "t" + uuid.uuid4().hex[:12]


@pytest.fixture
def lines(tmp_path):
    """A file for the probe's /append, which counts ids."""
    return Lines(tmp_path / "lines")
