"""Runs crewctl as a shell does."""
import os
import signal
import subprocess
import time
from collections import namedtuple

from support.program import BUILD, SLOWNESS, binary

BREAKER = os.path.join(BUILD, "tests", "breaker.so")

Done = namedtuple("Done", "status out err seconds")


class Crewctl:
    """Runs crewctl with one broker, given in CREW_AMQP_URL."""

    def __init__(self, broker):
        self.broker = broker

    def environment(self, more):
        outside = {name: value for name, value in os.environ.items()
                   if not name.startswith("CREW_")}
        return outside | {"CREW_AMQP_URL": self.broker.url} | (more or {})

    def start(self, *words, environment=None, **popen):
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                   "stderr": subprocess.PIPE} | popen
        return subprocess.Popen([binary("crewctl"), *words],
                                env=self.environment(environment), **streams)

    def run(self, *words, body=None, bound_s=40, **rest):
        if body is not None:
            rest["stdin"] = subprocess.PIPE
        began_s = time.monotonic()
        process = self.start(*words, **rest)
        try:
            out, err = process.communicate(body, timeout=bound_s * SLOWNESS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return Done(process.returncode, out, (err or b"").decode(), time.monotonic() - began_s)

    def __call__(self, *words, **rest):
        """Run it, and have the output of a success."""
        done = self.run(*words, **rest)
        assert (done.status, done.err) == (0, ""), done
        return done.out

    def refuses(self, *words, **rest):
        """Exit status 2, nothing on stdout; the one line on stderr."""
        done = self.run(*words, **rest)
        assert (done.status, done.out) == (2, b""), done
        return one_line(done.err)


def one_line(err):
    assert err.startswith("crewctl: ") and err.endswith("\n") and err.count("\n") == 1, err
    return err[len("crewctl: "):-1]


def interrupt(process, signum=signal.SIGINT):
    """Its exit status and what it printed, when it gets a signal."""
    process.send_signal(signum)
    out, err = process.communicate(timeout=10 * SLOWNESS)
    return Done(process.returncode, out, err.decode(), 0)
