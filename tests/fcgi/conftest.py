"""A bridge with a worker behind it, and connections to it."""
import pytest

import fcgi
from support.waiting import wait_until


@pytest.fixture(scope="module")
def bridge(module_environment, broker):
    bridge = module_environment.bridge(broker, "--max-body", "100000")
    module_environment.worker(broker, "--processes", "2")
    with fcgi.Connection(bridge.socket) as connection:
        assert connection.ask(fcgi.get("/hello")).status == 200
        base = bridge.descriptors()
    wait_until(lambda: bridge.descriptors() < base)
    return bridge


@pytest.fixture
def connect(bridge):
    """Makes connections; all are closed at the end, and the bridge has its descriptors
    back."""
    made = []
    base = bridge.descriptors()

    def connect():
        made.append(fcgi.Connection(bridge.socket))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()
    wait_until(lambda: bridge.descriptors() <= base, what="descriptors are back")
    assert bridge.alive()
