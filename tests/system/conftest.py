"""Fixtures of the tests of all programs together: nginx, a bridge, a worker."""
import os

import pytest

from support.lines import Lines
from support.program import BUILD, SLOWNESS

EXTRA_APP = os.path.join(BUILD, "tests", "extra_app.so")


@pytest.fixture(scope="session")
def extra_app():
    """An app with handlers that the examples do not have."""
    return EXTRA_APP


@pytest.fixture(scope="session")
def slowness():
    """The factor of time bounds in this build."""
    return SLOWNESS


@pytest.fixture(scope="module")
def nginx(module_environment, broker):
    """nginx, a bridge and a worker with the probe, up and answering at /p/hello."""
    bridge = module_environment.bridge(broker)
    module_environment.worker(broker, "--processes", "4")
    nginx = module_environment.nginx({"/p": (bridge, {})})
    nginx.wait_status("/p/hello", 200)
    return nginx


@pytest.fixture
def lines(tmp_path):
    """A file for the probe's /append, which counts ids."""
    return Lines(tmp_path / "lines")
