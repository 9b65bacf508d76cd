"""A connection of an HTTP client that hangs up when nobody expects it."""
import asyncio


class Cut(Exception):
    """This side has hung up."""


class Line:
    """It is cut after so many bytes, or so many seconds, in the middle of whatever comes
    then. A response's body is of the length that it says, or in chunks: one that only ends
    with the connection could not be told from a part of it."""

    def __init__(self, port, patience_bytes, patience_s):
        self.port = port
        self.left = 1 + int(patience_bytes)
        self.patience_s = patience_s
        self.was_cut = False
        self.buffer = b""

    async def __aenter__(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.timer = asyncio.get_running_loop().call_later(self.patience_s, self.cut)
        return self

    async def __aexit__(self, *_):
        self.timer.cancel()
        self.writer.transport.abort()

    def cut(self):
        self.was_cut = True
        self.writer.transport.abort()

    # ---- bytes

    async def more(self):
        if not self.left:
            self.cut()
        data = b"" if self.was_cut else await self.reader.read(min(self.left, 65536))
        if self.was_cut:
            raise Cut
        if not data:
            raise ConnectionError("the web server has hung up")
        self.left -= len(data)
        self.buffer += data

    async def until(self, mark):
        while (end := self.buffer.find(mark)) < 0:
            await self.more()
        data, self.buffer = self.buffer[:end], self.buffer[end + len(mark):]
        return data

    async def exactly(self, count):
        while len(self.buffer) < count:
            await self.more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    # ---- HTTP

    async def get(self, path, **fields):
        """The status and the header fields, by their names in small letters."""
        lines = [f"GET {path} HTTP/1.1", "Host: x"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        self.writer.write("\r\n".join([*lines, "", ""]).encode())
        first, *rest = (await self.until(b"\r\n\r\n")).decode().split("\r\n")
        fields = dict(line.split(": ", 1) for line in rest)
        return int(first.split()[1]), {name.lower(): fields[name] for name in fields}

    async def pieces(self, status, fields):
        """What the body of that response consists of."""
        if status == 204:
            return
        if "content-length" in fields:
            yield await self.exactly(int(fields["content-length"]))
            return
        assert fields.get("transfer-encoding") == "chunked", fields
        while size := int(await self.until(b"\r\n"), 16):
            yield await self.exactly(size)
            await self.exactly(2)
        await self.exactly(2)
