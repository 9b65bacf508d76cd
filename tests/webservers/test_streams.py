"""Streamed responses through each web server."""
import http.client
import time

from differences import expected


def arrivals(server, path):
    """When each byte of a body comes, after the request."""
    with server.client() as client:
        client.send("GET", path)
        got = client.connection.getresponse()
        times = []
        while got.read(1):
            times.append(time.monotonic() - client.began_s)
    return times


def test_what_is_flushed_comes_at_once(server):
    times = arrivals(server, "/probe/stream?n=4&chunk=1&ms=250")
    assert len(times) == 4
    assert times[0] < 0.4 and times[3] - times[0] > 0.6, times


def test_a_large_one_is_whole(server):
    assert len(server.get("/probe/stream?n=20000000").body) == 20000000


def test_a_response_that_breaks_off(server):
    """The client is not to take it for the whole."""
    try:
        answer = server.get("/brief/x?break=1")
        outcome = "broken" if answer.status >= 500 else "short"
    except (http.client.HTTPException, ConnectionError):
        outcome = "broken"
    assert outcome == expected(server, "a response that breaks off", "broken")
    assert server.get("/probe/hello").status == 200
