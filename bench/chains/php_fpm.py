"""php-fpm: nginx and PHP, one script for each path (php/). All children start at once
(pm = static), code is cached without checks for changes, no extensions, no access log.
"""
import os
import shutil

from chains.web import Web
from support.program import Program

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "php")
PAGE = """
[global]
error_log = /proc/self/fd/2
daemonize = no
[www]
{user}
listen = {socket}
listen.backlog = 4096
pm = static
pm.max_children = {children}
php_admin_value[default_charset] =
php_admin_value[opcache.validate_timestamps] = 0
"""


class Fpm(Program):
    """Debian's php-fpm, with none of Debian's configuration."""

    name = "php-fpm"

    def __init__(self, folder, children):
        super().__init__(folder)
        self.children_count = children
        self.socket = self.path("fpm.sock")

    def command(self):
        page = self.path("fpm.conf")
        root = os.geteuid() == 0
        with open(page, "w", encoding="ascii") as file:
            file.write(PAGE.format(socket=self.socket, children=self.children_count,
                                   user="user = root\ngroup = root" if root else ""))
        php = shutil.which("php-fpm8.2", path=os.environ["PATH"] + ":/usr/sbin")
        return [php, "--nodaemonize", "--fpm-config", page, "-n",
                "-d", "zend_extension=opcache", "-d", "opcache.enable=1",
                "-d", "expose_php=0",
                *(["--allow-to-run-as-root"] if root else [])]


class PhpFpm(Web):
    """A child stays with its connection until that is closed, so with more connections than
    children the rest would wait for ever: a connection for each request."""

    name = "php-fpm"
    keep = "off"

    def __init__(self, testbed):
        super().__init__(testbed)
        self.fpm = testbed.start(Fpm(testbed.folder, testbed.wanted.processes))

    def handlers(self):
        return self.testbed.wanted.processes

    def upstream(self):
        return f"server unix:{self.fpm.socket}; keepalive 1024;"

    def location(self):
        return f"""
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME {SCRIPTS}$uri.php;
            fastcgi_keep_conn {self.keep};
            fastcgi_pass {self.name};"""

    def processes(self):
        return super().processes() | {"php": [self.fpm.pid]}


class PhpFpmKept(PhpFpm):
    name = "php-fpm-kept"
    keep = "on"
