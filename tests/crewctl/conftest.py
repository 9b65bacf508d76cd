"""crewctl as a user has it, and workers with tasks to call."""
import os
import signal
import subprocess
import time
from collections import namedtuple

import pytest

from support.program import BUILD, SLOWNESS, binary
from support.waiting import wait_until

Done = namedtuple("Done", "status out err seconds")

DEAD_LETTERS = {"x-dead-letter-exchange": "crew.DLX"}


class Crewctl:
    """Runs crewctl against one broker, of which it hears by CREW_AMQP_URL."""

    def __init__(self, broker):
        self.broker = broker

    def environment(self, more):
        outside = {name: value for name, value in os.environ.items()
                   if not name.startswith("CREW_")}
        return outside | {"CREW_AMQP_URL": self.broker.url} | (more or {})

    def start(self, *words, environment=None, **popen):
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                   "stderr": subprocess.PIPE} | popen
        return subprocess.Popen([binary("crewctl"), *words],
                                env=self.environment(environment), **streams)

    def run(self, *words, body=None, bound_s=40, **rest):
        if body is not None:
            rest["stdin"] = subprocess.PIPE
        began_s = time.monotonic()
        process = self.start(*words, **rest)
        try:
            out, err = process.communicate(body, timeout=bound_s * SLOWNESS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return Done(process.returncode, out, (err or b"").decode(), time.monotonic() - began_s)

    def __call__(self, *words, **rest):
        """Run it, and have the output of a success."""
        done = self.run(*words, **rest)
        assert (done.status, done.err) == (0, ""), done
        return done.out

    def refuses(self, *words, **rest):
        """Exit status 2, nothing on stdout; the one line on stderr."""
        done = self.run(*words, **rest)
        assert (done.status, done.out) == (2, b""), done
        return one_line(done.err)


def one_line(err):
    assert err.startswith("crewctl: ") and err.endswith("\n") and err.count("\n") == 1, err
    return err[len("crewctl: "):-1]


def interrupt(process, signum=signal.SIGINT):
    """Its exit status and what it printed, when it gets a signal."""
    process.send_signal(signum)
    out, err = process.communicate(timeout=10 * SLOWNESS)
    return Done(process.returncode, out, err.decode(), 0)


@pytest.fixture(scope="session")
def slowness():
    return SLOWNESS


@pytest.fixture
def crewctl(broker):
    return Crewctl(broker)


@pytest.fixture(scope="module")
def workers(house, broker):
    """Tasks of classic.so, plain.so, and breaker.so (b.NAME)."""
    house.worker(broker, "--processes", "2", app="classic.so")
    house.worker(broker, "--processes", "1", app=os.path.join(BUILD, "tests", "plain.so"))
    house.worker(broker, "--processes", "2", app=os.path.join(BUILD, "tests", "breaker.so"),
                 arguments=["b"])


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
    """Task queues of one's own, to be served by hand or by nobody. Gone afterwards."""
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
