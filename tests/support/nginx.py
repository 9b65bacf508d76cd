"""A private nginx in front of bridges."""
import os
import shutil

from support.program import Program, free_port
from support.waiting import wait_until
from support.http import Client

PAGE = """
daemon off;
{user}
worker_processes 1;
error_log stderr notice;
pid {folder}/nginx.pid;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 64m;
    large_client_header_buffers 4 80k;
    keepalive_requests 1000000;
    {upstreams}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        fastcgi_keep_conn on;
        fastcgi_read_timeout 120s;
        fastcgi_buffer_size 80k;
        fastcgi_buffers 8 80k;
        fastcgi_busy_buffers_size 160k;
        {locations}
    }}
}}
"""


class Nginx(Program):
    """LOCATIONS maps a prefix to (bridge, {parameter: value}); what follows the prefix is
    PATH_INFO, so that /fast/hello with prefix /fast reaches the route /hello."""

    name = "nginx"

    def __init__(self, folder, locations):
        super().__init__(folder)
        self.locations = locations
        self.port = free_port()

    def command(self):
        page = self.path("nginx.conf")
        with open(page, "w", encoding="ascii") as file:
            file.write(self.page())
        nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        return [nginx, "-p", self.folder, "-c", page, "-e", "stderr"]

    def page(self):
        bridges = {id(bridge): bridge for bridge, _ in self.locations.values()}
        return PAGE.format(
            folder=self.folder, port=self.port,
            user="user root;" if os.geteuid() == 0 else "",
            upstreams="".join(f"upstream b{key} {{ server unix:{bridge.socket}; "
                              "keepalive 256; }\n" for key, bridge in bridges.items()),
            locations="".join(location(prefix, f"b{id(bridge)}", parameters)
                              for prefix, (bridge, parameters) in self.locations.items()))

    def start(self, bound_s=15.0, **popen):
        self.launch(**popen)
        wait_until(self.accepts, bound_s, what="nginx accepts")
        return self

    def accepts(self):
        assert self.alive(), self.log()
        try:
            with Client(self.port) as client:
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


def location(prefix, upstream, parameters):
    lines = "".join(f"fastcgi_param {name} {value};\n" for name, value in parameters.items())
    return f"""
        location {prefix}/ {{
            include /etc/nginx/fastcgi_params;
            fastcgi_split_path_info ^({prefix})(/.*)$;
            fastcgi_param PATH_INFO $fastcgi_path_info;
            {lines}
            fastcgi_pass {upstream};
        }}
    """
