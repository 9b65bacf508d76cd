"""Readers of channels: they are cut off at random, come back with their cursor at whichever
bridge, and keep an account of the numbers that they have completely received."""
import asyncio
import base64
import json
import random
import time
from urllib.parse import quote

from line import Cut, Line

PAUSE_S = 0.2  # at most, before a reader who was sent away asks again
LINGERS, AWHILE_S = 0.1, 3.0  # how often one comes back only after a while
AWAY = {(503, "broker"), (502, None), (504, None)}  # without a word: the web server's own


class Reader:
    """One that asks again and again for what is behind its cursor. A message's body is
    `PUBLISHER NUMBER`."""

    accept = "*/*"
    kind = "poll"
    patience_bytes = 8000  # before it hangs up, on average
    patience_s = 4.0

    def __init__(self, port, name, prefix, subscribed, channels):
        self.port = port
        self.name = f"{self.kind} {subscribed}, {name}"
        self.random = random.Random(self.name)
        self.prefix = prefix
        self.subscribed = subscribed
        self.channels = channels  # the names of those that it is to hear
        self.cursor = None
        self.seen = {}  # publisher: [(number, when)]
        self.count = 0
        self.diary = []  # (when, what)
        self.complaints = []

    def __str__(self):
        return self.name

    # ---- what it does

    def note(self, what):
        self.diary.append((time.monotonic(), f"{what}, cursor {self.cursor}"))

    def complain(self, what):
        self.complaints.append((time.monotonic(), f"{what}, cursor {self.cursor}"))

    async def read(self, get):
        """Hear with GET, a coroutine function, until cancelled."""
        while True:
            try:
                async with Line(self.port, self.random.expovariate(1 / self.patience_bytes),
                                self.random.expovariate(1 / self.patience_s)) as line:
                    while await get(line):
                        pass
            except Cut:
                self.note("hangs up")
                if self.random.random() < LINGERS:
                    await asyncio.sleep(self.random.uniform(0, AWHILE_S))
            except OSError as error:
                self.note(str(error))

    async def begin(self):
        """Take the place in the history where there is nothing yet."""
        async def get(line):
            answer = await line.get("/now/nothing")
            if answer[0] == 204:
                self.cursor = int(answer[1]["crew-cursor"])
                self.note("begins")
                raise asyncio.CancelledError
            return await self.turned_away(line, answer)

        try:
            await self.read(get)
        except asyncio.CancelledError:
            if self.cursor is None:
                raise

    async def run(self):
        await self.read(self.round)

    def path(self):
        return f"/{self.prefix}/{quote(self.subscribed)}"

    def place(self):
        return {"Crew_Cursor": self.cursor}

    async def round(self, line):
        """One response."""
        answer = status, fields = await line.get(self.path(), Accept=self.accept,
                                                 **self.place())
        if status not in (200, 204):
            return await self.turned_away(line, answer)
        if "crew-gap" in fields:
            self.complain(f"Crew-Gap, on to {fields['crew-cursor']}")
        await self.receive(line, status, fields)
        return True

    async def turned_away(self, line, answer):
        status, fields = answer
        async for _ in line.pieces(status, fields):
            pass
        word = fields.get("crew-error")
        if (status, word) in AWAY:
            self.note(f"{status} {word}")
        else:
            self.complain(f"{status} {fields}")
        await asyncio.sleep(self.random.uniform(0, PAUSE_S))
        return fields.get("connection") != "close"

    async def receive(self, line, status, fields):
        body = b"".join([piece async for piece in line.pieces(status, fields)])
        cursor = int(fields["crew-cursor"])
        if status == 200:
            self.take(fields["crew-channel"], body, cursor)
        elif cursor < self.cursor:
            self.complain(f"204 goes back to {cursor}")
        self.cursor = max(cursor, self.cursor)

    # ---- what it has got

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
    """It takes all that there is at once, and not too often; its cursor is in the URL."""

    accept = "application/json"
    kind = "list"
    patience_bytes = 400000  # as many as may come at once are a third of it
    pause_s = 0.2

    def path(self):
        return super().path() + f"?cursor={self.cursor}"

    def place(self):
        return {}

    async def receive(self, line, status, fields):
        if status == 204:
            await super().receive(line, status, fields)
            return
        body = b"".join([piece async for piece in line.pieces(status, fields)])
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
    """Server-sent events, read as WHATWG HTML §9.2.6 says, by lines that end with LF."""

    accept = "text/event-stream"
    kind = "events"
    patience_bytes = 150000

    def place(self):
        return {"Last_Event_ID": self.cursor}

    async def receive(self, line, status, fields):
        if fields.get("content-type") != "text/event-stream":
            self.complain(f"{status} {fields}")
        text = b""
        async for piece in line.pieces(status, fields):
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
