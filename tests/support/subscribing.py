"""Waiting for subscribers, and a reader of server-sent events."""
import socket
import time
from dataclasses import dataclass

from support.waiting import wait_until


def wait_live(nginx, path="/now/?channel=nobody", bound_s=20.0):
    """The bridge behind PATH, a location without patience, is up to date; its cursor."""
    return nginx.wait_status(path, 204, bound_s).header("Crew-Cursor")


def wait_parked(bridge, count, bound_s=10.0):
    """COUNT requests have been parked since the start of the bridge, which has
    --logging debug."""
    wait_until(lambda: bridge.log().count("(subscription): validating -> waiting") >= count, bound_s,
               what=f"{count} parked")


@dataclass
class Event:
    name: str
    data: str
    last_id: str


class EventSource:
    """Reads an event stream as the standard says, without reconnecting."""

    def __init__(self, nginx, path, headers=(), bound_s=20.0, buffer_bytes=None):
        self.socket = socket.socket()
        if buffer_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.socket.settimeout(bound_s)
        self.socket.connect(("127.0.0.1", nginx.port))
        lines = [f"GET {path} HTTP/1.0", "Host: x", "Accept: text/event-stream",
                 *(f"{name}: {value}" for name, value in headers)]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self.input = b""
        self.last_id = ""
        self.retry_ms = None
        self.comments = 0
        self.head = self.take(b"\r\n\r\n").decode()
        self.status = int(self.head.split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def take(self, end):
        """All up to END, which is taken out, too."""
        while end not in self.input:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(f"ended with {self.input!r}")
            self.input += data
        taken, _, self.input = self.input.partition(end)
        return taken

    def field(self, name, value, event):
        if name == "":
            self.comments += 1
        elif name == "id":
            self.last_id = value
        elif name == "retry":
            self.retry_ms = int(value)
        elif name == "event":
            event.name = value
        elif name == "data":
            event.data = value if event.data is None else event.data + "\n" + value

    def block(self):
        """The next block of lines: an event, or None when it fires none."""
        event = Event("message", None, "")
        for line in self.take(b"\n\n").decode().split("\n"):
            name, _, value = line.partition(":")
            self.field(name, value[1:] if value.startswith(" ") else value, event)
        event.last_id = self.last_id
        return event if event.data is not None else None

    def next(self):
        while True:
            event = self.block()
            if event:
                return event

    def data(self, count):
        return [self.next().data for _ in range(count)]

    def wait_id(self):
        """Waits for the first id: nothing published from now on is missed."""
        while not self.last_id:
            self.block()
        return self.last_id

    def wait_end(self):
        """Reads to the end of the response; the seconds that took."""
        began = time.monotonic()
        while self.socket.recv(65536):
            pass
        return time.monotonic() - began
