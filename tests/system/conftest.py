"""The whole road in front of a test: nginx, a bridge, a worker."""
import os

import pytest

from support.lines import Lines
from support.program import BUILD, SLOWNESS

ODD = os.path.join(BUILD, "tests", "odd.so")


@pytest.fixture(scope="session")
def odd():
    """An app with handlers that no example has."""
    return ODD


@pytest.fixture(scope="session")
def slowness():
    """By what a bound in seconds is to be multiplied in this build."""
    return SLOWNESS


@pytest.fixture(scope="module")
def road(house, broker):
    """nginx, a bridge and a worker with the probe, up and answering at /p/hello."""
    bridge = house.bridge(broker)
    house.worker(broker, "--processes", "4")
    nginx = house.nginx({"/p": (bridge, {})})
    nginx.wait_status("/p/hello", 200)
    return nginx


@pytest.fixture
def lines(tmp_path):
    """A file for the probe's /append, and how often an id stands in it."""
    return Lines(tmp_path / "lines")
