"""Many connections of one web server to a bridge, each with one request at a time."""
import fcgi

from support.waiting import wait_until

PATIENCE_S = 120


def to(task, body=b"", **more):
    """A request for TASK, which may take its time."""
    return fcgi.request(fcgi.post(body, CREW_TASK=task, CREW_EXPIRATION="900", **more), body)


class Crowd:
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
            return fcgi.Connection(self.bridge.socket, PATIENCE_S)
        except BlockingIOError:  # as many as may wait to be accepted do
            return None

    def send(self, requests):
        """Each on a connection of its own."""
        while len(self.connections) < len(requests):
            self.connections.append(wait_until(self.connect, PATIENCE_S, what="a connection"))
        for connection, request in zip(self.connections, requests):
            connection.send(request)

    def receive(self, count, status=200):
        for connection in self.connections[:count]:
            answer = connection.response()
            assert answer.status == status, answer

    def ask(self, requests):
        """One after the other."""
        for request in requests:
            self.send([request])
            self.receive(1)
