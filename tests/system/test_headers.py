"""Header fields: large ones, strange bytes, repetition and order; CGI parameters."""
import http.client

import pytest


@pytest.fixture(scope="module", autouse=True)
def wide_lines():
    """The client reads header lines of any length."""
    kept = http.client._MAXLINE
    http.client._MAXLINE = 1 << 20
    yield
    http.client._MAXLINE = kept


@pytest.fixture(scope="module")
def extra_nginx(module_environment, broker, extra_app):
    """The same with extra_app.c."""
    bridge = module_environment.bridge(broker, "--task", "extra")
    module_environment.worker(broker, "--task", "extra", "--processes", "1", app=extra_app)
    nginx = module_environment.nginx({"/o": (bridge, {})})
    nginx.wait_status("/o/left", 200)
    return nginx


def parameters(answer):
    pairs = [line.split(b"=", 1) for line in answer.body.split(b"\n") if line]
    return {name.decode(): value for name, value in pairs}


def test_60_kb_in(nginx):
    value = "v" * 60_000
    answer = nginx.get("/p/env", [("X-Large", value)])
    assert answer.status == 200
    assert parameters(answer)["HTTP_X_LARGE"] == value.encode()


def test_60_kb_out(extra_nginx):
    answer = extra_nginx.get("/o/large")
    assert answer.status == 200, answer
    assert answer.header("X-Large") == "w" * 60_000


def test_bytes_that_are_no_utf8(nginx, extra_nginx):
    value = b"\xff\xfe \x80\xc3("
    assert parameters(nginx.get("/p/env", [("X-Bytes", value)]))["HTTP_X_BYTES"] == value
    answer = extra_nginx.get("/o/cookies")
    assert answer.header("X-Between").encode("latin-1") == b"\xff\xfe\x80"


def test_repeated_in_their_order(extra_nginx):
    sent = [("X-B", "1"), ("X-A", "2"), ("X-B", "3"), ("X-A", "4")]
    lines = extra_nginx.get("/o/params", sent).body.decode().split("\n")
    # A web server may join repeated fields (RFC 9110 §5.3) or repeat the parameter.
    values = {name: [] for name in ("HTTP_X_A", "HTTP_X_B")}
    for line in filter(None, lines):
        name, _, value = line.partition("=")
        values[name] += [part.strip() for part in value.split(",")]
    assert values == {"HTTP_X_A": ["2", "4"], "HTTP_X_B": ["1", "3"]}
    assert extra_nginx.get("/o/cookies").all("Set-Cookie") == ["a=1", "b=2", "c=3"]


def test_cgi_parameters(nginx):
    answer = nginx.get("/p/env?a=1&b=%20", [("Proxy", "http://evil/"), ("X-Some", "thing"),
                                            ("Crew-Task", "other")])
    found = parameters(answer)
    assert found["REQUEST_METHOD"] == b"GET"
    assert found["PATH_INFO"] == b"/env"
    assert found["QUERY_STRING"] == b"a=1&b=%20"
    assert found["SERVER_PROTOCOL"] == b"HTTP/1.1"
    assert found["HTTP_X_SOME"] == b"thing"
    # Client header fields become HTTP_*; HTTP_PROXY is not passed on (httpoxy).
    assert found["HTTP_CREW_TASK"] == b"other"
    assert "HTTP_PROXY" not in found
    assert not [name for name in found if name.startswith("CREW_")]


def test_unknown_path_and_method(nginx, extra_nginx):
    assert nginx.get("/p/nowhere").status == 404
    answer = extra_nginx.post("/o/left")
    assert answer.status == 405
    assert "GET" in answer.header("Allow")
