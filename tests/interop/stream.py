"""Streamed answers of docs/wire.md: the sender's and the receiver's side."""
import threading

from envelope import Item, Kind

WINDOW = 262144  # bytes of body that need no credit
CHUNK = 65536
STEP = WINDOW // 4  # worth a word of credit
PROBE_AFTER_S = 1.0


class Gone(Exception):
    """Nobody reads the stream any more."""


class Broken(Exception):
    """What came does not follow on what came before; the argument is the outcome's word."""


class Outflow:
    """A worker's stream: the thread of the handler sends, that of the connection hears of
    credit. PUBLISH(item) may be called on either."""

    def __init__(self, name, worker, publish):
        self.name = name
        self.worker = worker
        self.publish = publish
        self.changed = threading.Condition()
        self.number = 0  # of the last piece
        self.sent = 0
        self.allowed = WINDOW
        self.gone = False

    def put(self, kind, body=b"", **fields):
        self.number += 1
        self.publish(Item(kind, self.name, {"sequence": self.number} | fields, [], body))

    def head(self, status, pairs):
        self.publish(Item(Kind.HEAD, self.name, {"status": status, "worker": self.worker},
                          pairs))

    def write(self, data):
        while data:
            part = self.wait_for_credit(min(len(data), CHUNK))
            self.put(Kind.CHUNK, data[:part])
            data = data[part:]

    def wait_for_credit(self, most):
        """How much of it may be sent now; a probe each second that it has to wait."""
        with self.changed:
            while not self.gone and self.sent == self.allowed:
                if not self.changed.wait(PROBE_AFTER_S):
                    self.put(Kind.CHUNK, worker=self.worker)
            if self.gone:
                raise Gone
            part = min(most, self.allowed - self.sent)
            self.sent += part
            return part

    def credit(self, total):
        """TOTAL is of the whole stream, modulo 2³²; half of that back is an older one."""
        with self.changed:
            more = (total - self.allowed) % (1 << 32)
            if more < 1 << 31:
                self.allowed += more
                self.changed.notify()

    def stop(self):
        with self.changed:
            self.gone = True
            self.changed.notify()


class Inflow:
    """A stream as its caller collects it."""

    def __init__(self):
        self.head = None
        self.number = 0
        self.body = bytearray()
        self.allowed = WINDOW

    def take(self, item):
        """The credit notice that is due; none for most pieces."""
        if item.kind == Kind.HEAD and self.head is None:
            self.head = item
            return None
        if self.head is None or item.fields.get("sequence") != self.number + 1:
            raise Broken("lost")
        self.number += 1
        self.body += item.body
        if len(self.body) > self.allowed:
            raise Broken("bad-response")
        is_probe = item.kind == Kind.CHUNK and not item.body
        if not is_probe and len(self.body) + WINDOW < self.allowed + STEP:
            return None
        self.allowed = len(self.body) + WINDOW
        return Item(Kind.CREDIT, item.id, {"credit_bytes": self.allowed % (1 << 32)})

    @property
    def worker(self):
        return self.head and self.head.fields["worker"]


def waits_for_credit(item):
    """Whether the worker that sent it may wait for the caller's word."""
    return item.kind == Kind.HEAD or (item.kind == Kind.CHUNK and not item.body)
