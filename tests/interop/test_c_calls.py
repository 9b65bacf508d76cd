"""libcrew and crewctl call a worker in Python."""
import os
import signal

import pytest

from c_call import CREWCTL, begin_c_call, c_call, crewctl, end_c_call
from support.waiting import wait_until

EVERYTHING = bytes(range(256))
with_crewctl = pytest.mark.skipif(not os.path.exists(CREWCTL),
                                  reason="crewctl is not built here")


@pytest.fixture(scope="module")
def served(broker, module_worker):
    """Each answer by itself, compressed above 1000 bytes."""
    return module_worker("--task", "each", "--plain", "back", "--gzip-above", "1000")


@pytest.fixture(scope="module")
def together(broker, module_worker):
    """The answers to one message share a message."""
    return module_worker("--task", "together", "--together")


def http(path, query="", method="GET", **more):
    return list({"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query,
                 **more}.items())


# ---- with libcrew: plain

@pytest.mark.parametrize("body", [b"", EVERYTHING, EVERYTHING * 1000],
                         ids=["empty", "every byte", "large"])
def test_bytes_come_back(served, broker, body):
    answer, = c_call(broker, "back", body).answers
    assert (answer.error, answer.status, answer.body) == (None, 200, body)


def test_headers_come_back(served, broker):
    """But for those that mean something to crew."""
    answer, = c_call(broker, "back", pairs=[("mine", "1"), ("Other", "two")]).answers
    assert answer.pairs == [(b"mine", b"1"), (b"Other", b"two")]


def test_no_queue(served, broker):
    answer, = c_call(broker, "nobody").answers
    assert (answer.error, answer.status) == ("no-workers", 503)


# ---- with libcrew: HTTP

@pytest.mark.parametrize("gzip_above", [0, 1], ids=["as it is", "compressed"])
def test_http(served, broker, gzip_above):
    answer, = c_call(broker, "each", EVERYTHING, form="http", gzip_above=gzip_above,
                     pairs=http("/echo", method="POST", CONTENT_TYPE="a/b")).answers
    assert (answer.error, answer.body) == (None, EVERYTHING)
    assert answer.pairs == [(b"Content-Type", b"a/b"), (b"X-Method", b"POST")]


def test_repeated_header_fields(served, broker):
    answer, = c_call(broker, "each", form="http", pairs=http("/header")).answers
    assert answer.status == 418
    assert [value for name, value in answer.pairs if name == b"Set-Cookie"] == [b"a=1", b"b=2"]


@pytest.mark.parametrize("task", ["each", "together"])
def test_many_at_once(served, together, broker, task):
    result = c_call(broker, task, b"x", form="http", count=100,
                    pairs=http("/echo", method="POST"))
    assert sorted(answer.number for answer in result.answers) == list(range(100))
    assert {(answer.error, answer.body) for answer in result.answers} == {(None, b"x")}
    assert result.warnings == []


@pytest.mark.parametrize("path, query, outcome", [
    ("/fail", "", ("failed", 500)), ("/outcome", "word=crashed", ("crashed", 502)),
    ("/sleep", "ms=1500", ("timeout", 504))])
def test_outcomes(served, broker, path, query, outcome):
    answer, = c_call(broker, "each", form="http", expiration_s=0.5,
                     pairs=http(path, query)).answers
    assert (answer.error, answer.status) == outcome


def test_a_worker_that_dies(python_worker, broker, task, lines):
    first = python_worker("--task", task)
    call = begin_c_call(broker, task, form="http",
                        pairs=http("/append", lines.query("ran", 500)))
    wait_until(lines.all)
    first.kill()
    python_worker("--task", task)
    answer, = end_c_call(call).answers
    assert (answer.error, answer.status) == ("lost", 502)
    assert lines.all() == ["ran"]


def test_a_worker_that_leaves(python_worker, broker, task, lines):
    """Told to stop it finishes what it has in hand."""
    worker = python_worker("--task", task)
    call = begin_c_call(broker, task, form="http",
                        pairs=http("/append", lines.query("ran", 500)))
    wait_until(lines.all)
    worker.signal(signal.SIGTERM)
    answer, = end_c_call(call).answers
    assert (answer.error, answer.body) == (None, b"ran\n")
    assert worker.wait() == 0


# ---- with crewctl

@with_crewctl
def test_crewctl_data(served, broker):
    assert crewctl(broker, "call", "back", "--data", "some text")[:2] == (0, b"some text")


@with_crewctl
def test_crewctl_json(served, broker):
    assert crewctl(broker, "call", "back", "--json", '{"a": 1}')[:2] == (0, b'{"a": 1}')


@with_crewctl
def test_crewctl_file(served, broker, tmp_path):
    (tmp_path / "body").write_bytes(EVERYTHING)
    status, output, _ = crewctl(broker, "call", "back", "--file", str(tmp_path / "body"))
    assert (status, output) == (0, EVERYTHING)


@with_crewctl
def test_crewctl_stdin(served, broker):
    """Large enough to be compressed on both ways."""
    body = EVERYTHING * 1000
    assert crewctl(broker, "call", "back", "-", stdin=body)[:2] == (0, body)


@with_crewctl
def test_crewctl_several(served, broker):
    status, output, _ = crewctl(broker, "call", "back", "--data", "abc",
                                "--count", "20", "--parallel", "5", "--print")
    assert (status, output.count(b"abc")) == (0, 20)


@with_crewctl
def test_crewctl_errors_have_their_own_status(served, broker, caller, task):
    """One status per kind, and the kind is named."""
    unknown = crewctl(broker, "call", "nobody", "--data", "x")
    with broker.connect() as connection:
        connection.channel().queue_declare(f"crew.tasks.{task}", durable=True, arguments={
            "x-dead-letter-exchange": "crew.DLX", "x-max-priority": 3})
    expired = crewctl(broker, "call", task, "--data", "x", "--expiration", "0.3")
    assert unknown[0] != 0 and expired[0] != 0
    assert unknown[0] != expired[0]
    assert unknown[1] == expired[1] == b""
    assert unknown[2] and expired[2]
