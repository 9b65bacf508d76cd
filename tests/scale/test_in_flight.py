"""Ten and ten thousand requests in flight; one task and a thousand. Instructions of the bridge
and of libcrew's worker."""
import resource

import pytest
from callgrind import CountedBridge, CountedHolder, wait_idle, cost
from load import Load, to

MANY = 10000  # the bridge's --max-inflight
TASKS = 1000
LEVELS = 4  # of priority: each task has as many batchers
SAMPLE = 200


@pytest.fixture(autouse=True)
def descriptors():
    """One descriptor for each request, in the test and in the bridge."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard > MANY + 500, f"ulimit -Hn is {hard}"
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def hold(i):
    """One that is held, in a batcher of its own as long as there are any."""
    return to(f"x{i % TASKS}", b"hold", CREW_PRIORITY=str(i // TASKS % LEVELS * 85))


@pytest.mark.long
def test_absent_tasks(environment, broker, compare):
    """Many queries for a queue's consumers at once."""
    bridge = environment.keep(CountedBridge(environment.folder, broker)).start()
    bridge.wait_connected(60)
    with Load(bridge) as front:
        def ask(count, name):
            front.send([to(f"{name}{i}", CREW_NO_WORKERS="fail") for i in range(count)])
            front.receive(count, 503)

        ask(MANY, "first")  # allocates buffers and tables
        few, many = (cost({"bridge": bridge.pid}, count, lambda n=count: ask(n, f"{n}of"))
                     for count in (3 * TASKS, MANY))
        compare("absent tasks", few, many)


def test_in_flight(environment, broker, compare):
    holder = environment.keep(CountedHolder(environment.folder, broker, "x", TASKS)).start()
    bridge = environment.keep(CountedBridge(environment.folder, broker)).start()
    bridge.wait_connected(60)
    pids = {"bridge": bridge.pid, "worker": holder.pid}
    one_task = [to("x0")] * SAMPLE
    each_task = [to(f"x{i}") for i in range(TASKS)]
    new_batchers = [to(f"x{i}", CREW_PERSISTENT="1") for i in range(SAMPLE)]

    with Load(bridge) as front, Load(bridge) as back:
        def ask(requests):
            return cost(pids, len(requests), lambda: front.ask(requests))

        def fill(count):
            """COUNT requests are in flight and have reached the worker."""
            back.send([hold(i) for i in range(count)])
            front.ask([to("x0", b"await %d" % count)])

        def empty(count):
            front.ask([to("x0", b"release")])
            back.receive(count)

        def ten_at_a_time(rounds):
            for _ in range(rounds):
                fill(10)
                wait_idle(pids)  # the worker has reported them as started
                empty(10)

        ask(one_task)  # the first ones allocate buffers and tables
        alone = ask(one_task)
        compare("one task", alone, ask(each_task))

        few = cost(pids, 5 * 12, lambda: ten_at_a_time(5))
        filled = cost(pids, MANY + 1, lambda: fill(MANY - 1))
        compare("beside those held", alone, ask(one_task))
        compare("new batchers beside them", alone, ask(new_batchers))
        emptied = cost(pids, MANY + 1, lambda: empty(MANY - 1))
        compare("held", few, {name: filled[name] + emptied[name] for name in pids})
