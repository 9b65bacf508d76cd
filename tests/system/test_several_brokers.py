"""Several addresses in --url: to which broker a bridge and a worker connect, at the start and
after a connection loss.

Two virtual hosts of one node serve as two brokers: they share no queues, so a program with
one connection to each would get no answers.
"""
import contextlib
import socket
import time
from urllib.parse import quote

import pytest

from support.broker import Several
from support.connection_limiter import ConnectionLimiter
from support.program import free_port
from support.waiting import wait_until


def start_chain(environment, broker):
    """nginx, a bridge and a worker, without waiting for them."""
    bridge = environment.bridge(broker, connected=False)
    worker = environment.worker(broker, "--processes", "2", ready=False)
    nginx = environment.nginx({"/p": (bridge, {"CREW_EXPIRATION": "5"})})
    return nginx, bridge, worker


@contextlib.contextmanager
def refuses():
    yield f"amqp://127.0.0.1:{free_port()}"


@contextlib.contextmanager
def black_hole():
    """An address that takes no connection and does not refuse one: its backlog is full."""
    with contextlib.ExitStack() as sockets:
        server = sockets.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(3):
            filler = sockets.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        yield f"amqp://127.0.0.1:{server.getsockname()[1]}"


@contextlib.contextmanager
def silent():
    """It accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield f"amqp://127.0.0.1:{server.getsockname()[1]}"


@contextlib.contextmanager
def unknown_name():
    yield "amqp://none.invalid"


@pytest.mark.parametrize("first, reason, bound_s", [
    (refuses, "Connection refused", 5), (black_hole, "timed out", 20), (silent, "login", 30),
    (unknown_name, "name look-up", 10)])
def test_first_address_is_of_no_use(environment, broker, slowness, first, reason, bound_s):
    with first() as url:
        nginx, bridge, worker = start_chain(environment, Several(url, broker))
        nginx.wait_status("/p/hello", 200, bound_s * slowness)
        for program in (bridge, worker):
            assert program.log().count(reason) == 1, program.log()


def test_first_password_is_wrong(environment, broker):
    wrong = broker.base.replace("guest:guest", "guest:not-the-password")
    nginx, bridge, worker = start_chain(environment, Several(wrong, broker))
    nginx.wait_status("/p/hello", 200)
    for program in (bridge, worker):
        assert program.log().count("ACCESS_REFUSED") == 1, program.log()
        assert "not-the-password" not in program.log()


# ---- both connections to the same broker

@pytest.fixture
def vhosts(shared_broker):
    """Two virtual hosts, which programs cannot distinguish from two brokers."""
    vhosts = [shared_broker.fresh_vhost() for _ in range(2)]
    yield vhosts
    for vhost in vhosts:
        vhost.delete_vhost()


def connections(broker):
    table = broker.ctl("-q", "list_connections", "vhost", "state")
    return table.split("\n").count(f"{broker.vhost}\trunning")


@pytest.fixture
def limiter():
    """Makes connection limiters."""
    with contextlib.ExitStack() as limiters:
        yield lambda broker, limit: limiters.enter_context(
            contextlib.closing(ConnectionLimiter(broker, limit)))


def test_both_connections_move_to_the_broker_that_accepts_both(environment, vhosts, limiter):
    """The first broker accepts one connection only, so no program can use it."""
    first, second = vhosts
    limited = limiter(first, 1)
    nginx, _, _ = start_chain(environment, Several(limited, second))
    nginx.wait_status("/p/hello", 200)
    assert nginx.post("/p/echo", b"x").body == b"x"
    wait_until(lambda: connections(second) == 4 and connections(first) == 0)
    assert limited.attempts >= 4


def test_no_broker_accepts_both_connections(environment, vhosts, limiter, slowness):
    """Each broker accepts one connection only: attempts back off, requests are answered at
    once, and the bridge connects when the limit is raised."""
    limiters = [limiter(one, 1) for one in vhosts]
    bridge = environment.bridge(Several(*limiters), connected=False)
    nginx = environment.nginx({"/p": (bridge, {})})
    wait_until(lambda: all(one.attempts for one in limiters))
    before, began_s = sum(one.attempts for one in limiters), time.monotonic()
    while time.monotonic() - began_s < 6:
        answer = nginx.get("/p/hello")
        assert (answer.status, answer.error) == (503, "broker"), answer
        assert answer.seconds < slowness
        time.sleep(0.2)
    assert sum(one.attempts for one in limiters) - before < 40
    for broker, one in zip(vhosts, limiters):
        one.limit = 100
        environment.worker(broker, "--processes", "1")
    nginx.wait_status("/p/hello", 200)


def limit(broker, connections):
    broker.ctl("set_vhost_limits", "-p", broker.vhost, '{"max-connections": %d}' % connections)


def test_a_lost_connection_returns_to_the_broker_of_the_other(environment, vhosts):
    """Both connections are at the second broker and stay there when the first works again."""
    first, second = vhosts
    limit(first, 0)
    nginx, bridge, worker = start_chain(environment, Several(first, second))
    nginx.wait_status("/p/hello", 200)
    limit(first, -1)
    for what in ("publishes", "consumes"):
        seen = [program.log().count("broker: connected") for program in (bridge, worker)]
        close(second, what)
        wait_until(lambda: [program.log().count("broker: connected")
                            for program in (bridge, worker)] == [seen[0] + 1, seen[1] + 1])
        nginx.wait_status("/p/hello", 200)
    assert (connections(first), connections(second)) == (0, 4)


def close(broker, what):
    """Close the connections of this kind."""
    found = 0
    for line in broker.ctl("-q", "list_connections", "pid", "vhost",
                           "client_properties").split("\n"):
        if broker.vhost in line and f"({what})" in line:
            broker.ctl("close_connection", line.split("\t")[0], "test")
            found += 1
    assert found == 2


# ---- a broker is lost

@pytest.fixture(scope="module")
def nodes(module_environment):
    """Two nodes that are no cluster."""
    return [module_environment.broker("--heartbeat", "5") for _ in range(2)]


def test_all_move_to_the_second_and_stay(environment, nodes, lines, slowness):
    """The first node is killed under load: calls in flight end as documented, and the second
    node serves. When the first is up again, it is not used until the second is down."""
    first, second = nodes
    nginx, bridge, worker = start_chain(environment, Several(*nodes))
    nginx.wait_status("/p/hello", 200)
    assert connections(first) == 4
    post = nginx.begin("POST", lines.url("/p", "post", 1000), b"")
    get = nginx.begin("GET", lines.url("/p", "get", 1000))
    wait_until(lambda: lines.count("post") and lines.count("get"))
    first.kill()
    answer = post.receive()
    assert (answer.status, answer.error) == (502, "lost"), answer
    assert answer.seconds < 3 * slowness
    # The GET is sent again. The worker answers it at the second broker, where the queue does
    # not exist until the worker has connected.
    answer = get.receive()
    assert (answer.status, answer.error) in [(200, None), (503, "no-workers")], answer
    nginx.wait_status("/p/hello", 200, 5 * slowness)
    assert nginx.post("/p/echo", b"x").body == b"x"
    for program in (bridge, worker):
        program.wait_log(f"connected to 127.0.0.1:{second.port}")

    first.restart()
    assert nginx.get("/p/hello").status == 200
    assert (connections(first), connections(second)) == (0, 4)
    second.kill()
    nginx.wait_status("/p/hello", 200)
    assert connections(first) == 4
    second.restart()
    assert lines.count("post") == 1


def test_a_virtual_host_by_another_name(environment, broker):
    """Addresses keep their own virtual host, user and password."""
    elsewhere = broker.base.rstrip("/") + "/" + quote("no such/one", safe="")
    nginx, bridge, _ = start_chain(environment, Several(elsewhere, broker))
    nginx.wait_status("/p/hello", 200)
    assert "no such/one" in bridge.log()
