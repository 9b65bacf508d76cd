"""Error responses, and the settings of a location."""
import signal

import pytest

from differences import expected
from support.waiting import wait_until


def expect(answer, status, word):
    """The bridge's own answer, all of it."""
    assert (answer.status, answer.error) == (status, word), (answer, answer.headers)
    assert answer.header("Content-Type") == "text/plain; charset=utf-8"
    assert answer.body
    if status == 503:
        assert int(answer.header("Retry-After")) >= 1
    else:
        assert answer.header("Retry-After") is None
    return answer


def test_no_workers(server):
    assert expect(server.get("/nobody/x"), 503, "no-workers").seconds < 1


def test_timeout(server):
    answer = expect(server.get("/brief/x?ms=5000"), 504, "timeout")
    assert 1.0 <= answer.seconds < 3


def test_expired(server, parts):
    parts.report.signal(signal.SIGSTOP)
    try:
        answer = expect(server.get("/brief/x"), 503, "expired")
    finally:
        parts.report.signal(signal.SIGCONT)
    assert 1.0 <= answer.seconds < 3


def test_crashed(server):
    expect(server.get("/probe/crash?how=segv"), 502, "crashed")
    assert server.wait_status("/probe/hello", 200)


def test_too_large(server, parts):
    expect(server.post("/probe/echo", b"x" * (parts.max_body + 1)), 413, "too-large")


def test_json_where_accept_names_it(server):
    answer = server.get("/nobody/x", [("Accept", "application/json")])
    assert answer.header("Content-Type") == "application/json"
    assert answer.json["error"] == "no-workers"


@pytest.fixture
def busy(server, broker, lines):
    """The only handler of the probe is at work, and what comes now has to wait."""
    request = server.begin("GET", lines.url("/probe", "first", 1000))
    wait_until(lambda: lines.all() == ["first"], what="the handler is busy")
    broker.wait_ready_messages("probe", 0)
    return request


def test_priority(server, broker, lines, busy):
    waiting = [server.begin("GET", lines.url("/probe", "low"))]
    broker.wait_ready_messages("probe", 1)
    waiting.append(server.begin("GET", lines.url("/urgent", "high")))
    broker.wait_ready_messages("probe", 2)
    for request in (busy, *waiting):
        assert request.receive().status == 200
        request.close()
    assert lines.all() == ["first", "high", "low"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_client_hung_up(server, broker, lines, busy, method):
    gone = server.begin(method, lines.url("/probe", "gone"), b"" if method == "POST" else None)
    broker.wait_ready_messages("probe", 1)
    gone.close()
    assert busy.receive().status == 200
    busy.close()
    # In its turn: whatever was before it in the queue has been run or dropped now.
    assert server.get("/probe/hello").status == 200
    outcome = "run" if "gone" in lines.all() else "not run"
    assert outcome == expected(server, "the client hung up", "not run")
