"""Pings are answered by the worker itself, through the queue, without a handler."""
import uuid

import pytest

import envelope
from c_call import begin_c_call, c_call, end_c_call
from client import HttpRequest, cgi
from envelope import Kind
from topology import declare_task_queue


@pytest.fixture(scope="module", params=["C", "Python"])
def served(request, broker, module_environment, module_worker):
    """The task of a worker in each language."""
    task = f"ping-{request.param}"
    if request.param == "C":
        module_environment.worker(broker, "--task", task, "--processes", "1")
    else:
        module_worker("--task", task, "--threads", "1")
    return task


def ping(expiration_s=10.0):
    return HttpRequest(kind=Kind.PING, expiration_s=expiration_s)


def test_a_ping(served, caller):
    answer = caller.ping(served)
    assert (answer.status, answer.error, answer.pairs, answer.body) == (204, None, [], b"")
    uuid.UUID(answer.worker)


def test_every_answer_names_its_worker(served, caller):
    """A ping and an answer of the same worker name the same one."""
    first, second = caller.ping(served), caller.http(served, cgi("GET", "/hello"))
    assert first.worker == second.worker


def test_among_requests(served, caller):
    """It is one item of a message as any other, with a deadline of its own."""
    pinged, over, hello = caller.wait(*caller.begin_http(
        served, [ping(), ping(-1), cgi("GET", "/hello")]))
    assert (pinged.status, over.error, hello.status) == (204, "expired", 200)


def test_once_more(served, caller):
    """Nothing is run, so there is nothing to be lost."""
    assert caller.ping(served, repeated=True).status == 204


def test_no_queue(served, caller, broker, task):
    assert caller.ping(task).error == "no-workers"
    assert c_call(broker, task, form="ping").answers[0].error == "no-workers"


def test_by_the_client_in_c(served, broker, caller):
    answer, = c_call(broker, served, form="ping").answers
    assert (answer.error, answer.status, answer.body) == (None, 204, b"")
    assert answer.worker == caller.ping(served).worker


def test_without_a_worker(broker, caller, task):
    """It comes back as a dead letter, to callers in both languages."""
    with broker.connect() as connection:
        declare_task_queue(connection, task)
    assert caller.ping(task, expiration_s=0.3).error == "expired"
    assert c_call(broker, task, form="ping", expiration_s=0.3).answers[0].error == "expired"


def test_a_worker_that_knows_no_pings(broker, task):
    """It rejects them, and the caller gets an error at once."""
    with broker.connect() as connection:
        declare_task_queue(connection, task)

        def reject(channel, method, _properties, body):
            item, = envelope.decode(body)
            assert (item.kind, item.pairs, item.body) == (Kind.PING, [], b"")
            assert 0 < item.fields["budget_ms"] <= 20000
            channel.basic_reject(method.delivery_tag, requeue=False)
            channel.stop_consuming()

        channel = connection.channel()
        channel.basic_consume(f"crew.tasks.{task}", reject)
        call = begin_c_call(broker, task, form="ping")
        channel.start_consuming()
        answer, = end_c_call(call).answers
    assert (answer.error, answer.status) == ("bad-envelope", 502)
