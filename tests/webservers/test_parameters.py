"""The CGI parameters that handlers see are the same behind each web server."""
import pytest

from differences import expected


def parameters(answer):
    assert answer.status == 200, answer
    return dict(line.split("=", 1) for line in
                answer.body.decode("utf-8", "surrogateescape").splitlines())


def test_of_the_request(server):
    found = parameters(server.get("/probe/env?a=1&b=%20", [
        ("X-Some", "thing"), ("Cookie", "c=1"), ("Authorization", "Basic dTpw")]))
    assert found["REQUEST_METHOD"] == "GET"
    assert found["REQUEST_URI"] == "/probe/env?a=1&b=%20"
    assert found["SCRIPT_NAME"] == "/probe"
    assert found["PATH_INFO"] == "/env"
    assert found["QUERY_STRING"] == "a=1&b=%20"
    assert found["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert found["SERVER_PORT"] == str(server.port)
    assert found["GATEWAY_INTERFACE"] == "CGI/1.1"
    assert found["REMOTE_ADDR"] == "127.0.0.1"
    assert found["HTTP_X_SOME"] == "thing"
    assert found["HTTP_COOKIE"] == "c=1"
    assert found["HTTP_AUTHORIZATION"] == "Basic dTpw"
    assert "HTTPS" not in found


def test_of_a_body(server):
    with server.client() as client:
        found = parameters(client.post("/report/x", b"four", [("Content-Type", "text/x-a")]))
    assert found["CONTENT_LENGTH"] == "4"
    assert found["CONTENT_TYPE"] == "text/x-a"


def test_of_a_body_in_chunks(server):
    """A server sends the length or nothing. Caddy's -1 is removed."""
    with server.client() as client:
        client.connection.request("POST", "/report/x", iter([b"abc", b"d"]),
                                  encode_chunked=True,
                                  headers={"Transfer-Encoding": "chunked"})
        found = parameters(client.receive())
    assert found.get("CONTENT_LENGTH") in ("4", None)


def test_what_clients_cannot_set(server):
    found = parameters(server.get("/report/x", [
        ("Proxy", "http://evil/"), ("Crew-Task", "evil"), ("CREW_TASK", "evil"),
        ("Crew-Expiration", "soon")]))
    # It reached the task of the location; the client's fields are HTTP_* only.
    assert found["HTTP_CREW_TASK"].split(",")[0] == "evil"
    assert found["HTTP_CREW_EXPIRATION"] == "soon"
    assert not [name for name in found if name.startswith("CREW_")]
    # A client's Proxy header would be taken for the setting http_proxy.
    assert "HTTP_PROXY" not in found


@pytest.mark.parametrize("query", ["?a=%41%20%2F%C3%A9+b&&c=?", "?a=%FF"])
def test_query_is_as_it_came(server, query):
    answer = server.get("/report/x" + query)
    wanted = expected(server, query, query[1:])
    if wanted == 400:
        assert answer.status == 400
    else:
        assert parameters(answer)["QUERY_STRING"] == wanted


def test_no_query(server):
    assert parameters(server.get("/report/x")).get("QUERY_STRING") == \
        expected(server, "no query", "")


@pytest.mark.parametrize("path, info", [
    ("/report/", "/"),
    ("/report/a%20b", "/a b"),
    ("/report/a%2Fb", "/a/b"),
    ("/report/%C3%A9", "/é"),
    ("/report/%FF", "/\udcff"),
    ("/report/100%25", "/100%"),
    ("/report/a%3Fb", "/a?b"),
    ("/report/a+b;c=d", "/a+b;c=d"),
    ("/report/a.php/b", "/a.php/b"),
    ("/report//a//b", "/a/b"),
    ("/report/a/./b/../c", "/a/c"),
])
def test_path_info_is_decoded(server, path, info):
    answer = server.get(path)
    info = expected(server, path, info)
    if info == 400:
        assert answer.status == 400
        return
    found = parameters(answer)
    assert (found["SCRIPT_NAME"], found["PATH_INFO"]) == ("/report", info)
    assert found["REQUEST_URI"] == path


def test_a_long_field(server):
    value = "v" * 8000
    assert parameters(server.get("/report/x", [("X-Long", value)]))["HTTP_X_LONG"] == value
