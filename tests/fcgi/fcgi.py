"""A FastCGI client that does what it is told, right or wrong, one record at a time."""
import socket
import struct
from dataclasses import dataclass, field

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA, GET_VALUES, VALUES, UNKNOWN = range(1, 12)
RESPONDER, AUTHORIZER = 1, 2
KEEP = 1
COMPLETE, CANT_MPX, OVERLOADED, UNKNOWN_ROLE = range(4)
BOUND_S = 15.0


def record(kind, request_id=1, content=b"", padding=0, version=1):
    return struct.pack("!BBHHBx", version, kind, request_id, len(content), padding) \
        + content + b"\xee" * padding


def stream(kind, request_id, data, piece=65535, padding=0):
    """The records of a whole stream, its end included."""
    records = [record(kind, request_id, data[at:at + piece], padding)
               for at in range(0, len(data), piece)]
    return b"".join(records) + record(kind, request_id)


def length(number):
    return bytes([number]) if number < 128 else struct.pack("!I", number | 0x80000000)


def pair(name, value):
    name, value = (text.encode() if isinstance(text, str) else text for text in (name, value))
    return length(len(name)) + length(len(value)) + name + value


def pairs(params):
    return b"".join(pair(*item) for item in (params.items() if isinstance(params, dict) else params))


def begin(request_id=1, keep=True, role=RESPONDER):
    return record(BEGIN, request_id, struct.pack("!HB5x", role, KEEP if keep else 0))


def request(params, body=b"", request_id=1, keep=True, piece=65535, padding=0):
    return begin(request_id, keep) + stream(PARAMS, request_id, pairs(params), piece, padding) \
        + stream(STDIN, request_id, body, piece, padding)


@dataclass
class Record:
    kind: int
    request_id: int
    content: bytes


@dataclass
class Response:
    output: bytes = b""
    errors: bytes = b""
    app_status: int = 0
    protocol_status: int = COMPLETE
    headers: list = field(default_factory=list)
    body: bytes = b""

    def parse(self):
        if self.output:
            head, _, self.body = self.output.partition(b"\r\n\r\n")
            self.headers = [tuple(line.split(b": ", 1)) for line in head.split(b"\r\n")]
        return self

    def header(self, name):
        for key, value in self.headers:
            if key.lower() == name.lower().encode():
                return value.decode("latin-1")
        return None

    @property
    def status(self):
        return int(self.header("Status").split()[0])

    @property
    def error(self):
        return self.header("Crew-Error")


class Connection:
    """A connection to a FastCGI application at a socket PATH or a (host, port)."""

    def __init__(self, address, bound_s=BOUND_S):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
        else:
            self.socket = socket.socket()
        self.socket.settimeout(bound_s)
        self.socket.connect(address)
        self.input = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data, piece=None):
        for at in range(0, len(data), piece or max(len(data), 1)):
            self.socket.sendall(data[at:at + piece] if piece else data)

    def take(self, count):
        while len(self.input) < count:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(f"closed with {len(self.input)} of {count} bytes")
            self.input += data
        taken, self.input = self.input[:count], self.input[count:]
        return taken

    def record(self):
        version, kind, request_id, count, padding = struct.unpack("!BBHHBx", self.take(8))
        assert version == 1
        content = self.take(count)
        self.take(padding)
        return Record(kind, request_id, content)

    def response(self, request_id=1):
        """All of a response; any record that has no business there is an error."""
        found = Response()
        while True:
            got = self.record()
            assert got.request_id == request_id, got
            if got.kind == STDOUT:
                found.output += got.content
            elif got.kind == STDERR:
                found.errors += got.content
            else:
                assert got.kind == END and len(got.content) == 8, got
                found.app_status, found.protocol_status = struct.unpack("!IB3x", got.content)
                return found.parse()

    def ask(self, params, body=b"", request_id=1, **rest):
        self.send(request(params, body, request_id, **rest))
        return self.response(request_id)

    def closed(self):
        """The peer closes, without another byte. Waits for it."""
        try:
            return self.input == b"" and self.socket.recv(1) == b""
        except ConnectionError:
            return True


def get(path="/", **more):
    """The parameters of a GET as nginx would send them."""
    return {"REQUEST_METHOD": "GET", "SCRIPT_NAME": path, "REQUEST_URI": path,
            "QUERY_STRING": "", "CONTENT_LENGTH": "", "SERVER_PROTOCOL": "HTTP/1.1", **more}


def post(body, path="/", **more):
    return get(path, **{"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(body)), **more})
