"""Each web server with its configuration of docs/webservers, a bridge and workers."""
import os
import tempfile

import pytest

from support.lines import Lines
from support.program import BUILD
from support.webservers import SERVERS


@pytest.fixture(scope="module")
def module_folder():
    """A server started by root runs as another user and must reach the socket:
    not in pytest's own folders, which are closed to others."""
    with tempfile.TemporaryDirectory(prefix="crew-", dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        yield folder


class Parts:
    """What is behind the web servers. Of each task one handler process, which takes one
    request at a time, so that a test can let others wait."""

    max_body = 1024 * 1024
    max_response = 1000  # of handlers that answer with files

    def __init__(self, environment, broker):
        self.bridge = environment.bridge(broker, "--max-body", str(self.max_body))
        os.chmod(self.bridge.folder, 0o755)
        one = ("--processes", "1", "--prefetch", "1")
        self.probe = environment.worker(broker, "--task", "probe", *one)
        self.report = environment.worker(broker, "--task", "unused", *one,
                                         app=os.path.join(BUILD, "tests", "report.so"))
        self.files = os.path.join(environment.folder, "files")
        os.mkdir(self.files)
        environment.worker(broker, "--task", "unused", "--max-response", str(self.max_response),
                           app=os.path.join(BUILD, "tests", "files.so"), arguments=[self.files])
        self.classic = environment.worker(broker, *one, app="classic.so")


@pytest.fixture(scope="module")
def parts(module_environment, broker):
    return Parts(module_environment, broker)


@pytest.fixture(scope="module", params=SERVERS)
def server(request, module_environment, parts):
    server = SERVERS[request.param](module_environment.folder, parts.bridge.socket)
    module_environment.keep(server)
    server.variant = request.param
    server.start()
    yield server
    server.stop()


@pytest.fixture
def lines(module_environment):
    """A file for the probe's /append."""
    lines = Lines(os.path.join(module_environment.folder, "lines"))
    yield lines
    if os.path.exists(lines.path):
        os.unlink(lines.path)
