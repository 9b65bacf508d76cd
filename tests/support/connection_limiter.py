"""A TCP proxy before a broker that limits the number of open connections."""
import contextlib
import re
import socket
import threading


class ConnectionLimiter:
    """Forwards at most LIMIT connections at a time to BROKER and closes the others at once.
    url is the broker's URL with the address of the proxy."""

    def __init__(self, broker, limit):
        self.limit = limit
        self.attempts = 0  # connections that were accepted, forwarded or not
        self.broker_port = broker.port
        self.clients = set()
        self.lock = threading.Lock()
        self.server = socket.create_server(("127.0.0.1", 0), backlog=128)
        port = self.server.getsockname()[1]
        self.url = re.sub(r"@127\.0\.0\.1:\d+", f"@127.0.0.1:{port}", broker.url)
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                self.accept(self.server.accept()[0])

    def accept(self, client):
        with self.lock:
            self.attempts += 1
            if len(self.clients) >= self.limit:
                client.close()
                return
            self.clients.add(client)
        try:
            broker = socket.create_connection(("127.0.0.1", self.broker_port))
        except OSError:  # the broker is down
            client.close()
            self.remove(client)
            return
        for source, target in ((client, broker), (broker, client)):
            threading.Thread(target=self.forward, args=(client, source, target),
                             daemon=True).start()

    def forward(self, client, source, target):
        """One direction, until either side closes the connection."""
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.send(data, source is client, target)
        for peer in (source, target):
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        self.remove(client)

    def send(self, data, to_broker, target):
        """For subclasses that hold data back."""
        del to_broker
        target.sendall(data)

    def remove(self, client):
        with self.lock:
            self.clients.discard(client)
