"""Python sends HTTP requests to examples/http_worker.c, a worker that is built with crew's
public headers alone."""
import pytest

from client import cgi
from support.program import Program, example


class HttpWorker(Program):
    name = "http-worker"

    def __init__(self, folder, broker, task):
        super().__init__(folder, {"CREW_AMQP_URL": broker.url})
        self.task = task

    def command(self):
        return [example("http_worker"), self.task]


@pytest.fixture
def served(environment, broker, task):
    worker = HttpWorker(environment.folder, broker, task)
    worker.launch()
    worker.wait_log("consuming 1 task")
    yield task
    worker.kill()


def test_method_path_and_body(served, caller):
    answer = caller.http(served, cgi("POST", "/some/path", body=b"a\0b"))
    assert (answer.status, answer.error) == (200, None)
    assert answer.body == b"POST /some/path\na\0b"
    assert answer.all(b"Content-Type") == [b"text/plain"]


def test_several_requests_at_once(served, caller):
    answers = caller.wait(*caller.begin_http(served, [cgi("GET", f"/{i}") for i in range(50)]))
    assert [answer.body for answer in answers] == [f"GET /{i}\n".encode() for i in range(50)]
