"""Readers of what is published, who are cut off and come back, while all that can break
breaks: the bridges, nginx, the broker. Each of them gets each number exactly once, in its
publisher's order, and is never told that something may be missing."""
import asyncio
import random
import time

import pytest
from accounts import Timeline, complaints
from pair import Pair, kill, renew, restart
from readers import EventReader, ListReader, Reader

from support.program import BUILD, SLOWNESS, Program

# To which channel a number goes: single messages are taken from slow ones.
FAST = [f"soak.fast.{i}" for i in range(4)]
SLOW = ["soak.slow.0", "soak.slow.1"]
RARE = ["soak.rare"]
CHANNELS = FAST * 12 + SLOW + RARE
ALL = FAST + SLOW + RARE
PUBLISHERS = ["left", "right"]
GOES_ON_S = 60 * SLOWNESS
ROUNDS = 4
NEVER_PUBLISHED = "the message broker cannot be reached or is blocked"


class Numbers(Program):
    """The publisher of numbers.c."""

    name = "numbers"

    def __init__(self, folder, broker, publisher, rate):
        super().__init__(folder)
        self.publisher = publisher
        self.arguments = [broker.url, publisher, str(rate), *CHANNELS]

    def command(self):
        return [f"{BUILD}/tests/numbers", *self.arguments]

    def published(self):
        """All numbers that the broker has confirmed; for any other it says that nothing
        was written."""
        *lost, said = self.log().splitlines()
        numbers = set(range(1, int(said.removeprefix("said ")) + 1))
        for line in lost:
            first, last, why = line.split(" ", 2)
            assert why == NEVER_PUBLISHED, line
            numbers -= set(range(int(first), int(last) + 1))
        return sorted(numbers)


def all_readers(port, seed):
    for make, prefix, subscribed, channels, count in [
            (Reader, "channel", SLOW[0], SLOW[:1], 3),
            (Reader, "channel", SLOW[1], SLOW[1:], 3),
            (Reader, "channel", RARE[0], RARE, 2),
            (Reader, "pattern", "soak.slow.*", SLOW, 2),
            *[(ListReader, "channel", name, [name], 1) for name in FAST],
            (ListReader, "pattern", "soak.#", ALL, 1),
            (ListReader, "pattern", f"{RARE[0]},*.slow.*,{FAST[0]}", RARE + SLOW + FAST[:1], 1),
            *[(EventReader, "channel", name, [name], 1) for name in [FAST[0], *SLOW, *RARE]],
            (EventReader, "pattern", "*.fast.*", FAST, 1),
            (EventReader, "pattern", "#", ALL, 1)]:
        for i in range(count):
            yield make(port, f"{seed} {i}", prefix, subscribed, set(channels))


class Soak:
    """All of it."""

    def __init__(self, stage, rate, seed):
        self.broker = stage.broker()
        self.bridges = [stage.bridge(self.broker) for _ in range(2)]
        self.front = stage.keep(Pair(stage.folder, self.bridges)).start()
        self.numbers = [stage.keep(Numbers(stage.folder, self.broker, name,
                                           rate // len(PUBLISHERS))) for name in PUBLISHERS]
        self.readers = list(all_readers(self.front.port, seed))
        self.tasks = []
        self.timeline = Timeline()

    # ---- what breaks

    def faults(self):
        first, second = self.bridges
        return {
            "SIGHUP of a bridge": lambda: renew(first),
            "SIGTERM of a bridge, and a new one": lambda: restart(second),
            "kill -9 of a bridge, and a new one": lambda: kill(first),
            "nginx drops all connections": self.front.drop_all,
            "the broker closes all connections":
                lambda: self.broker.ctl("close_all_connections", "soak"),
            "the broker is stopped and started": self.broker.restart,
            "kill -9 of the broker, and a new one": self.kill_broker,
            "kill -9 of the broker and of a bridge, and new ones": lambda: self.kill_both(second),
        }

    def kill_broker(self):
        self.broker.kill()
        self.broker.restart()

    def kill_both(self, bridge):
        self.broker.kill()
        kill(bridge)
        self.broker.restart()

    # ---- how it goes

    async def run(self, faults):
        await asyncio.gather(*[reader.begin() for reader in self.readers])
        self.timeline = Timeline()
        for numbers in self.numbers:
            numbers.launch()
        self.tasks = [asyncio.create_task(reader.run()) for reader in self.readers]
        await self.all_go_on("the beginning")
        for name in faults:
            began = time.monotonic()
            await asyncio.to_thread(self.faults()[name])
            self.timeline.add(began, name)
            await self.all_go_on(name)
        await self.end()

    async def all_go_on(self, what):
        """Each reader gets something more."""
        before = {reader: reader.count for reader in self.readers}
        late = await self.wait(lambda reader: reader.count > before[reader])
        now = time.monotonic()
        assert not late, "\n".join(
            line for reader in late for line in
            [f"{reader} gets nothing after {what}:",
             *self.timeline.around(now - GOES_ON_S, now, reader.diary[-10:])])

    async def end(self):
        for numbers in self.numbers:
            await asyncio.to_thread(numbers.stop)
        published = {numbers.publisher: numbers.published() for numbers in self.numbers}
        expected = {reader: {publisher: [number for number in numbers if heard(reader, number)]
                             for publisher, numbers in published.items()}
                    for reader in self.readers}
        await self.wait(lambda reader: reader.count >= sum(map(len, expected[reader].values())))
        for task in self.tasks:
            task.cancel()
        self.tell(published)
        wrong = [line for reader in self.readers
                 for line in complaints(reader, expected[reader], self.timeline)]
        assert not wrong, "\n".join(["", *wrong])

    def tell(self, published):
        """What it was, for those who run it with -s."""
        print(f"\n{sum(map(len, published.values()))} messages")
        for began, ended, what in self.timeline.events:
            print(f"{began - self.timeline.began:8.2f} s: {what}, {ended - began:.2f} s")
        for reader in self.readers:
            cuts = sum("hangs up" in what for _, what in reader.diary)
            print(f"{reader}: {reader.count} messages, hung up {cuts} times")

    async def wait(self, condition):
        """The readers for which CONDITION has not become true in time."""
        end = time.monotonic() + GOES_ON_S
        while waiting := [reader for reader in self.readers if not condition(reader)]:
            for task in self.tasks:
                assert not task.done(), task.result()
            if time.monotonic() > end:
                break
            await asyncio.sleep(0.1)
        return waiting


def heard(reader, number):
    return CHANNELS[number % len(CHANNELS)] in reader.channels


def test_each_fault_once(stage):
    soak = Soak(stage, 200, "short")
    asyncio.run(soak.run(soak.faults()))


@pytest.mark.long
def test_many_faults(stage):
    """For some minutes, at 1,000 messages a second."""
    soak = Soak(stage, 1000, "long")
    faults = list(soak.faults()) * ROUNDS
    random.Random("long").shuffle(faults)
    asyncio.run(soak.run(faults))
