"""FastCGI records, right and wrong, as a web server or an attacker may send them."""
import pytest

import fcgi
from fcgi import get, post

GET_MAX_CONNS = fcgi.record(fcgi.GET_VALUES, 0, fcgi.pair("FCGI_MAX_CONNS", ""))


def works(connection):
    return connection.ask(get("/hello")).status == 200


# ---- good ones


def test_hello(connect):
    response = connect().ask(get("/hello"))
    assert (response.status, response.body) == (200, b"Hello, world\n")
    assert (response.app_status, response.protocol_status) == (0, fcgi.COMPLETE)


@pytest.mark.parametrize("request_id", [1, 2, 255, 256, 65535])
def test_request_ids(connect, request_id):
    assert connect().ask(get("/hello"), request_id=request_id).status == 200


def test_kept_connection(connect):
    connection = connect()
    for number in range(20):
        body = b"%d" % number
        assert connection.ask(post(body, "/echo"), body, number + 1).body == body


def test_connection_that_is_not_kept(connect):
    connection = connect()
    assert connection.ask(get("/hello"), keep=False).status == 200
    assert connection.closed()


@pytest.mark.parametrize("body", [b"", b"x", bytes(range(256)) * 300],
                         ids=["empty", "one", "77k"])
def test_one_byte_records(connect, body):
    response = connect().ask(post(body, "/echo"), body, piece=1, padding=3)
    assert (response.status, response.body) == (200, body)


def test_one_byte_writes(connect):
    connection = connect()
    connection.send(fcgi.request(post(b"body", "/echo"), b"body", padding=255), piece=1)
    assert connection.response().body == b"body"


def test_header_of_200_kb(connect):
    value = "v" * 200000
    response = connect().ask(get("/env", HTTP_X_LARGE=value))
    assert f"HTTP_X_LARGE={value}\n".encode() in response.body


def test_pipelined_requests(connect):
    connection = connect()
    connection.send(b"".join(fcgi.request(post(b"%d" % n, "/echo"), b"%d" % n)
                             for n in range(50)))
    assert [connection.response().body for _ in range(50)] == [b"%d" % n for n in range(50)]


def test_many_pipelined_bytes_are_not_swallowed(connect):
    """While a request waits, only so much of what follows is read."""
    connection = connect()
    body = b"x" * 90000
    connection.send(fcgi.request(get("/sleep", QUERY_STRING="ms=500")))
    connection.socket.settimeout(0.2)
    sent = 0
    with pytest.raises(TimeoutError):
        for _ in range(1000):
            connection.socket.sendall(fcgi.request(post(body, "/echo"), body))
            sent += len(body)
    assert sent < 20 * len(body)


# ---- management records


def test_get_values(connect):
    connection = connect()
    names = ("FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS", "OTHER")
    connection.send(fcgi.record(fcgi.GET_VALUES, 0, fcgi.pairs((n, "") for n in names)))
    answer = connection.record()
    assert (answer.kind, answer.request_id) == (fcgi.VALUES, 0)
    assert fcgi.pair("FCGI_MPXS_CONNS", "0") in answer.content
    # --max-inflight and --max-parked together
    assert fcgi.pair("FCGI_MAX_REQS", "60000") in answer.content
    assert b"OTHER" not in answer.content
    assert works(connection)


def test_get_values_while_a_request_waits(connect):
    connection = connect()
    connection.send(fcgi.request(get("/sleep", QUERY_STRING="ms=300")) + GET_MAX_CONNS)
    assert connection.record().kind == fcgi.VALUES
    assert connection.response().status == 200


def test_repeated_names_in_get_values(connect):
    """Four known names overrun a buffer of libfcgi's, were they to reach it."""
    connection = connect()
    connection.send(fcgi.record(fcgi.GET_VALUES, 0, fcgi.pair("FCGI_MPXS_CONNS", "") * 50))
    assert connection.record().content == fcgi.pair("FCGI_MPXS_CONNS", "0")
    assert works(connection)


def test_flood_of_get_values(bridge, connect):
    """Who does not read the answers is not read any more, and costs no memory."""
    connection = connect()
    before = bridge.rss_bytes()
    connection.socket.settimeout(0.5)
    with pytest.raises(TimeoutError):
        for _ in range(10000):
            connection.socket.sendall(GET_MAX_CONNS * 100)
    assert bridge.rss_bytes() - before < 4 << 20
    assert works(connect())


def test_flood_of_get_values_that_are_read(connect):
    connection = connect()
    for _ in range(50):
        connection.send(GET_MAX_CONNS * 200)
        for _ in range(200):
            assert connection.record().kind == fcgi.VALUES
    assert works(connection)


def test_unknown_management_type(connect):
    connection = connect()
    connection.send(fcgi.record(200, 0, b"what?", padding=9))
    answer = connection.record()
    assert (answer.kind, answer.content[0]) == (fcgi.UNKNOWN, 200)
    assert works(connection)


# ---- roles, multiplexing, aborts


@pytest.mark.parametrize("role", [0, 2, 3, 257])
def test_other_roles(connect, role):
    connection = connect()
    connection.send(fcgi.begin(5, role=role) + fcgi.stream(fcgi.PARAMS, 5, fcgi.pairs(get()))
                    + fcgi.stream(fcgi.STDIN, 5, b"body"))
    assert connection.response(5).protocol_status == fcgi.UNKNOWN_ROLE
    assert works(connection)


def test_other_role_without_keep(connect):
    connection = connect()
    connection.send(fcgi.begin(role=fcgi.AUTHORIZER, keep=False))
    assert connection.response().protocol_status == fcgi.UNKNOWN_ROLE
    assert connection.closed()


def test_second_begin(connect):
    connection = connect()
    ours = fcgi.request(post(b"ours", "/echo"), b"ours")
    theirs = fcgi.request(post(b"theirs", "/echo"), b"theirs", request_id=2)
    connection.send(ours[:16] + theirs + ours[16:])
    assert connection.response(2).protocol_status == fcgi.CANT_MPX
    assert connection.response(1).body == b"ours"


def test_second_begin_while_a_request_waits(connect):
    connection = connect()
    connection.send(fcgi.request(get("/sleep", QUERY_STRING="ms=300"))
                    + fcgi.request(get("/hello"), request_id=2))
    assert connection.response(2).protocol_status == fcgi.CANT_MPX
    assert connection.response(1).status == 200
    assert works(connection)


@pytest.mark.parametrize("keep", [True, False])
def test_abort_while_a_request_waits(connect, keep):
    connection = connect()
    connection.send(fcgi.request(get("/sleep", QUERY_STRING="ms=1000"), keep=keep))
    connection.send(fcgi.record(fcgi.ABORT))
    response = connection.response()
    assert (response.output, response.protocol_status) == (b"", fcgi.COMPLETE)
    assert works(connection) if keep else connection.closed()


def test_abort_in_the_middle(connect):
    connection = connect()
    connection.send(fcgi.begin() + fcgi.record(fcgi.PARAMS, 1, b"half a pa")
                    + fcgi.record(fcgi.ABORT) + fcgi.record(fcgi.PARAMS, 1, b"ir"))
    assert connection.response().output == b""
    assert works(connection)


def test_records_of_unknown_requests(connect):
    connection = connect()
    connection.send(fcgi.stream(fcgi.STDIN, 9, b"whose?") + fcgi.record(fcgi.ABORT, 8)
                    + fcgi.stream(fcgi.PARAMS, 7, b"whose?"))
    assert works(connection)


# ---- what is no FastCGI is closed

BEGIN = fcgi.begin()
PARAMS = fcgi.stream(fcgi.PARAMS, 1, fcgi.pairs(get("/sleep", QUERY_STRING="ms=2000")))

NOT_FASTCGI = {
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "version 0": fcgi.record(fcgi.BEGIN, 1, bytes(8), version=0),
    "version 2": fcgi.record(fcgi.BEGIN, 1, bytes(8), version=2),
    "begin of request 0": fcgi.begin(0),
    "short begin": fcgi.record(fcgi.BEGIN, 1, b"\0\1"),
    "long begin": fcgi.record(fcgi.BEGIN, 1, bytes(9)),
    "begin twice": BEGIN + BEGIN,
    "stdin first": BEGIN + fcgi.record(fcgi.STDIN, 1, b"early"),
    "params again": BEGIN + PARAMS + PARAMS,
    "stdin after its end": BEGIN + PARAMS + fcgi.record(fcgi.STDIN) * 2,
    "params after stdin": BEGIN + PARAMS + fcgi.record(fcgi.STDIN) + PARAMS,
    "data": BEGIN + PARAMS + fcgi.record(fcgi.DATA, 1, b"of a filter"),
    "stdout": fcgi.record(fcgi.STDOUT, 1, b"wrong way"),
    "end": BEGIN + fcgi.record(fcgi.END, 1, bytes(8)),
    "unknown type": fcgi.record(50, 1),
    "huge values": fcgi.record(fcgi.GET_VALUES, 0, b"\xff\xff\xff\xff" * 2 + b"x"),
    "large values": fcgi.record(fcgi.GET_VALUES, 0, bytes(2000)),
}


@pytest.mark.parametrize("name", NOT_FASTCGI)
def test_closed(connect, name):
    connection = connect()
    connection.send(NOT_FASTCGI[name])
    assert connection.closed()
    assert works(connect())


def test_hang_up_anywhere(connect):
    whole = fcgi.request(post(b"body", "/sleep?ms=500", QUERY_STRING="ms=500"), b"body")
    for at in range(0, len(whole) + 1, 5):
        connection = connect()
        connection.send(whole[:at])
        connection.close()
    assert works(connect())
