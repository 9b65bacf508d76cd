"""A worker with the breaking app, and a caller of its tasks."""
import os
import sys
import uuid

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from caller import Caller  # noqa: E402

from support.compiler import compile_app  # noqa: E402
from support.program import BUILD, SLOWNESS  # noqa: E402
from support.waiting import wait_until  # noqa: E402

BREAKER = os.path.join(BUILD, "tests", "breaker.so")


def members(session):
    """Processes of a session: a worker, its handlers, and what they have started."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                words = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if words[0] != "Z" and int(words[3]) == session:
            found.append(int(name))
    return found


@pytest.fixture
def slowness():
    return SLOWNESS


@pytest.fixture
def sanitized():
    return bool(os.environ.get("CREW_SANITIZE"))


@pytest.fixture
def prefix():
    """Task names of this test alone begin with it."""
    return "t" + uuid.uuid4().hex[:12]


@pytest.fixture
def call(broker, prefix, slowness):
    caller = Caller(broker, prefix, slowness)
    yield caller
    caller.close()


@pytest.fixture
def breaker(environment, broker, prefix):
    """Starts workers with breaker.so. None of their processes may be left at the end."""
    workers = []

    def start(*options, app=BREAKER, arguments=None, at=broker, **rest):
        worker = environment.worker(at, *options, app=app,
                                    arguments=arguments or [prefix], **rest)
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        worker.stop()
        wait_until(lambda session=worker.pid: not members(session),
                   what="no process left behind")


@pytest.fixture
def build_app(tmp_path):
    """Compiles an app in place of the one that is there, as a deployment does."""
    def build(source, name="app.so", flags=()):
        path = str(tmp_path / name)
        new = path + ".new"
        compile_app(source, new, *flags)
        os.rename(new, path)
        return path

    return build
