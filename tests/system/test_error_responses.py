"""Each row of the table of responses that the bridge makes itself."""
import json
import signal
import time

import pytest

from support.broker import Broker
from support.program import free_port
from support.waiting import wait_until

QUEUE = {"x-dead-letter-exchange": "crew.DLX", "x-max-priority": 3}


def expect(answer, status, word):
    assert (answer.status, answer.error) == (status, word), (answer, answer.headers)
    assert answer.body, "no explanation"
    if status == 503:
        assert int(answer.header("Retry-After")) >= 1
    else:
        assert answer.header("Retry-After") is None
    # Nothing of the inside is shown.
    for secret in (b"amqp", b"guest", b"/tmp/", b"127.0.0.1", b".c:"):
        assert secret not in answer.body
    return answer


@pytest.fixture(scope="module")
def parts(module_environment, broker, extra_app):
    """A bridge with small limits and a location for each parameter."""
    bridge = module_environment.bridge(broker, "--max-body", "1000", "--expiration", "20")
    module_environment.worker(broker, "--processes", "2", "--max-response", "100000")
    module_environment.worker(broker, "--processes", "1", "--task", "extra", app=extra_app)
    nginx = module_environment.nginx({
        "/p": (bridge, {}),
        "/extra": (bridge, {"CREW_TASK": "extra"}),
        "/short": (bridge, {"CREW_EXPIRATION": "1"}),
        "/unknown": (bridge, {"CREW_TASK": "never-declared"}),
        "/idle": (bridge, {"CREW_TASK": "idle", "CREW_EXPIRATION": "1"}),
        "/idle-fail": (bridge, {"CREW_TASK": "idle", "CREW_NO_WORKERS": "fail"}),
        "/full": (bridge, {"CREW_TASK": "full"}),
        "/dropping": (bridge, {"CREW_TASK": "dropping", "CREW_EXPIRATION": "10"}),
        "/rejecting": (bridge, {"CREW_TASK": "rejecting"}),
        "/no-time": (bridge, {"CREW_EXPIRATION": "soon"}),
        "/long-time": (bridge, {"CREW_EXPIRATION": "1501"}),
        "/no-priority": (bridge, {"CREW_PRIORITY": "256"}),
        "/no-repeat": (bridge, {"CREW_REPEAT": "sometimes"}),
        "/no-wait": (bridge, {"CREW_NO_WORKERS": "maybe"}),
        "/no-persistence": (bridge, {"CREW_PERSISTENT": "yes"}),
        "/no-method": (bridge, {"REQUEST_METHOD": '""'}),
    })
    nginx.wait_status("/p/hello", 200)
    nginx.wait_status("/extra/left", 200)
    with broker.connect() as connection:
        channel = connection.channel()
        channel.queue_declare("crew.tasks.idle", durable=True, arguments=QUEUE)
        channel.queue_declare("crew.tasks.full", durable=True, arguments=QUEUE | {
            "x-max-length": 0, "x-overflow": "reject-publish"})
        channel.queue_declare("crew.tasks.dropping", durable=True, arguments=QUEUE | {
            "x-max-length": 1})
    return nginx


# ---- 503

def test_broker_absent(environment, slowness):
    nowhere = Broker(None, f"amqp://guest:guest@127.0.0.1:{free_port()}/")
    bridge = environment.bridge(nowhere, connected=False)
    nginx = environment.nginx({"/p": (bridge, {})})
    assert expect(nginx.get("/p/hello"), 503, "broker").seconds < slowness


def test_overloaded_by_requests_in_flight(environment, broker, parts, slowness):
    bridge = environment.bridge(broker, "--max-inflight", "2")
    nginx = environment.nginx({"/p": (bridge, {})})
    slow = [nginx.begin("GET", "/p/sleep?ms=1000") for _ in range(2)]
    answer = wait_until(lambda: (one := nginx.get("/p/hello")).status != 200 and one)
    assert expect(answer, 503, "overloaded").seconds < 0.5 * slowness
    assert [one.receive().status for one in slow] == [200, 200]
    assert nginx.get("/p/hello").status == 200
    del parts


def test_overloaded_when_the_queue_refuses(parts, slowness):
    assert expect(parts.get("/full/hello"), 503, "overloaded").seconds < slowness


def test_overloaded_when_the_queue_drops(parts, broker, slowness):
    first = parts.begin("GET", "/dropping/hello")
    broker.wait_ready_messages("dropping", 1)
    second = parts.begin("GET", "/dropping/hello")
    answer = expect(first.receive(), 503, "overloaded")
    assert answer.seconds < 3 * slowness
    second.close()


def test_no_such_queue(parts, slowness):
    assert expect(parts.get("/unknown/hello"), 503, "no-workers").seconds < slowness


def test_no_consumer_and_not_to_wait(parts, slowness):
    assert expect(parts.get("/idle-fail/hello"), 503, "no-workers").seconds < slowness


def test_no_worker_took_it(parts, slowness):
    answer = expect(parts.get("/idle/hello"), 503, "expired")
    assert 1.0 <= answer.seconds < 2.0 * slowness


# ---- 504

def test_ran_too_long(parts, slowness):
    answer = expect(parts.get("/short/crash?how=loop"), 504, "timeout")
    assert 1.0 <= answer.seconds < 2.0 * slowness


def test_taken_and_never_heard_of_again(environment, broker, lines, slowness):
    bridge = environment.bridge(broker)
    worker = environment.worker(broker, "--task", "silent", "--processes", "1")
    nginx = environment.nginx({"/p": (bridge, {"CREW_TASK": "silent", "CREW_EXPIRATION": "2"})})
    nginx.wait_status("/p/hello", 200)
    request = nginx.begin("GET", lines.url("/p", "silent", 10000))
    wait_until(lambda: lines.count("silent"))
    time.sleep(0.5)  # well after the 100 ms at which the worker reports the task as started
    worker.signal(signal.SIGSTOP)
    answer = expect(request.receive(), 504, "deadline")
    assert 2.0 <= answer.seconds < 3.0 * slowness


# ---- 502

def test_crashed(parts):
    expect(parts.get("/p/crash?how=segv"), 502, "crashed")


def test_lost(environment, broker, lines):
    bridge = environment.bridge(broker)
    worker = environment.worker(broker, "--task", "lost", "--processes", "1")
    nginx = environment.nginx({"/p": (bridge, {"CREW_TASK": "lost"})})
    nginx.wait_status("/p/hello", 200)
    request = nginx.begin("POST", lines.url("/p", "lost", 10000), b"")
    wait_until(lambda: lines.count("lost"))
    worker.kill()
    environment.worker(broker, "--task", "lost", "--processes", "1")
    expect(request.receive(), 502, "lost")
    assert lines.count("lost") == 1


@pytest.mark.parametrize("path", [
    "/p/status?code=42", "/p/status?code=1000", "/p/header?name=X-A&value=a%0d%0aX-B:%20b",
    "/p/header?name=X%20A&value=a", "/p/bytes?n=100001"])
def test_bad_response(parts, path):
    answer = expect(parts.get(path), 502, "bad-response")
    assert answer.header("X-B") is None


def test_rejected_by_a_worker(parts, broker, slowness):
    with broker.connect() as connection:
        channel = connection.channel()
        channel.queue_declare("crew.tasks.rejecting", durable=True, arguments=QUEUE)
        request = parts.begin("GET", "/rejecting/hello")
        for method, _, _ in channel.consume("crew.tasks.rejecting", inactivity_timeout=10):
            channel.basic_reject(method.delivery_tag, requeue=False)
            break
        channel.cancel()
        answer = expect(request.receive(), 502, "bad-envelope")
    assert answer.seconds < 5 * slowness


# ---- 500, 413, 400

def test_failed(parts):
    answer = expect(parts.get("/extra/fail"), 500, "failed")
    assert b"never" not in answer.body


def test_too_large(parts):
    with parts.client() as client:
        expect(client.post("/p/echo", b"x" * 1001), 413, "too-large")
        assert client.post("/p/echo", b"x" * 1000).status == 200


@pytest.mark.parametrize("prefix", ["/no-time", "/long-time", "/no-priority", "/no-repeat",
                                    "/no-wait", "/no-persistence", "/no-method"])
def test_bad_request(parts, prefix):
    expect(parts.get(f"{prefix}/hello"), 400, "bad-request")


# ---- the form of all of them

@pytest.mark.parametrize("accept", ["application/json", "text/html, application/json;q=0.5"])
def test_json_where_accept_names_it(parts, accept):
    answer = expect(parts.get("/unknown/hello", [("Accept", accept)]), 503, "no-workers")
    assert answer.header("Content-Type").startswith("application/json")
    assert "no-workers" in json.dumps(answer.json)


def test_text_otherwise(parts):
    answer = expect(parts.get("/unknown/hello", [("Accept", "*/*")]), 503, "no-workers")
    assert answer.header("Content-Type").startswith("text/plain")


def test_a_handler_cannot_set_the_word(parts):
    answer = parts.get("/extra/lie")
    assert (answer.status, answer.error, answer.body) == (503, None, b"mine\n")


def test_no_worker_restart_was_needed(parts):
    assert parts.get("/p/hello").status == 200
