"""An HTTP client connection that is cut at a random point."""
import asyncio


class ConnectionCut(Exception):
    """This side has closed the connection."""


class CutConnection:
    """Closes itself after CUT_AFTER_BYTES received bytes or CUT_AFTER_S seconds, whichever
    comes first. Response bodies must have a Content-Length or be chunked: a body that ends
    with the connection cannot be distinguished from a part of it."""

    def __init__(self, port, cut_after_bytes, cut_after_s):
        self.port = port
        self.left = 1 + int(cut_after_bytes)
        self.cut_after_s = cut_after_s
        self.was_cut = False
        self.buffer = b""

    async def __aenter__(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.timer = asyncio.get_running_loop().call_later(self.cut_after_s, self.cut)
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
            raise ConnectionCut
        if not data:
            raise ConnectionError("the web server has closed the connection")
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
        """The status and the header fields by their lower-case names."""
        lines = [f"GET {path} HTTP/1.1", "Host: x"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        self.writer.write("\r\n".join([*lines, "", ""]).encode())
        first, *rest = (await self.until(b"\r\n\r\n")).decode().split("\r\n")
        fields = dict(line.split(": ", 1) for line in rest)
        return int(first.split()[1]), {name.lower(): fields[name] for name in fields}

    async def pieces(self, status, fields):
        """The pieces of the response's body."""
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
