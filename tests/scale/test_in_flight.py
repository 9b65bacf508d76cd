"""Ten requests in flight, and ten thousand; one task, and a thousand. Instructions of the
bridge and of libcrew's worker."""
import resource

import pytest
from counted import CountedBridge, CountedHolder, at_rest, cost
from crowd import Crowd, to

MANY = 10000  # the bridge's --max-inflight
TASKS = 1000
LEVELS = 4  # of priority: each task has as many lanes
SAMPLE = 200


@pytest.fixture(autouse=True)
def descriptors():
    """One for each request, here and in the bridge."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard > MANY + 500, f"ulimit -Hn is {hard}"
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def hold(i):
    """One that is held, in a lane of its own for as long as there are any."""
    return to(f"x{i % TASKS}", b"hold", CREW_PRIORITY=str(i // TASKS % LEVELS * 85))


@pytest.mark.long
def test_absent_tasks(stage, broker, alike):
    """Many questions at once whether there are workers."""
    bridge = stage.keep(CountedBridge(stage.folder, broker)).start()
    bridge.wait_connected(60)
    with Crowd(bridge) as front:
        def ask(count, name):
            front.send([to(f"{name}{i}", CREW_NO_WORKERS="fail") for i in range(count)])
            front.receive(count, 503)

        ask(MANY, "first")  # makes buffers and tables
        few, many = (cost({"bridge": bridge.pid}, count, lambda n=count: ask(n, f"{n}of"))
                     for count in (3 * TASKS, MANY))
        alike("absent tasks", few, many)


def test_in_flight(stage, broker, alike):
    holder = stage.keep(CountedHolder(stage.folder, broker, "x", TASKS)).start()
    bridge = stage.keep(CountedBridge(stage.folder, broker)).start()
    bridge.wait_connected(60)
    pids = {"bridge": bridge.pid, "worker": holder.pid}
    one_task = [to("x0")] * SAMPLE
    each_task = [to(f"x{i}") for i in range(TASKS)]
    new_lanes = [to(f"x{i}", CREW_PERSISTENT="1") for i in range(SAMPLE)]

    with Crowd(bridge) as front, Crowd(bridge) as back:
        def ask(requests):
            return cost(pids, len(requests), lambda: front.ask(requests))

        def fill(count):
            """COUNT are in flight, and in the worker's hands."""
            back.send([hold(i) for i in range(count)])
            front.ask([to("x0", b"await %d" % count)])

        def empty(count):
            front.ask([to("x0", b"release")])
            back.receive(count)

        def ten_at_a_time(rounds):
            for _ in range(rounds):
                fill(10)
                at_rest(pids)  # the worker has said that it has them
                empty(10)

        ask(one_task)  # the first ones make buffers and tables
        alone = ask(one_task)
        alike("one task", alone, ask(each_task))

        few = cost(pids, 5 * 12, lambda: ten_at_a_time(5))
        filled = cost(pids, MANY + 1, lambda: fill(MANY - 1))
        alike("beside those held", alone, ask(one_task))
        alike("of new lanes beside them", alone, ask(new_lanes))
        emptied = cost(pids, MANY + 1, lambda: empty(MANY - 1))
        alike("held", few, {name: filled[name] + emptied[name] for name in pids})
