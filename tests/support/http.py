"""A plain HTTP client: one connection, header bytes unchanged."""
import http.client
import json
import time


class Answer:
    """An HTTP response."""

    def __init__(self, status, headers, body, seconds):
        self.status = status
        self.headers = headers  # [(name, value)], in their order
        self.body = body
        self.seconds = seconds

    def header(self, name):
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return None

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def error(self):
        return self.header("Crew-Error")

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.error or ''} {self.body[:80]!r} {self.seconds:.2f}s>"


class Client:
    def __init__(self, port, timeout_s=60.0):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
        self.began_s = 0.0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.connection.close()

    def send(self, method, path, body=None, headers=()):
        """Send a request without waiting; HEADERS is a list of pairs, values may be bytes."""
        self.began_s = time.monotonic()
        self.connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers:
            self.connection.putheader(name, value)
        if body is not None:
            self.connection.putheader("Content-Length", str(len(body)))
        self.connection.endheaders(body)
        return self

    def receive(self):
        """The answer to what was sent."""
        got = self.connection.getresponse()
        body = got.read()
        return Answer(got.status, got.getheaders(), body, time.monotonic() - self.began_s)

    def request(self, method, path, body=None, headers=()):
        return self.send(method, path, body, headers).receive()

    def get(self, path, headers=()):
        return self.request("GET", path, None, headers)

    def post(self, path, body=b"", headers=()):
        return self.request("POST", path, body, headers)
