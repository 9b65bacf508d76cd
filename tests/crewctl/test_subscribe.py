"""crewctl subscribe: one line for each message, no duplicates, none missing."""
import base64
import json
import re
import signal

import pytest
from shell import Crewctl, one_line

from support.program import SLOWNESS, free_port
from support.publisher import Publisher
from support.waiting import wait_until

BOUND_S = 20 * SLOWNESS


class Listener:
    """crewctl subscribe in the background; its output goes to files."""

    def __init__(self, crewctl, folder, *words):
        self.files = [folder / "out", folder / "err"]
        with open(self.files[0], "wb") as out, open(self.files[1], "wb") as err:
            self.process = crewctl.start("subscribe", *words, stdout=out, stderr=err)

    def lines(self):
        return self.files[0].read_bytes().decode().splitlines()

    def err(self):
        return self.files[1].read_text()

    def wait(self, count):
        """COUNT lines, and no more than these."""
        wait_until(lambda: len(self.lines()) >= count, BOUND_S, what=f"{count} lines")
        assert len(self.lines()) == count
        return self.lines()

    def wait_connected(self):
        wait_until(lambda: "broker: connected" in self.err(), BOUND_S, what="it is connected")

    def end(self, signum=signal.SIGINT):
        """Its exit status."""
        self.process.send_signal(signum)
        return self.process.wait(BOUND_S)


@pytest.fixture
def listen(crewctl, tmp_path_factory):
    listeners = []

    def start(*words):
        listeners.append(Listener(crewctl, tmp_path_factory.mktemp("listener"), *words))
        return listeners[-1]

    yield start
    for listener in listeners:
        listener.process.kill()
        listener.process.wait()


@pytest.fixture
def publish(broker):
    with Publisher(broker) as publisher:
        yield publisher.publish


@pytest.fixture(scope="module", autouse=True)
def history(broker, tmp_path_factory):
    """The first subscriber of all makes it."""
    first = Listener(Crewctl(broker), tmp_path_factory.mktemp("first"), "nothing", "-v")
    first.wait_connected()
    assert first.end() == 0


def heard(crewctl, count, *words):
    """The first COUNT lines of the history."""
    done = crewctl.run("subscribe", "--since", "0", "-n", str(count), *words)
    assert done.status == 0, done
    return done.out.decode().splitlines()


def cursor_in(err):
    return re.fullmatch(r"(?s).*crewctl: to go on from here: --since (\d+)\n", err)[1]


# ---- lines

def test_from_now_on(crewctl, listen):
    crewctl("publish", "now.a", "-d", "before")
    listener = listen("now.*")

    def hears():
        crewctl("publish", "now.b", "-d", "after")
        return listener.lines()

    wait_until(hears, BOUND_S, what="something is heard")
    assert listener.end() == 0
    assert set(listener.lines()) == {"now.b\tafter"}
    assert listener.err() == ""


def test_each_line_comes_at_once(listen, publish):
    listener = listen("once", "--since", "0")
    for number in range(3):
        publish("once", str(number))
        assert listener.wait(number + 1)[-1] == f"once\t{number}"


def test_patterns(crewctl, publish):
    for name in ("p.a", "p.a.b", "p.b", "p.b.c"):
        publish(name, name)
    assert heard(crewctl, 2, "p.a.#") == ["p.a\tp.a", "p.a.b\tp.a.b"]
    assert heard(crewctl, 2, "p.*.b", "p.b.*") == ["p.a.b\tp.a.b", "p.b.c\tp.b.c"]
    assert heard(crewctl, 2, "p.b,p.a") == ["p.a\tp.a", "p.b\tp.b"]


@pytest.mark.parametrize("body,line", [
    (b"", ""),
    ("grüß dich 🎉".encode(), "grüß dich 🎉"),
    (b"two\nlines\r\n", r"two\nlines\r\n"),
    (b"\ta\x1b[31mred\x7f\0", r"\ta\x1b[31mred\x7f\x00"),
    ("\x9b31m".encode(), r"\x9b31m"),
    (br'{"a":"b\n"}', r'{"a":"b\n"}'),
    (b"\xff\xfe\0", "(binary: 3 bytes, image/neo)"),
])
def test_a_message_is_a_line(crewctl, publish, request, body, line):
    channel = f"line{request.node.callspec.indices['body']}"
    publish(channel, body, content_type="image/neo")
    publish(channel, "end")
    assert heard(crewctl, 2, channel) == [f"{channel}\t{line}", f"{channel}\tend"]


def test_json(crewctl, publish):
    publish("json", "grüß\n\0dich", message_id="ab.1", content_type="text/plain")
    publish("json", b"\xff\xfe")
    one, two = map(json.loads, heard(crewctl, 2, "json", "--json"))
    assert int(one.pop("cursor")) < int(two.pop("cursor"))
    assert one.pop("gap") in (True, False)  # whether the history began before is not known
    assert one == {"id": "ab.1", "channel": "json", "content_type": "text/plain",
                   "data": "grüß\n\0dich"}
    assert base64.b64decode(two.pop("data_base64")) == b"\xff\xfe"
    assert two == {"id": "", "channel": "json", "gap": False,
                   "content_type": "application/octet-stream"}


# ---- none twice, none missing

def test_repeats_are_dropped(crewctl, publish):
    for name in ("aa.1", "aa.2", "aa.1", "aa.2", "aa.3"):
        publish("repeated", name, message_id=name)
    assert heard(crewctl, 3, "repeated") == [f"repeated\taa.{n}" for n in (1, 2, 3)]


def test_going_on(crewctl, publish):
    for number in range(7):
        publish("on", str(number))
    lines, cursor = [], "0"
    for count in (2, 1, 4):
        done = crewctl.run("subscribe", "on", "--since", cursor, "-n", str(count))
        lines += done.out.decode().splitlines()
        cursor = cursor_in(done.err)
    assert lines == [f"on\t{number}" for number in range(7)]


def test_a_cursor_of_another_history(crewctl, publish):
    publish("alien", "oldest")
    done = crewctl.run("subscribe", "alien", "--since", "999999999", "-n", "1", "--json")
    message = json.loads(done.out)
    assert (message["data"], message["gap"]) == ("oldest", True)
    assert f"warning: messages before the one with cursor {message['cursor']} may be missing" \
        in done.err


def test_a_reader_who_takes_a_break(crewctl, publish):
    """Longer than a pipe's 64 KB: everything is there when he comes back."""
    process = crewctl.start("subscribe", "slow", "--since", "0", "-n", "1000")
    for number in range(1000):
        publish("slow", f"{number:04}" * 100)
    out, _ = process.communicate(timeout=BOUND_S)
    assert out.decode().splitlines() == [f"slow\t{f'{number:04}' * 100}"
                                         for number in range(1000)]


def test_a_restart_of_the_broker(environment, crewctl, listen):
    crewctl.broker = environment.broker()
    first = listen("news", "-v")
    first.wait_connected()
    listener = listen("news", "--since", "0")
    crewctl("publish", "news", "-d", "1")
    listener.wait(1)
    crewctl.broker.restart()
    wait_until(lambda: "warning: broker: connected" in listener.err(), BOUND_S,
               what="the return is told")
    assert "warning: broker: lost the broker" in listener.err()
    crewctl("publish", "news", "-d", "2")
    assert listener.wait(2) == ["news\t1", "news\t2"] == first.wait(2)
    assert listener.end(signal.SIGTERM) == 0
    assert "missing" not in listener.err()


# ---- how it ends

def test_interrupted(crewctl, listen, publish):
    for signum in (signal.SIGINT, signal.SIGTERM):
        listener = listen("interrupted", "--since", "0")
        publish("interrupted", "x")
        wait_until(listener.lines, BOUND_S, what="a line")
        assert listener.end(signum) == 0
        cursor = cursor_in(listener.err())
    publish("interrupted", "next")
    done = crewctl.run("subscribe", "interrupted", "--since", cursor, "-n", "1")
    assert done.out == b"interrupted\tnext\n"


def test_a_reader_who_leaves(crewctl, publish):
    publish("left", "x")
    process = crewctl.start("subscribe", "left", "--since", "0")
    assert process.stdout.readline() == b"left\tx\n"
    process.stdout.close()
    publish("left", "y")
    assert process.wait(BOUND_S) == 1
    assert one_line(process.stderr.read().decode()).endswith("output: Broken pipe")
    process.stderr.close()


def test_a_full_disk(crewctl, publish):
    publish("full", "x")
    with open("/dev/full", "wb") as full:
        done = crewctl.run("subscribe", "full", "--since", "0", stdout=full)
    assert (done.status, one_line(done.err)) == (
        1, "cannot write to standard output: No space left on device")


def test_broker_refuses_connections(crewctl):
    done = crewctl.run("subscribe", "x", "--url", f"amqp://127.0.0.1:{free_port()}")
    assert (done.status, done.out) == (10, b""), done
    assert one_line(done.err).startswith("broker: 127.0.0.1:")
    assert done.seconds < 3 * SLOWNESS


@pytest.mark.parametrize("named,words", [
    ("PATTERN is missing", []),
    ("PATTERN is not", [""]),
    ("PATTERN is not", ["a", ""]),
    ("PATTERN is not", ["a\nb"]),
    ("PATTERN is not", [b"\xff"]),
    ("PATTERN is not", ["x" * 256]),
    ("PATTERN is not", ["x"] * 65),
    ("--since", ["x", "--since", ""]),
    ("--since", ["x", "--since", "-1"]),
    ("--since", ["x", "--since", "1x"]),
    ("--since", ["x", "--since", "18446744073709551616"]),
    ("--count", ["x", "--count", "-1"]),
    ("--persistent", ["x", "--persistent"]),
])
def test_what_is_wrong_is_named(crewctl, named, words):
    assert named in crewctl.refuses("subscribe", *words)
