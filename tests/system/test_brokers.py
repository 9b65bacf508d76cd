"""Several addresses in --url: where a bridge and a worker go, at the start and after a loss.

Two virtual hosts of one node are two brokers here: neither knows the other's queues, so a
program with one connection in each would get no answer.
"""
import contextlib
import socket
import time
from urllib.parse import quote

import pytest

from support.broker import Several
from support.door import Door
from support.program import free_port
from support.waiting import wait_until


def road(stage, broker):
    """nginx, a bridge and a worker; waits for nothing."""
    bridge = stage.bridge(broker, connected=False)
    worker = stage.worker(broker, "--processes", "2", ready=False)
    nginx = stage.nginx({"/p": (bridge, {"CREW_EXPIRATION": "5"})})
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
    """It takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield f"amqp://127.0.0.1:{server.getsockname()[1]}"


@contextlib.contextmanager
def unknown_name():
    yield "amqp://none.invalid"


@pytest.mark.parametrize("first, reason, bound_s", [
    (refuses, "Connection refused", 5), (black_hole, "timed out", 20), (silent, "login", 30),
    (unknown_name, "name look-up", 10)])
def test_first_address_is_of_no_use(stage, broker, slowness, first, reason, bound_s):
    with first() as url:
        nginx, bridge, worker = road(stage, Several(url, broker))
        nginx.wait_status("/p/hello", 200, bound_s * slowness)
        for program in (bridge, worker):
            assert program.log().count(reason) == 1, program.log()


def test_first_password_is_wrong(stage, broker):
    wrong = broker.base.replace("guest:guest", "guest:not-the-password")
    nginx, bridge, worker = road(stage, Several(wrong, broker))
    nginx.wait_status("/p/hello", 200)
    for program in (bridge, worker):
        assert program.log().count("ACCESS_REFUSED") == 1, program.log()
        assert "not-the-password" not in program.log()


# ---- one place for both connections

@pytest.fixture
def vhosts(shared_broker):
    """Two brokers, as far as the programs can tell."""
    pair = [shared_broker.fresh_vhost() for _ in range(2)]
    yield pair
    for one in pair:
        one.delete_vhost()


def connections(broker):
    table = broker.ctl("-q", "list_connections", "vhost", "state")
    return table.split("\n").count(f"{broker.vhost}\trunning")


@pytest.fixture
def door():
    """Makes doors."""
    with contextlib.ExitStack() as doors:
        yield lambda broker, width: doors.enter_context(
            contextlib.closing(Door(broker, width)))


def test_both_connections_go_where_both_are_let_in(stage, vhosts, door):
    """The first broker takes one connection only: nobody can stay there."""
    first, second = vhosts
    narrow = door(first, 1)
    nginx, _, _ = road(stage, Several(narrow, second))
    nginx.wait_status("/p/hello", 200)
    assert nginx.post("/p/echo", b"x").body == b"x"
    wait_until(lambda: connections(second) == 4 and connections(first) == 0)
    assert narrow.knocks >= 4


def test_no_place_for_both(stage, vhosts, door, slowness):
    """Each broker takes one connection only: attempts keep their distance, requests are
    answered at once, and all is well when there is room."""
    doors = [door(one, 1) for one in vhosts]
    bridge = stage.bridge(Several(*doors), connected=False)
    nginx = stage.nginx({"/p": (bridge, {})})
    wait_until(lambda: all(one.knocks for one in doors))
    before, began_s = sum(one.knocks for one in doors), time.monotonic()
    while time.monotonic() - began_s < 6:
        answer = nginx.get("/p/hello")
        assert (answer.status, answer.error) == (503, "broker"), answer
        assert answer.seconds < slowness
        time.sleep(0.2)
    assert sum(one.knocks for one in doors) - before < 40
    for broker, one in zip(vhosts, doors):
        one.width = 100
        stage.worker(broker, "--processes", "1")
    nginx.wait_status("/p/hello", 200)


def limit(broker, connections):
    broker.ctl("set_vhost_limits", "-p", broker.vhost, '{"max-connections": %d}' % connections)


def test_one_connection_lost_comes_back_where_the_other_is(stage, vhosts):
    """They are at the second broker; the first is well again, and nobody goes there."""
    first, second = vhosts
    limit(first, 0)
    nginx, bridge, worker = road(stage, Several(first, second))
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
    """End the connections of this kind."""
    found = 0
    for line in broker.ctl("-q", "list_connections", "pid", "vhost",
                           "client_properties").split("\n"):
        if broker.vhost in line and f"({what})" in line:
            broker.ctl("close_connection", line.split("\t")[0], "test")
            found += 1
    assert found == 2


# ---- a broker is lost

@pytest.fixture(scope="module")
def pair(house):
    """Two nodes that know nothing of each other."""
    return [house.broker("--heartbeat", "5") for _ in range(2)]


def test_all_move_to_the_second_and_stay(stage, pair, lines, slowness):
    """The first is killed under load: what is under way ends as it should, the second one
    serves. When the first is back nobody goes there until the second is gone."""
    first, second = pair
    nginx, bridge, worker = road(stage, Several(*pair))
    nginx.wait_status("/p/hello", 200)
    assert connections(first) == 4
    post = nginx.begin("POST", lines.url("/p", "post", 1000), b"")
    get = nginx.begin("GET", lines.url("/p", "get", 1000))
    wait_until(lambda: lines.count("post") and lines.count("get"))
    first.kill()
    answer = post.receive()
    assert (answer.status, answer.error) == (502, "lost"), answer
    assert answer.seconds < 3 * slowness
    # The GET is sent again: the worker has it already, and answers it at the second broker,
    # where there is no queue before the worker has come.
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


def test_a_virtual_host_by_another_name(stage, broker):
    """Addresses keep their own virtual host, user and password."""
    elsewhere = broker.base.rstrip("/") + "/" + quote("no such/one", safe="")
    nginx, bridge, _ = road(stage, Several(elsewhere, broker))
    nginx.wait_status("/p/hello", 200)
    assert "no such/one" in bridge.log()
