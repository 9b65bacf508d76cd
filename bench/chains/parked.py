"""crew-parked, nchan: many requests that wait for a publication. Each chain has an nginx of its
own, with one worker process per CPU, and is restarted for each measurement, so that memory is
not left over from another."""
import collections
import contextlib
import resource
import statistics

from chains.chain import Chain
from loads import Readers
from measure import Load, cpu_us, proportional_bytes, settle
from programs import compile_program
from support.bridge import Bridge
from support.nginx import Nginx

NCHAN = "/usr/lib/nginx/modules/ngx_nchan_module.so"
DESCRIPTORS = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # of a process
PAGE = """
{module}
daemon off;
{user}
worker_processes auto;
error_log stderr notice;
pid {folder}/nginx.pid;
worker_rlimit_nofile {descriptors};
events {{ worker_connections {descriptors}; }}
http {{
    access_log off;
    {temp_paths}
    keepalive_requests 1000000;
    {settings}
    server {{
        # Connections are spread over the worker processes, for each has its limit.
        listen 127.0.0.1:{port} backlog=4096 reuseport;
        {locations}
    }}
}}
"""


class Door(Nginx):
    """The nginx of a chain."""

    def __init__(self, folder, chain):
        super().__init__(folder, {})
        self.chain = chain

    def page(self):
        return self.fill(
            PAGE, module=self.chain.module, descriptors=DESCRIPTORS,
            settings=self.chain.settings, locations=self.chain.locations())


class Parked(Chain):
    """/poll and /sse subscribe to the channel of the query, /publish publishes on it."""

    module = settings = ""

    def __init__(self, testbed):
        super().__init__(testbed)
        self.program = compile_program("readers", ["readers.c", "samples.c"], [])
        self.door = None

    def locations(self):
        raise NotImplementedError

    def begin(self, start):
        """START what runs behind nginx."""

    def processes(self):
        return {"nginx": [self.door.pid, *self.door.children()]}

    @contextlib.contextmanager
    def anew(self):
        """All is started, has been used, and is stopped at the end."""
        with contextlib.ExitStack() as leaving:
            def start(program):
                leaving.callback(program.stop)
                return program.start()

            self.begin(start)
            self.door = start(Door(self.testbed.folder, self))
            yield

    def readers(self, mode, count, channels):
        return Readers(self.program, self.door.port, mode, count, channels)

    def one_message(self, mode):
        """There is a reader, and it gets what is published."""
        with self.readers(mode, 1, 1) as readers:
            readers.ask(self.wait_subscribed)
            readers.publish(1)

    def settle(self):
        settle(self.processes())

    def wait_subscribed(self):
        """Until the first readers hear what is published."""
        self.settle()

    def check(self, scenario):
        with self.anew():
            self.one_message(scenario.mode)

    def warm_up(self, scenario):
        """It is to be new."""

    def measure(self, scenario, seconds):
        with self.anew():
            self.one_message(scenario.mode)
            self.settle()
            kinds = self.processes()
            memory = {"rest": proportional_bytes(kinds)}
            with self.readers(scenario.mode, scenario.readers, scenario.channels) as readers:
                refused = readers.ask(self.settle)
                memory["parked"] = proportional_bytes(kinds)
                load = self.publications(scenario, readers, max(2, seconds))
        load.memory_bytes = memory
        load.refused = max(refused, load.refused)
        return load

    def publications(self, scenario, readers, turns):
        """So many times all readers get all messages; medians."""
        kinds = self.processes()
        used, said, refused = collections.Counter(), [], []
        for _ in range(turns):
            before = cpu_us(kinds)
            said.append(readers.publish(scenario.messages))
            self.settle()
            used.update({kind: after - before[kind] for kind, after in cpu_us(kinds).items()})
            refused.append(readers.ask(self.settle))
        latency_ms = {name: statistics.median(one[name] for one in said) for name in said[0]}
        each = scenario.readers * scenario.messages
        return Load(count=turns * each, rate=each / latency_ms["last"] * 1000,
                    latency_ms=latency_ms, refused=max(refused),
                    cpu_us={kind: used[kind] / (turns * each) for kind in kinds})


class Nchan(Parked):
    name = "nchan"
    module = f"load_module {NCHAN};"
    settings = "nchan_shared_memory_size 256m;"

    def locations(self):
        return """
        nchan_channel_id $arg_channel;
        nchan_subscriber_first_message newest;
        nchan_message_buffer_length 100;
        location = /poll { nchan_subscriber longpoll; }
        location = /sse { nchan_subscriber eventsource; }
        location = /publish { nchan_publisher; }"""


class CrewParked(Parked):
    """nginx keeps its connections to the bridge, all of them."""

    name = "crew-parked"
    keep = "fastcgi_keep_conn on;"

    def __init__(self, testbed):
        super().__init__(testbed)
        self.bridge = None

    def begin(self, start):
        self.bridge = start(Bridge(self.testbed.folder, self.testbed.broker))
        self.bridge.wait_connected()

    def wait_subscribed(self):
        """The bridge reads the history from when somebody first subscribes."""
        self.bridge.wait_log("the history is read")
        super().wait_subscribed()

    def processes(self):
        return super().processes() | {"bridge": [self.bridge.pid],
                                      "broker": [self.testbed.broker_pid]}

    @property
    def settings(self):
        kept = f"keepalive {DESCRIPTORS};" if self.keep else ""
        return f"upstream crew {{ server unix:{self.bridge.socket}; {kept} }}"

    def locations(self):
        def location(name, *parameters):
            lines = "".join(f"fastcgi_param {one};" for one in parameters)
            return f"""
        location = /{name} {{
            include /etc/nginx/fastcgi_params;
            {lines}
            fastcgi_read_timeout 310s;
            {self.keep}
            fastcgi_pass crew;
        }}"""

        waits = "CREW_SUBSCRIBE $arg_channel", "CREW_SUBSCRIBE_TIMEOUT 300"
        return (location("poll", *waits) + location("sse", *waits, "CREW_SUBSCRIBE_MODE sse")
                + location("publish", "CREW_PUBLISH $arg_channel"))


class CrewParkedEach(CrewParked):
    """A connection to the bridge for each request."""

    name = "crew-parked-each"
    keep = ""
