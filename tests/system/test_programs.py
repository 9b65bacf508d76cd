"""The examples that call tasks: with poll(2), with libuv, and blocking."""
import os
import signal
import subprocess
import time

import pytest

from support.program import SLOWNESS, example
from support.waiting import wait_until


@pytest.fixture(scope="module")
def classic(module_environment, broker):
    return module_environment.worker(broker, "--processes", "4", app="classic.so")


def begin(broker, *command):
    return subprocess.Popen([example(command[0]), *command[1:]], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=os.environ | {"CREW_AMQP_URL": broker.url})


def run(broker, *command, status=0):
    program = begin(broker, *command)
    out, err = program.communicate(timeout=60)
    assert program.returncode == status, out + err
    return out, err


def test_emit_task(classic, broker):
    """Eight calls of 3 s in four processes: two rounds."""
    began_s = time.monotonic()
    out, _ = run(broker, "emit_task", "sleep", "8")
    assert 6 <= time.monotonic() - began_s < 6 + 3 * SLOWNESS
    progress = out.strip().splitlines()  # \r counts as one
    assert len(progress) == 8
    assert progress[-1].startswith("8 of 8 answered, 0 failed")


def test_emit_task_tells_of_failures(broker):
    out, err = run(broker, "emit_task", "nobody", "3", status=1)
    assert "0 of 3 answered, 3 failed" in out
    assert err.count("no worker serves this task") == 3


def test_watch_uv(classic, broker):
    out, err = run(broker, "watch_uv", "stat", "2")
    assert [line.startswith("I'm worker") for line in out.splitlines()] == [True, True]
    assert "connected to " in err


def test_watch_uv_outlives_a_lost_connection(classic, broker, shared_broker):
    """Until Ctrl-C."""
    program = begin(broker, "watch_uv", "test")
    seen = []
    try:
        assert program.stdout.readline() == "Wake up Neo.\n"
        broker.ctl("close_all_connections", "--vhost", broker.vhost, "test")
        wait_until(lambda: seen.append(program.stderr.readline()) or "lost" in seen[-1],
                   30, what="the loss is told")
        wait_until(lambda: program.stdout.readline() == "Wake up Neo.\n", 30,
                   what="the next answer")
    finally:
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=10)
    assert program.returncode == 0


def test_call(classic, broker):
    assert run(broker, "call", "test") == ("Wake up Neo.\n", "")
    _, err = run(broker, "call", "nobody", status=1)
    assert err == "nobody: no worker serves this task\n"


def test_call_without_a_broker():
    class Nowhere:
        url = "amqp://guest:secret@127.0.0.1:1/"

    began_s = time.monotonic()
    _, err = run(Nowhere, "call", "test", status=1)
    assert err.startswith("no broker: 127.0.0.1:1: ") and "refused" in err
    assert "secret" not in err
    assert 4.9 < time.monotonic() - began_s < 5 + 3 * SLOWNESS
