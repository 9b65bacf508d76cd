"""The nginx in front of all chains: one worker process, one location for each chain."""

from support.nginx import Nginx

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
    keepalive_requests 1000000;
    # Bodies of a few MB stay in memory, both ways.
    client_max_body_size 64m;
    client_body_buffer_size 4m;
    fastcgi_max_temp_file_size 0;
    uwsgi_max_temp_file_size 0;
    {upstreams}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        {locations}
    }}
}}
"""


class Front(Nginx):
    """CHAINS say what stands in their upstream and location."""

    def __init__(self, folder, chains):
        super().__init__(folder, {})
        self.chains = chains

    def page(self):
        return self.fill(
            PAGE,
            upstreams="\n".join(f"upstream {chain.name} {{ {chain.upstream()} }}"
                                for chain in self.chains),
            locations="\n".join(location(chain) for chain in self.chains))


def location(chain):
    return f"""
        location /{chain.name}/ {{
            rewrite ^/[^/]+(/.*)$ $1 break;
            {chain.location()}
        }}"""
