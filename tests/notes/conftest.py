"""The notes application behind nginx at two mount points, /notes and /a/b, with one database."""
import os

import pytest

from support.worker import Worker
from visitor import Visitor

PROCESSES = 3


class Site:
    """nginx, a bridge, and two workers with the same database file."""

    def __init__(self, environment, broker, folder):
        self.database = os.path.join(folder, "notes.db")
        bridge = environment.bridge(broker)
        self.workers = [environment.keep(self.worker(environment, broker)) for _ in range(2)]
        for worker in self.workers:  # at once: they have to agree about the tables
            worker.launch()
        for worker in self.workers:
            worker.wait_ready()
        self.nginx = environment.nginx({"/notes": (bridge, {"CREW_TASK": "notes"}),
                                        "/a/b": (bridge, {"CREW_TASK": "notes"}),
                                        "/secure": (bridge, {"CREW_TASK": "notes", "HTTPS": "on"})})
        self.nginx.wait_status("/notes/", 200)

    def worker(self, environment, broker):
        return Worker(environment.folder, broker, "--task", "notes",
                      "--processes", str(PROCESSES), app="notes.so", arguments=[self.database])

    @property
    def address(self):
        return self.nginx.address

    def visitor(self, mount="/notes"):
        return Visitor(self.address + mount)

    def log(self):
        return "".join(worker.log() for worker in self.workers)


@pytest.fixture(scope="module")
def site(module_environment, broker, module_folder):
    site = Site(module_environment, broker, str(module_folder))
    yield site
    assert "locked" not in site.log()


@pytest.fixture
def visitor(site):
    return site.visitor()
