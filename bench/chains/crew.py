"""crew: nginx, fcgi-bridge, RabbitMQ, app-worker, the routes of the probe."""
from chains.web import Web
from support.bridge import Bridge
from support.worker import Worker


class Crew(Web):
    name = "crew"

    def __init__(self, house):
        super().__init__(house)
        self.worker = house.start(Worker(house.folder, house.broker,
                                         "--processes", str(house.wanted.processes),
                                         "--prefetch", str(house.wanted.prefetch)))
        self.bridge = house.start(Bridge(house.folder, house.broker))
        self.bridge.wait_connected()
        self.idle_bytes = self.bridge.rss_bytes()

    def upstream(self):
        return f"server unix:{self.bridge.socket}; keepalive 256;"

    def location(self):
        return """
            include /etc/nginx/fastcgi_params;
            fastcgi_param PATH_INFO $uri;
            fastcgi_keep_conn on;
            fastcgi_pass crew;"""

    def processes(self):
        return super().processes() | {"bridge": self.bridge.pid, "worker": self.worker.pid,
                "broker": self.house.broker_pid}

    def remarks(self):
        return [f"fcgi-bridge: {self.idle_bytes / 1e6:.1f} MB before the first request, "
                f"{self.bridge.rss_bytes() / 1e6:.1f} MB after the last"]
