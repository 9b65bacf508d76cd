"""Handlers that stream, called by clients that take no streams: these get one answer."""


def test_a_plain_call_gets_the_whole(breaker, call):
    breaker("--processes", "1")
    answer = call.call("pieces", "30000")
    assert (answer.status, answer.error, answer.content_type) == (
        200, None, "text/plain; charset=utf-8")
    assert answer.body == b"".join(b"%9d\n" % i for i in range(30000))


def test_up_to_the_limit(breaker, call):
    breaker("--processes", "1", "--max-response", "1000")
    assert len(call.call("pieces", "100").body) == 1000
    answer = call.call("pieces", "101")
    assert (answer.status, answer.error) == (502, "bad-response")


def test_stopped_all_the_same(breaker, call):
    """What never ends by itself ends with its time, and the process goes on."""
    breaker("--processes", "1", "--timeout", "0.5", "--max-response", "128M")
    before = call.text("who")
    assert call.call("pieces", "1000000000").error == "timeout"
    assert call.text("who") == before
