"""A private nginx in front of bridges."""
import os

from support.webservers import WebServer, executable

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
    {temp_paths}
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

TEMP_PATHS = """
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
"""


class Nginx(WebServer):
    """LOCATIONS maps a prefix to (bridge, {parameter: value}); what follows the prefix is
    PATH_INFO, so that /fast/hello with prefix /fast reaches the route /hello."""

    name = "nginx"

    def __init__(self, folder, locations):
        super().__init__(folder)
        self.locations = locations

    def command(self):
        page = self.path("nginx.conf")
        with open(page, "w", encoding="ascii") as file:
            file.write(self.page())
        return [executable("nginx"), "-p", self.folder, "-c", page, "-e", "stderr"]

    def fill(self, page, **rest):
        """A configuration, with what each nginx has of its own."""
        return page.format(
            folder=self.folder, port=self.port,
            user="user root;" if os.geteuid() == 0 else "",
            temp_paths=TEMP_PATHS.format(folder=self.folder), **rest)

    def page(self):
        bridges = {id(bridge): bridge for bridge, _ in self.locations.values()}
        return self.fill(
            PAGE,
            upstreams="".join(f"upstream b{key} {{ server unix:{bridge.socket}; "
                              "keepalive 256; }\n" for key, bridge in bridges.items()),
            locations="".join(location(prefix, f"b{id(bridge)}", parameters)
                              for prefix, (bridge, parameters) in self.locations.items()))


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
