"""Methods, bodies, statuses and header fields are the same behind each web server."""
import os

import pytest

from differences import expected
from support.waiting import wait_until

BODIES = {
    "empty": b"",
    "one byte": b"x",
    "all byte values": bytes(range(256)),
    "1 MB": os.urandom(1024 * 1024),
}


def test_routes(server):
    assert server.get("/probe/hello").body == b"Hello, world\n"
    assert server.get("/").body == b"Wake up Neo.\n"
    assert server.get("/report/of/any/path").status == 200


@pytest.mark.parametrize("path", ["/nowhere", "/probes/hello", "/prob"])
def test_no_location(server, path):
    answer = server.get(path)
    assert (answer.status, answer.error) == (404, None)


@pytest.mark.parametrize("kind", BODIES)
def test_echo(server, kind):
    answer = server.post("/probe/echo", BODIES[kind], [("Content-Type", "application/x-thing")])
    assert answer.status == 200, answer
    assert answer.header("Content-Type") == "application/x-thing"
    assert answer.header("X-Method") == "POST"
    assert answer.body == BODIES[kind]


def chunked(server, pieces):
    """Echo a body of unknown length. "refused": with a status or by
    hanging up, which may overtake it."""
    with server.client() as client:
        try:
            client.connection.request("POST", "/probe/echo", iter(pieces), encode_chunked=True,
                                      headers={"Transfer-Encoding": "chunked"})
            answer = client.receive()
        except OSError:
            return "refused"
        return answer.body if answer.status == 200 else "refused"


def test_a_few_bytes_in_chunks(server):
    assert chunked(server, [b"abc", b"defg"]) == b"abcdefg"


def test_300_kb_in_chunks(server):
    pieces = [os.urandom(30_000) for _ in range(10)]
    assert chunked(server, pieces) == expected(server, "300 KB in chunks", b"".join(pieces))


@pytest.mark.parametrize("method, body", [
    ("GET", None), ("POST", b"body"), ("PUT", b"body"), ("PATCH", b"body"),
    ("DELETE", b"body"), ("DELETE", None), ("OPTIONS", None)])
def test_methods(server, method, body):
    with server.client() as client:
        answer = client.request(method, "/probe/echo", body)
        assert (answer.status, answer.header("X-Method")) == (200, method)
        assert answer.body == (body or b"")
        assert client.get("/probe/hello").status == 200


def test_head(server):
    with server.client() as client:
        answer = client.request("HEAD", "/probe/bytes?n=1234")
        assert (answer.status, answer.body) == (200, b"")
        assert answer.header("Content-Length") == "1234"
        # The connection is still in step.
        assert client.get("/probe/hello").body == b"Hello, world\n"


@pytest.mark.parametrize("code", [200, 204, 304, 404, 418, 500])
def test_status(server, code):
    with server.client() as client:
        answer = client.get(f"/probe/status?code={code}")
        assert (answer.status, answer.error) == (code, None)
        assert answer.body == (b"" if code in (204, 304) else b"%d\n" % code)
        # FastCGI's own field is the web server's alone.
        assert answer.header("Status") is None
        assert client.get("/probe/hello").status == 200


def test_response_fields(server):
    answer = server.get("/report/x")
    assert answer.all("Set-Cookie") == ["a=1", "b=2"]
    assert answer.header("Content-Type") == "text/x-report"
    answer = server.get("/probe/header?name=X-Some&value=a%20thing")
    assert answer.all("X-Some") == ["a thing"]


def test_a_response_field_of_60_kb(server):
    answer = server.get("/report/x?field=60000")
    assert answer.status == expected(server, "a response field of 60 KB", 200)
    if answer.status == 200:
        assert answer.header("X-Long") == "v" * 60000
    assert server.get("/report/x").status == 200


def test_1_mb_response(server):
    answer = server.get("/probe/bytes?n=1048576")
    assert (answer.status, answer.body) == (200, b"x" * 1048576)


def test_two_requests_on_one_connection(server):
    with server.client() as client:
        assert client.post("/probe/echo", b"first").body == b"first"
        socket = client.connection.sock
        assert socket is not None, "the server has closed it"
        assert client.post("/probe/echo", b"second").body == b"second"
        assert client.connection.sock is socket


def sockets(bridge):
    """The bridge's, each by a name of its own."""
    names = set()
    for entry in os.scandir(f"/proc/{bridge.pid}/fd"):
        try:
            names.add(os.readlink(entry.path))
        except FileNotFoundError:  # closed meanwhile
            pass
    return {name for name in names if name.startswith("socket:")}


def test_connection_to_the_bridge(server, parts, lines):
    """What the second request finds there besides what the first one had is its own."""
    found = []
    with server.client() as client:
        for name in ("first", "second"):
            client.send("GET", lines.url("/probe", name, 100))
            wait_until(lambda name=name: name in lines.all(), what=f"the {name} is running")
            found.append(sockets(parts.bridge))
            assert client.receive().status == 200
    outcome = "one for each request" if found[1] - found[0] else "kept"
    assert outcome == expected(server, "connection to the bridge", "kept")


def test_50_at_once(server):
    """All are under way together, because the only handler is busy with the first."""
    first = server.begin("GET", "/probe/sleep?ms=200")
    requests = {f"id{number}": server.begin("POST", "/probe/echo", b"id%d" % number)
                for number in range(50)}
    assert first.receive().body == b"slept 200 ms\n"
    answers = {name: request.receive() for name, request in requests.items()}
    for request in (first, *requests.values()):
        request.close()
    assert {name: (answer.status, answer.text) for name, answer in answers.items()} == \
        {name: (200, name) for name in requests}
