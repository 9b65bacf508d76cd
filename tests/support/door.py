"""A door in front of a broker that lets in so many connections at a time."""
import contextlib
import re
import socket
import threading


class Door:
    """Further connections are closed at once. BROKER as it is seen through the door: url."""

    def __init__(self, broker, width):
        self.width = width
        self.knocks = 0  # connections that were tried
        self.broker_port = broker.port
        self.inside = set()
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
                self.admit(self.server.accept()[0])

    def admit(self, client):
        with self.lock:
            self.knocks += 1
            if len(self.inside) >= self.width:
                client.close()
                return
            self.inside.add(client)
        try:
            broker = socket.create_connection(("127.0.0.1", self.broker_port))
        except OSError:  # it is away
            client.close()
            self.leave(client)
            return
        for source, target in ((client, broker), (broker, client)):
            threading.Thread(target=self.carry, args=(client, source, target),
                             daemon=True).start()

    def carry(self, client, source, target):
        """One direction, until either side ends it."""
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.pass_on(data, source is client, target)
        for peer in (source, target):
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        self.leave(client)

    def pass_on(self, data, to_broker, target):
        del to_broker
        target.sendall(data)

    def leave(self, client):
        with self.lock:
            self.inside.discard(client)
