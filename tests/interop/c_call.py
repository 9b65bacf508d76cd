"""The C caller (call.c) and its output."""
import os
import subprocess
import tempfile
from collections import namedtuple

from support.program import BUILD, binary

CALL = os.path.join(BUILD, "tests", "call")
CREWCTL = binary("crewctl")

CAnswer = namedtuple("CAnswer", "number error status worker pairs body")
CallResult = namedtuple("CallResult", "answers warnings")


def c_call(broker, task, body=b"", **how):
    """Calls at once, with libcrew, and what came of them."""
    return end_c_call(begin_c_call(broker, task, body, **how))


def begin_c_call(broker, task, body=b"", form="plain", count=1, expiration_s=20,
                 gzip_above=32768, pairs=()):
    with tempfile.TemporaryFile() as stdin:
        stdin.write(body)
        stdin.seek(0)
        return subprocess.Popen(
            [CALL, broker.url, form, task, str(count), str(int(expiration_s * 1000)),
             str(gzip_above), *[f"{name}={value}" for name, value in pairs]],
            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def end_c_call(process):
    output, complaint = process.communicate(timeout=60)
    assert process.returncode == 0, complaint
    return CallResult(answers_in(output), complaint.decode().splitlines())


def answers_in(output):
    answers = []
    while output:
        line, _, output = output.partition(b"\n")
        number, word, status, worker, pair_count, size = line.decode().split()
        pairs = []
        for _ in range(int(pair_count)):
            pair, _, output = output.partition(b"\n")
            pairs.append(tuple(pair.split(b": ", 1)))
        answers.append(CAnswer(int(number), None if word == "ok" else word, int(status),
                               None if worker == "-" else worker, pairs, output[:int(size)]))
        output = output[int(size):]
    return answers


def crewctl(broker, *words, stdin=b""):
    """(exit status, stdout, stderr)"""
    done = subprocess.run([CREWCTL, "--url", broker.url, *words], input=stdin, timeout=60,
                          capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr.decode()
