"""Bodies of all kinds and sizes arrive unchanged in both directions."""
import hashlib
import os

import pytest

MB = 1024 * 1024
BODIES = {
    "empty": b"",
    "one byte": b"x",
    "a zero byte": b"\0",
    "all byte values": bytes(range(256)),
    "the gzip threshold": os.urandom(32768),
    "just above it": b"a" * 32769,
    "a frame of AMQP": os.urandom(131072 - 8),
    "10 MB random": os.urandom(10 * MB),
    "10 MB compressible": b"0123456789abcdef" * (10 * MB // 16),
}


@pytest.mark.parametrize("kind", BODIES)
def test_echo(nginx, kind):
    body = BODIES[kind]
    answer = nginx.post("/p/echo", body, [("Content-Type", "application/x-thing")])
    assert answer.status == 200, answer
    assert answer.header("Content-Type") == "application/x-thing"
    assert answer.header("X-Method") == "POST"
    assert answer.header("Content-Length") == str(len(body))
    assert hashlib.md5(answer.body).digest() == hashlib.md5(body).digest()


def test_many_on_one_connection(nginx):
    with nginx.client() as client:
        for size in (0, 1, 100_000, 3, 1_000_000, 0, 70_000):
            body = os.urandom(size)
            assert client.post("/p/echo", body).body == body


def test_response_of_some_size(nginx):
    answer = nginx.get("/p/bytes?n=5000000")
    assert answer.status == 200
    assert answer.body == b"x" * 5_000_000


def test_head_has_the_length_and_no_body(nginx):
    with nginx.client() as client:
        answer = client.request("HEAD", "/p/bytes?n=1234")
        assert (answer.status, answer.body) == (200, b"")
        # The connection is still in step.
        assert client.get("/p/hello").body == b"Hello, world\n"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_methods(nginx, method):
    with nginx.client() as client:
        assert client.request(method, "/p/echo", b"body").header("X-Method") == method


@pytest.mark.parametrize("code", [200, 201, 204, 301, 304, 404, 418, 500, 503, 599])
def test_status(nginx, code):
    with nginx.client() as client:
        answer = client.get(f"/p/status?code={code}")
        assert answer.status == code
        assert answer.error is None
        assert client.get("/p/hello").status == 200
