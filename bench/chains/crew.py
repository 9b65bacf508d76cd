"""crew: nginx, fcgi-bridge, RabbitMQ, app-worker, the routes of the probe. Each chain has a
task of its own, so that no other chain's worker serves its requests."""
import time
from concurrent.futures import ThreadPoolExecutor

from chains.web import Web
from measure import memory_bytes
from scenarios import hello, sleep
from support.bridge import Bridge
from support.worker import Worker


class Crew(Web):
    name = "crew"
    workers_count = 1
    bridge_options = ()

    def __init__(self, testbed):
        super().__init__(testbed)
        self.workers = [testbed.start(Worker(
                        testbed.folder, testbed.broker, "--task", self.name, "--processes",
                        str(self.processes_each()), *self.worker_options()))
                        for _ in range(self.workers_count)]
        self.bridge = testbed.start(Bridge(testbed.folder, testbed.broker, "--task", self.name,
                                           *self.bridge_options))
        self.bridge.wait_connected()

    def processes_each(self):
        """Handler processes of each worker."""
        return self.testbed.wanted.processes

    def worker_options(self):
        return ["--prefetch", str(self.testbed.wanted.prefetch)]

    def handlers(self):
        return self.workers_count * self.processes_each()

    def upstream(self):
        return f"server unix:{self.bridge.socket}; keepalive 1024;"

    def location(self):
        return f"""
            include /etc/nginx/fastcgi_params;
            fastcgi_param PATH_INFO $uri;
            fastcgi_keep_conn on;
            fastcgi_pass {self.name};"""

    def own_processes(self):
        return {"bridge": [self.bridge.pid],
                "supervisor": [worker.pid for worker in self.workers],
                "handlers": [pid for worker in self.workers for pid in worker.children()]}

    def processes(self):
        return super().processes() | self.own_processes() | {"broker": [self.testbed.broker_pid]}


class CrewSingle(Crew):
    """One request in each message."""

    name = "crew-single"
    bridge_options = ("--max-batch", "1")


class Crew16(Crew):
    """16 handler processes in two workers, which hold as many tasks as they like."""

    name = "crew-16"
    workers_count = 2

    def processes_each(self):
        return 8

    def worker_options(self):
        return []


class CrewAnew(Crew):
    """Started anew for each measurement, which is of memory, not of speed."""

    name = "crew-anew"

    def check(self, scenario):
        super().check(hello(self.name, scenario.connections))

    def warm_up(self, scenario):
        """It is to be new."""

    def measure(self, scenario, seconds):
        """At rest when it has answered once, while there is a request on each connection, and
        when that is over and nginx keeps the connections."""
        self.start_anew()
        memory = {"rest": memory_bytes(self.own_processes())}
        with ThreadPoolExecutor(1) as background:
            load = background.submit(self.http_calls,
                                     sleep(self.name, 1, scenario.connections), seconds)
            time.sleep(seconds / 2)
            memory["busy"] = memory_bytes(self.own_processes())
        memory["kept"] = memory_bytes(self.own_processes())
        load = load.result()
        load.memory_bytes = memory
        return load

    def start_anew(self):
        for program in (self.bridge, *self.workers):
            program.stop()
            program.start()
        self.testbed.front.wait_status(f"/{self.name}/hello", 200)
