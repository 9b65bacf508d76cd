"""Two callers and two kinds of worker: those of crew, in C, and those of this folder, which
were written from docs/wire.md."""
import os
import sys
import uuid

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from bare import Bare  # noqa: E402
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
    """By what a bound in seconds is to be multiplied in this build."""
    return SLOWNESS


@pytest.fixture
def python_worker(broker, stage):
    """Starts Python workers of one test."""
    return lambda *options: stage.keep(PythonWorker(stage.folder, broker, *options)).start()


@pytest.fixture(scope="module")
def house_worker(broker, house):
    """Starts Python workers of a module. They leave before the broker does: a connection
    that is lost is the end of them."""
    workers = []

    def start(*options):
        workers.append(house.keep(PythonWorker(house.folder, broker, *options)))
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
def bare(broker):
    bare = Bare(broker)
    yield bare
    bare.close()


@pytest.fixture
def task():
    """A task name of this test alone."""
    return "t" + uuid.uuid4().hex[:12]


@pytest.fixture
def lines(tmp_path):
    """A file for the probe's /append, and how often an id stands in it."""
    return Lines(tmp_path / "lines")
