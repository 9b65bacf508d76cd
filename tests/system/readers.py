"""Readers of channels. Their connections are cut at random; they resume with their cursor at
any bridge, and record the numbers that they have received completely."""
import asyncio
import base64
import json
import random
import time
from urllib.parse import quote

from cut_connection import ConnectionCut, CutConnection

PAUSE_S = 0.2  # at most, between an error and the next request
LONG_PAUSE_SHARE, LONG_PAUSE_S = 0.1, 3.0  # share of reconnects after a longer pause
EXPECTED_ERRORS = {(503, "broker"), (502, None), (504, None)}  # None: an error page of the web server


class Reader:
    """Long polls in a loop from its cursor on. A message's body is `PUBLISHER NUMBER`."""

    accept = "*/*"
    kind = "poll"
    cut_after_bytes = 8000  # on average
    cut_after_s = 4.0

    def __init__(self, port, name, prefix, subscribed, channels):
        self.port = port
        self.name = f"{self.kind} {subscribed}, {name}"
        self.random = random.Random(self.name)
        self.prefix = prefix
        self.subscribed = subscribed
        self.channels = channels  # those it is subscribed to
        self.cursor = None
        self.seen = {}  # publisher: [(number, when)]
        self.count = 0
        self.diary = []  # (when, what)
        self.complaints = []

    def __str__(self):
        return self.name

    # ---- requests

    def note(self, what):
        self.diary.append((time.monotonic(), f"{what}, cursor {self.cursor}"))

    def complain(self, what):
        self.complaints.append((time.monotonic(), f"{what}, cursor {self.cursor}"))

    async def read(self, get):
        """Call GET, a coroutine function, on connection after connection until cancelled."""
        while True:
            try:
                async with CutConnection(
                        self.port, self.random.expovariate(1 / self.cut_after_bytes),
                        self.random.expovariate(1 / self.cut_after_s)) as connection:
                    while await get(connection):
                        pass
            except ConnectionCut:
                self.note("connection cut")
                if self.random.random() < LONG_PAUSE_SHARE:
                    await asyncio.sleep(self.random.uniform(0, LONG_PAUSE_S))
            except OSError as error:
                self.note(str(error))

    async def begin(self):
        """Get the cursor of the end of the history."""
        async def get(connection):
            answer = await connection.get("/now/nothing")
            if answer[0] == 204:
                self.cursor = int(answer[1]["crew-cursor"])
                self.note("begins")
                raise asyncio.CancelledError
            return await self.handle_error(connection, answer)

        try:
            await self.read(get)
        except asyncio.CancelledError:
            if self.cursor is None:
                raise

    async def run(self):
        await self.read(self.round)

    def path(self):
        return f"/{self.prefix}/{quote(self.subscribed)}"

    def cursor_field(self):
        return {"Crew_Cursor": self.cursor}

    async def round(self, connection):
        """One response."""
        answer = status, fields = await connection.get(self.path(), Accept=self.accept,
                                                       **self.cursor_field())
        if status not in (200, 204):
            return await self.handle_error(connection, answer)
        if "crew-gap" in fields:
            self.complain(f"Crew-Gap, on to {fields['crew-cursor']}")
        await self.receive(connection, status, fields)
        return True

    async def handle_error(self, connection, answer):
        status, fields = answer
        async for _ in connection.pieces(status, fields):
            pass
        error = fields.get("crew-error")
        if (status, error) in EXPECTED_ERRORS:
            self.note(f"{status} {error}")
        else:
            self.complain(f"{status} {fields}")
        await asyncio.sleep(self.random.uniform(0, PAUSE_S))
        return fields.get("connection") != "close"

    async def receive(self, connection, status, fields):
        body = b"".join([piece async for piece in connection.pieces(status, fields)])
        cursor = int(fields["crew-cursor"])
        if status == 200:
            self.take(fields["crew-channel"], body, cursor)
        elif cursor < self.cursor:
            self.complain(f"204 moves the cursor back to {cursor}")
        self.cursor = max(cursor, self.cursor)

    # ---- messages

    def take(self, channel, body, cursor):
        publisher, number = body.decode("ascii").split()
        if channel not in self.channels:
            self.complain(f"{publisher} {number} comes in channel {channel}")
        if cursor <= self.cursor:
            self.complain(f"{publisher} {number} has cursor {cursor}")
        self.cursor = cursor
        self.count += 1
        self.seen.setdefault(publisher, []).append((int(number), time.monotonic()))


class ListReader(Reader):
    """Takes all available messages at once, with pauses; its cursor is in the URL."""

    accept = "application/json"
    kind = "list"
    cut_after_bytes = 400000  # three times the largest response
    pause_s = 0.2

    def path(self):
        return super().path() + f"?cursor={self.cursor}"

    def cursor_field(self):
        return {}

    async def receive(self, connection, status, fields):
        if status == 204:
            await super().receive(connection, status, fields)
            return
        body = b"".join([piece async for piece in connection.pieces(status, fields)])
        for message in json.loads(body):
            self.take(message["channel"], content(message), int(message["cursor"]))
        if int(fields["crew-cursor"]) != self.cursor:
            self.complain(f"Crew-Cursor is {fields['crew-cursor']}")
        await asyncio.sleep(self.random.uniform(0, self.pause_s))


def content(message):
    if "data" in message:
        return message["data"].encode()
    return base64.b64decode(message["data_base64"])


class EventReader(Reader):
    """Server-sent events, read as WHATWG HTML §9.2.6 says, in lines that end with LF."""

    accept = "text/event-stream"
    kind = "events"
    cut_after_bytes = 150000

    def cursor_field(self):
        return {"Last_Event_ID": self.cursor}

    async def receive(self, connection, status, fields):
        if fields.get("content-type") != "text/event-stream":
            self.complain(f"{status} {fields}")
        text = b""
        async for piece in connection.pieces(status, fields):
            *events, text = (text + piece).split(b"\n\n")
            for event in events:
                self.take_event(event.decode())
        self.note("the stream ends")

    def take_event(self, event):
        fields = dict(field.split(": ", 1) for field in event.split("\n")
                      if not field.startswith(":"))
        cursor = int(fields.get("id", self.cursor))
        if fields.get("event") == "gap":
            self.complain(f"gap, on to {fields['data']}")
        elif "data" in fields:
            channel = fields.get("event", self.subscribed)
            self.take(channel, fields["data"].encode(), cursor)
        self.cursor = cursor
