"""Requests that contradict themselves, or ask for too much."""
import json

import pytest

import fcgi
from fcgi import get, post


def refused(response, status, word):
    assert (response.status, response.error) == (status, word)
    assert 0 < len(response.body) < 200
    assert int(response.header("Content-Length")) == len(response.body)
    return response


def test_request_method_is_missing(bridge, connect):
    refused(connect().ask({"SCRIPT_NAME": "/hello"}), 400, "bad-request")
    bridge.wait_log("include fastcgi_params;")
    for _ in range(20):
        connect().ask({"SCRIPT_NAME": "/hello"})
    assert bridge.log().count("include fastcgi_params;") == 1


@pytest.mark.parametrize("claim", ["3", "5", "0", "x", "-4", "4 ", "4,4", "99999999999999999999"])
def test_content_length_disagrees(connect, claim):
    connection = connect()
    params = post(b"body", "/echo", CONTENT_LENGTH=claim)
    refused(connection.ask(params, b"body"), 400, "bad-request")
    assert connection.ask(post(b"body", "/echo"), b"body").status == 200


@pytest.mark.parametrize("claim", ["", None, "4", "004", "-1"])
def test_content_length_agrees(connect, claim):
    params = post(b"body", "/echo")
    params.pop("CONTENT_LENGTH")
    if claim is not None:
        params["CONTENT_LENGTH"] = claim
    assert connect().ask(params, b"body").body == b"body"


def test_content_length_twice(connect):
    params = list(post(b"body", "/echo").items()) + [("CONTENT_LENGTH", "5")]
    refused(connect().ask(params, b"body"), 400, "bad-request")


def test_body_over_the_limit(connect):
    connection = connect()
    body = b"x" * 100001
    refused(connection.ask(post(body, "/echo"), body), 413, "too-large")
    assert connection.ask(post(body[1:], "/echo"), body[1:]).body == body[1:]


def test_huge_body_costs_no_memory(bridge, connect):
    before = bridge.rss_bytes()
    body = b"x" * (64 << 20)
    refused(connect().ask(post(body, "/echo"), body), 413, "too-large")
    assert bridge.rss_bytes() - before < 8 << 20


UNSOUND = {
    "cut": b"\x05\x05NAME",
    "no value length": b"\x01",
    "huge": b"\xff\xff\xff\xff\xff\xff\xff\xff",
    "huge name": b"\xff\xff\xff\xff\x01A",
    "huge sum": b"\xc0\x00\x00\x00\xc0\x00\x00\x00A",
    "nul in a name": fcgi.pair(b"A\0B", b"c"),
    "nul in a value": fcgi.pair(b"A", b"b\0c"),
    "= in a name": fcgi.pair(b"A=B", b"c"),
    "no name": fcgi.pair(b"", b"c"),
}


@pytest.mark.parametrize("name", UNSOUND)
def test_unsound_params(connect, name):
    connection = connect()
    connection.send(fcgi.begin()
                    + fcgi.stream(fcgi.PARAMS, 1, fcgi.pairs(get("/hello")) + UNSOUND[name])
                    + fcgi.stream(fcgi.STDIN, 1, b""))
    refused(connection.response(), 400, "bad-request")
    assert connection.ask(get("/hello")).status == 200


@pytest.mark.parametrize("extra", [{"HTTP_LARGE": "x" * (1 << 20)},
                                   {f"HTTP_{n}": "" for n in range(5000)}],
                         ids=["bytes", "number"])
def test_params_over_the_limits(connect, extra):
    connection = connect()
    refused(connection.ask(get("/hello", **extra)), 400, "bad-request")
    assert connection.ask(get("/hello")).status == 200


def test_largest_params(connect):
    """Just below the limit; the envelope has more lengths around them."""
    response = connect().ask(get("/hello", **{f"HTTP_{n}": "v" * 250 for n in range(4000)}))
    assert response.status in (200, 400)


@pytest.mark.parametrize("name, value", [
    ("CREW_TASK", "a\x01b"), ("CREW_TASK", "t" * 201), ("CREW_EXPIRATION", "0"),
    ("CREW_EXPIRATION", "1501"), ("CREW_EXPIRATION", "soon"), ("CREW_PRIORITY", "256"),
    ("CREW_PRIORITY", "-1"), ("CREW_PERSISTENT", "2"), ("CREW_REPEAT", "often"),
    ("CREW_NO_WORKERS", "cry"), ("CREW_SUBSCRIBE", "news.#"), ("CREW_PUBLISH", "news.*"),
    ("CREW_STATUS", "json")])
def test_bad_crew_values(connect, name, value):
    response = refused(connect().ask(get("/hello", **{name: value})), 400, "bad-request")
    assert name.encode() in response.body


def test_what_the_handler_sees(connect):
    body = connect().ask(get("/env", CREW_PRIORITY="3", HTTP_PROXY="http://evil/",
                             HTTP_HOST="h", HTTP_CREW_TASK="client's")).body.decode()
    assert "HTTP_HOST=h\n" in body
    assert "HTTP_CREW_TASK=client's\n" in body
    assert "\nCREW_" not in body
    assert "HTTP_PROXY" not in body
    assert "FCGI_ROLE" not in body


def test_refusal_as_json(connect):
    response = connect().ask(get("/hello", CREW_PRIORITY="x",
                                 HTTP_ACCEPT="text/html, application/json;q=0.9"))
    said = json.loads(response.body)
    assert response.header("Content-Type") == "application/json"
    assert (said["error"], said["status"]) == ("bad-request", 400)
    assert "CREW_PRIORITY" in said["message"]


def test_head(connect):
    response = connect().ask(get("/bytes", REQUEST_METHOD="HEAD", QUERY_STRING="n=1000"))
    assert (response.status, response.body) == (200, b"")
    assert response.header("Content-Length") == "1000"


def test_refusal_of_head(connect):
    response = connect().ask(get("/hello", REQUEST_METHOD="HEAD", CREW_PRIORITY="x"))
    assert (response.status, response.error, response.body) == (400, "bad-request", b"")


@pytest.mark.parametrize("code", [204, 304])
def test_status_without_body(connect, code):
    connection = connect()
    response = connection.ask(get("/status", QUERY_STRING=f"code={code}"))
    assert (response.status, response.body) == (code, b"")
    assert response.header("Content-Length") is None
    assert connection.ask(get("/hello")).status == 200
