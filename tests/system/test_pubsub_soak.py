"""Readers whose connections are cut and resumed while bridges, nginx and the broker are
stopped and killed. Each reader gets each number exactly once, in its publisher's order, and
no gap is reported."""
import asyncio
import contextlib
import random
import socket
import time

import pytest
from received import Timeline, complaints
from bridge_pair import BridgePair, kill, reload, restart
from readers import EventReader, ListReader, Reader

from support.connection_limiter import ConnectionLimiter
from support.program import BUILD, SLOWNESS, Program
from support.waiting import wait_until

# Numbers are published to these channels in turn; long polls read the slow ones.
FAST = [f"soak.fast.{i}" for i in range(4)]
SLOW = ["soak.slow.0", "soak.slow.1"]
RARE = ["soak.rare"]
CHANNELS = FAST * 12 + SLOW + RARE
ALL = FAST + SLOW + RARE
PUBLISHERS = ["left", "right"]
PROGRESS_BOUND_S = 60 * SLOWNESS
ROUNDS = 4
NEVER_PUBLISHED = "the message broker cannot be reached or is blocked"


class ConfirmFilter(ConnectionLimiter):
    """A proxy between publishers and broker that can discard the broker's confirms."""

    def __init__(self, broker):
        super().__init__(broker, 100)
        self.discarding = False
        self.lost_bytes = 0

    def send(self, data, to_broker, target):
        if self.discarding and not to_broker:
            self.lost_bytes += len(data)
        else:
            super().send(data, to_broker, target)

    def lose(self):
        """Discard confirms of some messages, then break the connections."""
        self.lost_bytes = 0
        self.discarding = True
        wait_until(lambda: self.lost_bytes, PROGRESS_BOUND_S, what="confirms to be lost")
        with self.lock:
            for client in self.clients:
                client.shutdown(socket.SHUT_RDWR)
        self.discarding = False


class NumberedPublisher(Program):
    """numbered_publisher.c."""

    name = "numbered_publisher"

    def __init__(self, folder, url, publisher, rate):
        super().__init__(folder)
        self.publisher = publisher
        self.arguments = [url, publisher, str(rate), *CHANNELS]

    def command(self):
        return [f"{BUILD}/tests/numbered_publisher", *self.arguments]

    def published(self):
        """All numbers that the broker has confirmed. The others failed before they were sent."""
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
    """Broker, bridges, nginx, publishers and readers of a run."""

    def __init__(self, environment, seed, rate, calm_s):
        self.broker = environment.broker()
        self.bridges = [environment.bridge(self.broker) for _ in range(2)]
        self.front = environment.keep(BridgePair(environment.folder, self.bridges)).start()
        self.confirms = ConfirmFilter(self.broker)
        self.numbers = [
            environment.keep(NumberedPublisher(environment.folder, self.confirms.url, name,
                                               rate // len(PUBLISHERS)))
            for name in PUBLISHERS]
        self.calm = calm_s * rate // len(CHANNELS)
        self.readers = list(all_readers(self.front.port, seed))
        self.tasks = []
        self.timeline = Timeline()

    # ---- disturbances

    def faults(self):
        first, second = self.bridges
        return {
            "SIGHUP of a bridge": lambda: reload(first),
            "SIGTERM of a bridge, and a new one": lambda: restart(second),
            "kill -9 of a bridge, and a new one": lambda: kill(first),
            "confirms are lost, and the publishers' connections": self.confirms.lose,
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

    # ---- the run

    async def run(self, faults):
        await asyncio.gather(*[reader.begin() for reader in self.readers])
        self.timeline = Timeline()
        for numbers in self.numbers:
            numbers.launch()
        self.tasks = [asyncio.create_task(reader.run()) for reader in self.readers]
        await self.wait_progress("the beginning")
        for name in faults:
            began = time.monotonic()
            await asyncio.to_thread(self.faults()[name])
            self.timeline.add(began, name)
            await self.wait_progress(name)
        await self.end()

    async def wait_progress(self, what):
        """Each reader receives the messages of a period without disturbances."""
        enough = {reader: reader.count + self.calm for reader in self.readers}
        late = await self.wait(lambda reader: reader.count >= enough[reader])
        now = time.monotonic()
        assert not late, "\n".join(
            line for reader in late for line in
            [f"{reader} receives too little after {what}:",
             *self.timeline.around(now - PROGRESS_BOUND_S, now, reader.diary[-10:])])

    async def end(self):
        for numbers in self.numbers:
            await asyncio.to_thread(numbers.stop)
        published = {numbers.publisher: numbers.published() for numbers in self.numbers}
        expected = {reader: {publisher: [number for number in numbers if is_subscribed(reader, number)]
                             for publisher, numbers in published.items()}
                    for reader in self.readers}
        await self.wait(lambda reader: reader.count >= sum(map(len, expected[reader].values())))
        for task in self.tasks:
            task.cancel()
        self.print_summary(published)
        wrong = [line for reader in self.readers
                 for line in complaints(reader, expected[reader], self.timeline)]
        assert not wrong, "\n".join(["", *wrong])

    def print_summary(self, published):
        """A summary, shown with pytest -s."""
        print(f"\n{sum(map(len, published.values()))} messages")
        for began, ended, what in self.timeline.events:
            print(f"{began - self.timeline.began:8.2f} s: {what}, {ended - began:.2f} s")
        for reader in self.readers:
            cuts = sum("connection cut" in what for _, what in reader.diary)
            print(f"{reader}: {reader.count} messages, {cuts} connections cut")

    async def wait(self, condition):
        """The readers for which CONDITION does not become true in time."""
        end = time.monotonic() + PROGRESS_BOUND_S
        while waiting := [reader for reader in self.readers if not condition(reader)]:
            for task in self.tasks:
                assert not task.done(), task.result()
            if time.monotonic() > end:
                break
            await asyncio.sleep(0.1)
        return waiting


def is_subscribed(reader, number):
    return CHANNELS[number % len(CHANNELS)] in reader.channels


def run(soak, faults):
    with contextlib.closing(soak.confirms):
        asyncio.run(soak.run(faults))


def test_each_fault_once(environment):
    soak = Soak(environment, "short", rate=200, calm_s=1)
    run(soak, soak.faults())


@pytest.mark.long
def test_many_faults(environment):
    """For some minutes, at 1,000 messages a second."""
    soak = Soak(environment, "long", rate=1000, calm_s=4)
    faults = list(soak.faults()) * ROUNDS
    random.Random("long").shuffle(faults)
    run(soak, faults)
