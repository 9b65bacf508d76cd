"""uwsgi: nginx and a Python application (wsgi/app.py) in uWSGI. One interpreter for each
process, no threads, no access log. The uwsgi protocol has a connection for each request.
"""
import os
import shutil
import signal

from chains.web import Web
from support.program import STOP_BOUND_S, Program
from support.waiting import wait_until

APPLICATION = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wsgi", "app.py")
SOMAXCONN = "/proc/sys/net/core/somaxconn"


class Server(Program):
    """Debian's uWSGI."""

    name = "uwsgi"

    def __init__(self, folder, processes):
        super().__init__(folder)
        self.processes = processes
        self.socket = self.path("uwsgi.sock")

    def command(self):
        with open(SOMAXCONN, encoding="ascii") as file:
            backlog = min(4096, int(file.read()))  # it refuses to start with more
        return [shutil.which("uwsgi"), "--plugin", "python3", "--wsgi-file", APPLICATION,
                "--socket", self.socket, "--listen", str(backlog), "--master",
                "--processes", str(self.processes), "--single-interpreter",
                "--disable-logging", "--need-app",
                "--die-on-term", "--worker-reload-mercy", "2", "--no-orphans"]

    def wait(self, bound_s=STOP_BOUND_S):
        """Until it has ended. It says that it is ready before it listens to signals, so it
        may have missed the first one."""
        def ended():
            self.signal(signal.SIGTERM)
            return not self.alive()

        wait_until(ended, bound_s, every_s=0.2, what="uWSGI ends")
        return self.process.returncode


class Uwsgi(Web):
    name = "uwsgi"

    def __init__(self, testbed):
        super().__init__(testbed)
        self.server = testbed.start(Server(testbed.folder, testbed.wanted.processes))

    def handlers(self):
        return self.testbed.wanted.processes

    def upstream(self):
        return f"server unix:{self.server.socket};"

    def location(self):
        return """
            include /etc/nginx/uwsgi_params;
            uwsgi_param PATH_INFO $uri;
            uwsgi_pass uwsgi;"""

    def processes(self):
        return super().processes() | {"uwsgi": [self.server.pid]}
