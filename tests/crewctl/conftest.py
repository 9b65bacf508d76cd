"""crewctl, workers with tasks to call, and queues without workers."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from shell import BREAKER, Crewctl  # noqa: E402

from support.program import BUILD, SLOWNESS  # noqa: E402
from support.waiting import wait_until  # noqa: E402

DEAD_LETTERS = {"x-dead-letter-exchange": "crew.DLX"}


@pytest.fixture
def crewctl(broker):
    return Crewctl(broker)


@pytest.fixture(scope="module")
def workers(module_environment, broker):
    """Tasks of classic.so, plain.so, and breaker.so (b.NAME)."""
    module_environment.worker(broker, "--processes", "2", app="classic.so")
    module_environment.worker(broker, "--processes", "1",
                              app=os.path.join(BUILD, "tests", "plain.so"))
    module_environment.worker(broker, "--processes", "2", app=BREAKER, arguments=["b"])


@pytest.fixture
def note(tmp_path):
    """A body for breaker.so's `note`, which writes a line and sleeps; and the lines."""
    class Note:
        file = tmp_path / "notes"

        def body(self, ms, line):
            return f"{ms} {self.file} {line}"

        def lines(self):
            return self.file.read_text().split() if self.file.exists() else []

        def wait(self, line):
            wait_until(lambda: line in self.lines(), 15 * SLOWNESS, what=f"{line} noted")

    return Note()


@pytest.fixture
def queue(broker):
    """Task queues without a worker, deleted at the end."""
    connection = broker.connect()
    channel = connection.channel()
    names = []

    class Queue:
        def __init__(self, task, **arguments):
            self.name = f"crew.tasks.{task}"
            self.channel = channel
            channel.queue_declare(self.name, durable=True, arguments=DEAD_LETTERS | arguments)
            names.append(self.name)

        def take(self):
            """(method, properties, body) of the next message, when there is one."""
            def got():
                found = channel.basic_get(self.name)
                return found if found[0] else None

            return wait_until(got, 10 * SLOWNESS, what=f"a message in {self.name}")

    yield Queue
    for name in names:
        channel.queue_delete(name)
    connection.close()
