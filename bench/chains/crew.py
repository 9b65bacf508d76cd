"""crew: nginx, fcgi-bridge, RabbitMQ, app-worker, the routes of the probe.

crew-single is the same with one request in each message; crew-slow has two workers with as
many processes as are to be kept busy, and the worker's own idea of how many tasks to hold.
"""
from chains.web import Web
from scenarios import SLOW_PROCESSES
from support.bridge import Bridge
from support.worker import Worker


class Crew(Web):
    name = "crew"
    bridge_options = ()

    def __init__(self, house):
        super().__init__(house)
        self.workers = self.start_workers(house)
        self.bridge = house.start(Bridge(house.folder, house.broker, "--task", self.name,
                                         *self.bridge_options))
        self.bridge.wait_connected()
        self.idle_bytes = self.bridge.rss_bytes()

    def start_workers(self, house):
        return [self.start_worker(house, house.wanted.processes, "--prefetch",
                                  str(house.wanted.prefetch))]

    def start_worker(self, house, processes, *options):
        return house.start(Worker(house.folder, house.broker, "--task", self.name,
                                  "--processes", str(processes), *options))

    def upstream(self):
        return f"server unix:{self.bridge.socket}; keepalive 256;"

    def location(self):
        return f"""
            include /etc/nginx/fastcgi_params;
            fastcgi_param PATH_INFO $uri;
            fastcgi_keep_conn on;
            fastcgi_pass {self.name};"""

    def processes(self):
        return super().processes() | {"bridge": self.bridge.pid, "worker": self.workers[0].pid,
                "broker": self.house.broker_pid}

    def remarks(self):
        worker = self.workers[0]
        handlers = [resident(pid) for pid in worker.children()]
        return [f"{self.name}: fcgi-bridge {self.idle_bytes / 1e6:.1f} MB before the first "
                f"request, {self.bridge.rss_bytes() / 1e6:.1f} MB after the last; supervisor "
                f"{worker.rss_bytes() / 1e6:.1f} MB, handler processes "
                f"{max(handlers, default=0) / 1e6:.1f} MB each at most"]


class CrewSingle(Crew):
    name = "crew-single"
    bridge_options = ("--max-batch", "1")


class CrewSlow(Crew):
    name = "crew-slow"

    def start_workers(self, house):
        return [self.start_worker(house, SLOW_PROCESSES // 2) for _ in range(2)]


def resident(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096
