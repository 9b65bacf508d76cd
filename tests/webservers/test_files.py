"""Handlers that answer with files: sent by the web server where it can, by the worker otherwise;
the client sees no difference."""
import os
from urllib.parse import quote

import pytest

from differences import expected

SMALL = b"0123456789" * 10
ODD_NAMES = ["a b&c#\u00e4+.html", "what?.html", "%41.html"]
LARGE_BYTES = 300 * 1000  # more than a handler may read: only the web server can send it


@pytest.fixture(scope="module", autouse=True)
def folder(parts):
    files = {"small.txt": SMALL, "large.bin": b"x" * LARGE_BYTES}
    for name, content in (files | dict.fromkeys(ODD_NAMES, b"<p>")).items():
        with open(os.path.join(parts.files, name), "wb") as file:
            file.write(content)
    os.symlink("/etc/passwd", os.path.join(parts.files, "outside"))
    return parts.files


def request(server, method, path, **fields):
    with server.client() as client:
        return client.request(method, path, headers=[(name.replace("_", "-"), value)
                                                     for name, value in fields.items()])


def test_whole_file(server):
    answer = server.get("/files/small.txt?as=%C3%A4.txt")
    assert (answer.status, answer.body) == (200, SMALL)
    assert answer.header("Content-Type") == "text/plain; charset=utf-8"
    assert answer.header("Content-Disposition") == \
        "attachment; filename=\"__.txt\"; filename*=UTF-8''%C3%A4.txt"
    assert answer.header("ETag") and answer.header("Last-Modified")
    assert not answer.header("X-Accel-Redirect") and not answer.header("X-Sendfile")


def test_fields_beside_it(server):
    answer = server.get("/files/small.txt")
    assert answer.header("Cache-Control") == "private"
    assert answer.header("Set-Cookie") == "a=1"
    assert answer.header("X-Own") == expected(server, "a field beside a file", "own")


def test_large_file(server):
    """Over the worker's --max-response: the web server sends it, or it comes in pieces."""
    answer = server.get("/files/large.bin")
    assert (answer.status, len(answer.body)) == (200, LARGE_BYTES)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_name(server, name):
    answer = server.get("/files/" + quote(name))
    assert (answer.status, answer.body) == (200, b"<p>")
    assert answer.header("Content-Type") == "text/html; charset=utf-8"


def test_part(server):
    answer = request(server, "GET", "/files/small.txt", Range="bytes=8-11")
    assert (answer.status, answer.body) == (206, b"8901")
    assert answer.header("Content-Range") == f"bytes 8-11/{len(SMALL)}"
    answer = request(server, "GET", "/files/small.txt", Range="bytes=1000-")
    assert answer.status == 416


def test_what_the_client_has(server):
    etag = server.get("/files/small.txt").header("ETag")
    assert request(server, "GET", "/files/small.txt", If_None_Match=etag).status == 304
    assert request(server, "GET", "/files/small.txt", If_None_Match='"x"').body == SMALL


def test_head(server):
    answer = request(server, "HEAD", "/files/small.txt")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("Content-Length") == str(len(SMALL))


@pytest.mark.parametrize("path", ["nothing", "", "outside", "small.txt/"])
def test_not_there(server, path):
    assert server.get("/files/" + path).status == 404


def test_clients_cannot_reach_the_files_themselves(server):
    assert server.get("/protected/small.txt").status == 404
    answer = server.get("/files/nothing", [("X-Accel-Redirect", "/small.txt"),
                                           ("X-Sendfile", "/etc/passwd")])
    assert answer.status == 404
