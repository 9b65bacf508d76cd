"""A cluster of three nodes whose addresses the programs have: nodes are killed and restarted
under load. A queue is on one node; a mirrored queue survives its node."""
import collections
import threading
import time

import pytest

from support.broker import Several
from support.waiting import wait_until

pytestmark = pytest.mark.long

EXPIRATION_S = 4
USERS = 12
# What contract and README allow while brokers come and go.
OUTCOMES = {(200, None), (503, "broker"), (503, "expired"), (503, "no-workers"),
            (503, "overloaded"), (502, "lost"), (504, "deadline")}

Done = collections.namedtuple("Done", "method name answer ended_s")


class Load:
    """Users that send one request after the other, GET and POST in turn, each with an id
    of its own."""

    def __init__(self, nginx, lines):
        self.nginx = nginx
        self.lines = lines
        self.done = []
        self.over = threading.Event()
        self.users = [threading.Thread(target=self.use, args=(number,))
                      for number in range(USERS)]
        for user in self.users:
            user.start()

    def use(self, number):
        count = 0
        with self.nginx.client(30) as client:
            while not self.over.is_set():
                count += 1
                method = "POST" if count % 2 else "GET"
                name = f"{number}-{count}"
                answer = client.request(method, self.lines.url("/p", name, count % 20),
                                        b"" if method == "POST" else None)
                self.done.append(Done(method, name, answer, time.monotonic()))
                if answer.status != 200:
                    self.over.wait(0.05)  # a client that is told to come back later

    def served_since(self, moment_s):
        return sum(done.answer.status == 200 and
                   done.ended_s - done.answer.seconds > moment_s for done in self.done)

    def wait_served(self, bound_s, what):
        """The service is well: requests sent from now on are answered."""
        moment_s = time.monotonic()
        wait_until(lambda: self.served_since(moment_s) > 5 * USERS, bound_s, what=what)

    def finish(self):
        self.over.set()
        for user in self.users:
            user.join(EXPIRATION_S + 30)
            assert not user.is_alive(), "a request hangs"
        return self.done


def check(load, slowness):
    outcomes = collections.Counter()
    for done in load.finish():
        answer = done.answer
        outcomes[done.method, answer.status, answer.error] += 1
        assert (answer.status, answer.error) in OUTCOMES, answer
        assert answer.seconds < (EXPIRATION_S + 1) * slowness, (done, answer)
    written = collections.Counter(load.lines.all())
    for done in load.done:
        if done.method == "POST":
            assert written[done.name] <= 1, done
        if done.answer.status == 200:
            assert written[done.name] >= 1, done
        if done.answer.error in ("broker", "no-workers"):
            assert written[done.name] == 0, done
    print("\n".join(f"{count:7} {outcome}" for outcome, count in sorted(
        outcomes.items(), key=str)))


@pytest.fixture(scope="module")
def cluster(module_environment):
    return module_environment.cluster(3, "--heartbeat", "5")


@pytest.fixture
def nodes(cluster):
    """The three nodes, in a virtual host that only this test uses."""
    first = cluster[0].fresh_vhost()
    yield [node.in_vhost(first.vhost) for node in cluster]
    first.delete_vhost()


def mirror(node):
    """As an operator would, who wants queues to outlive their node."""
    node.ctl("set_policy", "-p", node.vhost, "mirror", r"^crew\.tasks\.",
             '{"ha-mode":"all","ha-sync-mode":"automatic"}')


class Town:
    """nginx, a bridge at the second node, a worker at the first, where the task queue is
    made, and one at the third."""

    def __init__(self, environment, nodes):
        a, b, c = nodes
        self.first = environment.worker(Several(a, b, c), "--processes", "2")
        self.last = environment.worker(Several(c, b, a), "--processes", "2")
        self.bridge = environment.bridge(Several(b, c, a), "--expiration", str(EXPIRATION_S))
        self.nginx = environment.nginx({"/p": (self.bridge, {})})
        self.nginx.wait_status("/p/hello", 200)
        self.programs = [self.first, self.last, self.bridge]

    def connections(self):
        return [program.log().count("broker: connected") for program in self.programs]


def kill_under_load(town, node, load):
    """Those that were there notice; returns the moment."""
    load.wait_served(30, "load before the kill")
    before = town.connections()
    node.kill()
    wait_until(lambda: town.connections() != before, 30, what="somebody moves on")


def consumers(node):
    found = node.queue("crew.tasks.http")
    return found[1] if found else None


def test_mirrored_queue_outlives_its_node(environment, nodes, lines, slowness):
    """The node with the queue and a worker dies, later that of the bridge restarts: each
    time the service goes on without waiting for the node."""
    a, b, _ = nodes
    mirror(a)
    town = Town(environment, nodes)
    load = Load(town.nginx, lines)
    try:
        kill_under_load(town, a, load)
        load.wait_served(40, "served without the first node")
        a.restart()
        load.wait_served(40, "served with all three")
        before = town.connections()
        b.restart()
        wait_until(lambda: town.connections() != before, 40, what="the bridge moves on")
        load.wait_served(40, "served after the restart")
    finally:
        load.finish()
    check(load, slowness)
    for program in town.programs:
        assert program.alive()
    b.wait_ready_messages("http", 0)
    wait_until(lambda: consumers(b) == 2, 30, what="both workers consume")


def test_a_queue_waits_for_its_node(environment, nodes, lines, slowness):
    """The bridge's node dies: nothing but what was under way suffers. The queue's node dies:
    503 at once, one warning in each worker's log, and all is well when it is back."""
    a, b, c = nodes
    town = Town(environment, nodes)
    load = Load(town.nginx, lines)
    try:
        kill_under_load(town, b, load)
        load.wait_served(40, "served without the bridge's node")
        b.restart()

        load.wait_served(30, "served before the queue's node dies")
        a.kill()
        for worker in (town.first, town.last):
            worker.wait_log("crew.tasks.http: broker says 404", 40)
        answer = town.nginx.wait_status("/p/hello", 503, 20)
        wait_until(lambda: town.nginx.get("/p/hello").error == "no-workers", 20)
        time.sleep(8)  # several attempts to get the queue back
        for worker in (town.first, town.last):
            assert worker.log().count("broker says 404") == 1, worker.log()
            assert "home node" in worker.log()
        # Who is connected to a sound node is not thrown out over the missing queue.
        assert "the broker closed" not in town.last.log(), town.last.log()
        assert "lost the broker" not in town.last.log(), town.last.log()
        a.restart()
        load.wait_served(40, "served when the queue is back")

        before = town.connections()
        c.restart()
        wait_until(lambda: town.connections() != before, 40, what="a worker moves on")
        load.wait_served(40, "served after the restart")
    finally:
        load.finish()
    check(load, slowness)
    assert answer.seconds < EXPIRATION_S + 1
    a.wait_ready_messages("http", 0)
    wait_until(lambda: consumers(a) == 2, 30, what="both workers consume")
