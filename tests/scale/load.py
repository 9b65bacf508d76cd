"""Many connections of a web server to a bridge, each with one request at a time."""
import fcgi

from support.waiting import wait_until

TIMEOUT_S = 120


def to(task, body=b"", **more):
    """A request for TASK with a long deadline."""
    return fcgi.request(fcgi.post(body, CREW_TASK=task, CREW_EXPIRATION="900", **more), body)


class Load:
    def __init__(self, bridge):
        self.bridge = bridge
        self.connections = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for connection in self.connections:
            connection.close()

    def connect(self):
        try:
            return fcgi.Connection(self.bridge.socket, TIMEOUT_S)
        except BlockingIOError:  # the accept queue is full
            return None

    def send(self, requests):
        """Send each request on a connection of its own."""
        while len(self.connections) < len(requests):
            self.connections.append(wait_until(self.connect, TIMEOUT_S, what="a connection"))
        for connection, request in zip(self.connections, requests):
            connection.send(request)

    def receive(self, count, status=200):
        for connection in self.connections[:count]:
            answer = connection.response()
            assert answer.status == status, answer

    def ask(self, requests):
        """Send the requests one after the other."""
        for request in requests:
            self.send([request])
            self.receive(1)
