"""Each exit status, with the situation that causes it."""
import re
import signal
import socket
import subprocess

import pytest
from shell import BREAKER, one_line

from support.program import SLOWNESS, free_port


def ends(crewctl, status, word, *words, **rest):
    """Nothing on stdout, one line on stderr that has the word."""
    done = crewctl.run("call", *words, **rest)
    assert (done.status, done.out) == (status, b""), done
    assert re.fullmatch(f"call {re.escape(words[0])}: {word}: .+", one_line(done.err)), done
    return done


def test_broker_refuses_connections(crewctl):
    done = crewctl.run("call", "test", "--url",
                       f"amqp://u:hidden@127.0.0.1:{free_port()},amqp://u:hidden@127.0.0.1:1")
    assert (done.status, done.out) == (10, b""), done
    line = one_line(done.err)
    assert line.startswith("broker: 127.0.0.1:") and line.count("refused") == 2, line
    assert "hidden" not in line
    assert done.seconds < 3 * SLOWNESS, "not a moment longer than the attempts take"


def test_broker_refuses_the_login(crewctl):
    done = crewctl.run("call", "test", environment={"CREW_PASSWORD": "hidden"})
    assert done.status == 10
    assert "login refused" in one_line(done.err) and "hidden" not in done.err


def test_broker_does_not_answer(crewctl):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"amqp://u:hidden@127.0.0.1:{silent.getsockname()[1]}"
        done = crewctl.run("call", "test", "--url", url, "--expiration", "0.5")
    assert done.status == 10
    assert "no answer from 127.0.0.1" in one_line(done.err) and "hidden" not in done.err
    assert done.seconds < 4 * SLOWNESS


def test_broker_stops_meanwhile(environment, crewctl):
    """The call was written: whether it ran is not known."""
    crewctl.broker = environment.broker()
    environment.worker(crewctl.broker, app="classic.so")
    process = crewctl.start("call", "sleep")
    crewctl.broker.wait_ready_messages("sleep", 0)
    assert crewctl.run("ping", "test").status == 0
    crewctl.broker.kill()
    _, err = process.communicate(timeout=20 * SLOWNESS)
    assert process.returncode == 17, err
    assert "crewctl: call sleep: lost: " in err.decode()
    assert crewctl.run("call", "test").status == 10


def test_overloaded(crewctl, queue):
    queue("full", **{"x-max-length": 0, "x-overflow": "reject-publish"})
    ends(crewctl, 11, "overloaded", "full")


def test_no_queue(crewctl):
    assert ends(crewctl, 12, "no-workers", "nobody").seconds < 5 * SLOWNESS


def test_no_consumers(crewctl, queue):
    queue("deserted")
    ends(crewctl, 12, "no-workers", "deserted", "--no-workers", "fail")
    ends(crewctl, 13, "expired", "deserted", "--no-workers=wait", "--expiration", "0.2")


def test_expired(crewctl, queue):
    queue("deserted")
    assert ends(crewctl, 13, "expired", "deserted", "--expiration", "0.2").seconds < \
        4 * SLOWNESS


@pytest.mark.usefixtures("workers")
def test_timeout(crewctl):
    ends(crewctl, 14, "timeout", "sleep", "--expiration", "0.7")


@pytest.mark.usefixtures("workers")
def test_crashed(crewctl):
    ends(crewctl, 16, "crashed", "b.crash", "-d", "abort")


@pytest.mark.usefixtures("workers")
def test_failed(crewctl):
    ends(crewctl, 18, "failed", "b.note", "-d", "nonsense")


def test_bad_response(crewctl, environment, broker):
    environment.worker(broker, "--max-response", "10", app=BREAKER, arguments=["small"])
    assert crewctl.run("call", "small.bytes", "-d", "10").status == 0
    ends(crewctl, 19, "bad-response", "small.bytes", "-d", "11")


def test_bad_envelope(crewctl, queue):
    """A worker rejects what it cannot read."""
    task = queue("illiterate")
    process = crewctl.start("call", "illiterate")
    task.channel.basic_reject(task.take()[0].delivery_tag, requeue=False)
    out, err = process.communicate(timeout=10 * SLOWNESS)
    assert (process.returncode, out) == (20, b"")
    assert one_line(err.decode()).startswith("call illiterate: bad-envelope: ")


def test_deadline(crewctl, environment, broker, note):
    """The whole worker is paused after it has reported the task as started."""
    worker = environment.worker(broker, "--processes", "1", app=BREAKER, arguments=["d"])
    process = crewctl.start("call", "d.note", "-d", note.body(20000, "begun"),
                            "--expiration", "3")
    note.wait("begun")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)  # `taken` is sent after 0.1 s
    worker.signal(signal.SIGSTOP)
    out, err = process.communicate(timeout=15 * SLOWNESS)
    assert (process.returncode, out) == (15, b""), err
    assert one_line(err.decode()).startswith("call d.note: deadline: ")


def test_lost(crewctl, environment, broker, note):
    """A worker is stopped at once; a task that was started is not repeated."""
    worker = environment.worker(broker, "--processes", "1", app=BREAKER, arguments=["l"])
    process = crewctl.start("call", "l.note", "-d", note.body(20000, "begun"))
    note.wait("begun")
    worker.signal(signal.SIGINT)
    out, err = process.communicate(timeout=15 * SLOWNESS)
    assert (process.returncode, out) == (17, b""), err
    assert one_line(err.decode()).startswith("call l.note: lost: ")
    assert worker.wait() == 0
    assert note.lines() == ["begun"]


@pytest.mark.usefixtures("workers")
def test_the_handlers_own_status(crewctl):
    assert crewctl("call", "teapot") == b"I'm a teapot"
    done = crewctl.run("call", "teapot", "--fail")
    assert (done.status, done.out, done.err) == (3, b"I'm a teapot", "")
    assert crewctl.run("call", "test", "-f").status == 0
