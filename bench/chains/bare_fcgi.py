"""bare-kept, bare-each: nginx and a minimal FastCGI program (bare_fcgi.c), with persistent
connections, and with a connection for each request."""
import socket

from chains.web import Web
from programs import compile_program
from support.program import Program
from support.waiting import wait_until


class BareFcgi(Program):
    name = "bare_fcgi"

    def __init__(self, folder, threads):
        super().__init__(folder)
        self.threads = threads
        self.socket = self.path("fcgi.sock")

    def command(self):
        program = compile_program("bare_fcgi", ["bare_fcgi.c"], ["-lfcgi", "-pthread"])
        return [program, self.socket, str(self.threads)]

    def wait_ready(self, bound_s=15.0):
        wait_until(self.accepts, bound_s, what="bare_fcgi accepts")

    def accepts(self):
        assert self.alive(), self.log()
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self.socket) == 0


class BareKept(Web):
    name = "bare-kept"

    def __init__(self, testbed):
        super().__init__(testbed)
        # libfcgi stays with a connection until it is closed: a thread for each of them.
        threads = 2 * testbed.most_connections(self.name)
        self.bare = testbed.start(BareFcgi(testbed.folder, threads))

    def upstream(self):
        return f"server unix:{self.bare.socket}; keepalive 1024;"

    def location(self):
        return """
            include /etc/nginx/fastcgi_params;
            fastcgi_keep_conn on;
            fastcgi_pass bare-kept;"""

    def processes(self):
        return super().processes() | {"bare": [self.bare.pid]}


class BareEach(Web):
    name = "bare-each"

    def __init__(self, testbed):
        super().__init__(testbed)
        self.bare = testbed.start(BareFcgi(testbed.folder, threads=1))

    def upstream(self):
        return f"server unix:{self.bare.socket};"

    def location(self):
        return """
            include /etc/nginx/fastcgi_params;
            fastcgi_pass bare-each;"""

    def processes(self):
        return super().processes() | {"bare": [self.bare.pid]}
