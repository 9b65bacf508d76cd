"""Web servers: the common part, and those of docs/webservers with their configuration files."""
import os
import re
import shutil
import signal

from support.http import Client
from support.program import ROOT, Program, free_port
from support.waiting import wait_until

PAGES = os.path.join(ROOT, "docs", "webservers")
UNPRIVILEGED = "www-data"  # what the servers' own processes run as when started by root


def executable(name):
    return shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")


class WebServer(Program):
    """A web server on a free port."""

    def __init__(self, folder):
        super().__init__(folder)
        self.port = free_port()

    def start(self, bound_s=15.0, **popen):
        self.launch(**popen)
        wait_until(self.accepts, bound_s, what=f"{self.name} accepts")
        return self

    def accepts(self):
        assert self.alive(), self.log()
        try:
            with self.client() as client:
                return bool(client.get("/no-such-location").status)
        except OSError:
            return False

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self, timeout_s=60.0):
        return Client(self.port, timeout_s)

    def begin(self, method, path, body=None, headers=()):
        """A request under way, on a connection of its own; receive() gives its answer."""
        return self.client().send(method, path, body, headers)

    def get(self, path, headers=()):
        with self.client() as client:
            return client.get(path, headers)

    def post(self, path, body=b"", headers=()):
        with self.client() as client:
            return client.post(path, body, headers)

    def wait_status(self, path, status, bound_s=15.0):
        """Ask until the answer has this status."""
        return wait_until(lambda: (answer := self.get(path)).status == status and answer,
                          bound_s, 0.05, f"{status} from {path}")


class Documented(WebServer):
    """A server with its file of docs/webservers, in front of the bridge at SOCKET. The
    words between @ signs are filled in, and lines that are to be tried in another way are
    changed: CHANGES maps lines of the file to their replacements."""

    page = None
    user = ""  # replaces @USER@ when root starts the server

    def __init__(self, folder, socket, changes=None):
        super().__init__(folder)
        self.socket = socket
        self.files = os.path.join(folder, "files")
        self.changes = changes or {}
        os.chmod(self.folder, 0o755)
        if self.user and os.geteuid() == 0:
            shutil.chown(self.folder, UNPRIVILEGED)

    def text(self):
        with open(os.path.join(PAGES, self.page), encoding="utf-8") as file:
            text = file.read()
        for old, new in self.changes.items():
            text, count = re.subn(rf"(?m)^( +){old}$", rf"\1{new}", text)
            assert count == 1, f"{self.page} has {count} lines {old}"
        words = {"PORT": self.port, "SOCKET": self.socket, "RUN": self.folder, "FILES": self.files,
                 "USER": self.user if os.geteuid() == 0 else ""}
        for word, value in words.items():
            text = text.replace(f"@{word}@", str(value))
        return text

    def written(self):
        """The file as the server gets it."""
        path = self.path(self.page)
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.text())
        return path


class Nginx(Documented):
    name = "nginx"
    page = "nginx.conf"
    user = f"user {UNPRIVILEGED};"

    def command(self):
        return [executable("nginx"), "-p", self.folder, "-c", self.written(), "-e", "stderr"]


class Apache(Documented):
    name = "apache"
    page = "apache.conf"
    user = f"User {UNPRIVILEGED}\nGroup {UNPRIVILEGED}"

    def command(self):
        return [executable("apache2"), "-D", "FOREGROUND", "-f", self.written()]


class Lighttpd(Documented):
    name = "lighttpd"
    page = "lighttpd.conf"
    user = f'server.username = "{UNPRIVILEGED}"\nserver.groupname = "{UNPRIVILEGED}"'

    stop_signal = signal.SIGINT  # SIGTERM: with 1, if a connection is still open

    def command(self):
        return [executable("lighttpd"), "-D", "-f", self.written()]


class Caddy(Documented):
    """Caddy stays who it is started as, and keeps things in its home."""
    name = "caddy"
    page = "Caddyfile"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.environment = {name: self.folder
                            for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}

    def command(self):
        return [executable("caddy"), "run", "--adapter", "caddyfile",
                "--config", self.written()]


class Haproxy(Documented):
    name = "haproxy"
    page = "haproxy.cfg"
    user = f"user {UNPRIVILEGED}\n    group {UNPRIVILEGED}"
    stop_signal = signal.SIGUSR1  # SIGTERM breaks off what is under way, and ends with -15

    def command(self):
        return [executable("haproxy"), "-db", "-f", self.written()]


SHARED = {"http-reuse never": "http-reuse always",
          "option abortonclose": "no option abortonclose"}
ASKED = {"no option mpxs-conns": "option mpxs-conns",
         "no option get-values": "option get-values"}

SERVERS = {
    "nginx": Nginx,
    "apache": Apache,
    "lighttpd": Lighttpd,
    "caddy": Caddy,
    "haproxy": Haproxy,
    "haproxy-keepalive": lambda *place: Haproxy(*place, SHARED),
    "haproxy-mpxs": lambda *place: Haproxy(*place, SHARED | ASKED),
}
