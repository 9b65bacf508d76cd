"""Every way in which a handler can break: its caller is answered in time, other requests are
not affected, and the next one is served."""
import concurrent.futures
import time

import pytest

LIMIT_S = 2
ENDS = {"segv": "crashed", "abort": "crashed", "exit": "crashed", "closefds": "crashed",
        "oom": "crashed", "loop": "timeout", "deaf": "timeout"}
STATUS = {"crashed": 502, "timeout": 504}


@pytest.fixture(scope="module")
def worker(module_environment, broker):
    return module_environment.worker(broker, "--processes", "2", "--timeout", str(LIMIT_S),
                        "--grace", "0.5", "--max-memory", "256M")


@pytest.fixture(scope="module")
def nginx(module_environment, broker, worker):
    bridge = module_environment.bridge(broker)
    nginx = module_environment.nginx({"/p": (bridge, {})})
    nginx.wait_status("/p/hello", 200)
    return nginx


def others(nginx, until_s):
    """Answers to another client that sends requests all the time."""
    answers = []
    with nginx.client() as client:
        while time.monotonic() < until_s or not answers:
            answers.append(client.get("/p/hello"))
    return answers


@pytest.mark.parametrize("how", ENDS)
def test_crash(nginx, worker, how, slowness):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        bystander = pool.submit(others, nginx, time.monotonic() + LIMIT_S + 1.5)
        answer = nginx.get(f"/p/crash?how={how}")
        assert (answer.status, answer.error) == (STATUS[ENDS[how]], ENDS[how])
        assert answer.seconds < (LIMIT_S + 1) * slowness
        if ENDS[how] == "timeout":
            assert answer.seconds >= LIMIT_S
        assert nginx.get("/p/hello").status == 200
        assert {one.status for one in bystander.result()} == {200}
    worker.wait_handlers(2)


def test_crashing_over_and_over(nginx, worker):
    """A request that kills its process each time is answered each time."""
    for _ in range(20):
        answer = nginx.post("/p/crash?how=segv")
        assert (answer.status, answer.error) == (502, "crashed")
    assert nginx.get("/p/hello").status == 200
    worker.wait_handlers(2)


def test_caller_s_own_limit_is_shorter(module_environment, broker, nginx, worker, slowness):
    """Without the worker's --timeout it is the request's expiration that ends a loop."""
    del worker
    bridge = module_environment.bridge(broker)
    front = module_environment.nginx({"/short": (bridge, {"CREW_EXPIRATION": "1"})})
    answer = front.get("/short/crash?how=loop")
    assert (answer.status, answer.error) == (504, "timeout")
    assert 1.0 <= answer.seconds < 2.0 * slowness
    assert nginx.get("/p/hello").status == 200
