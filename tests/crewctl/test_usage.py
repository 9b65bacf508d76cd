"""Wrong command lines, output that cannot be written, help, secrets."""
import os
import re
import subprocess

import pytest

from support.program import binary


def test_commands_are_listed(crewctl):
    out = crewctl("--help").decode()
    for command in ("call TASK", "ping TASK", "status [TASK ...]",
                    "publish CHANNEL", "subscribe PATTERN ..."):
        assert f"\n  {command} " in out
    assert "\nExit status:\n" in out
    assert crewctl("-h") == out.encode()


@pytest.mark.parametrize("command,option", [("call", "--json TEXT"), ("ping", "--interval"),
                                            ("status", "--json "), ("publish", "--persistent"),
                                            ("subscribe", "--since CURSOR")])
def test_each_command_explains_itself(crewctl, command, option):
    out = crewctl(command, "--help").decode()
    assert out.startswith(f"Usage: crewctl {command} ") and option in out
    assert crewctl(command, "TASK", "-h").decode() == out
    assert max(len(line) for line in out.split("\n")) <= 90


def test_version(crewctl):
    assert re.fullmatch(rb"crewctl [0-9.]+\n", crewctl("--version"))


@pytest.mark.parametrize("named,words", [
    ("command", []),
    ("bogus", ["bogus", "test"]),
    ("--bogus", ["call", "test", "--bogus"]),
    ("-x", ["call", "test", "-x"]),
    ("--json", ["--json", "{}", "call", "test"]),
    ("TASK", ["call"]),
    ("TASK", ["ping"]),
    ("TASK", ["call", "a\nb"]),
    ("TASK", ["call", "a" * 201]),
    ("TASK", ["status", "http", ""]),
    ("extra", ["call", "test", "extra"]),
    ("extra", ["call", "test", "-", "extra"]),
    ("extra", ["ping", "test", "extra"]),
    ("--expiration", ["call", "test", "--expiration", "0"]),
    ("--expiration", ["call", "test", "--expiration", "1500.1"]),
    ("--expiration", ["ping", "test", "--expiration", "soon"]),
    ("--priority", ["call", "test", "--priority", "256"]),
    ("--gzip", ["call", "test", "--gzip", "perhaps"]),
    ("--no-workers", ["call", "test", "--no-workers=die"]),
    ("--count", ["call", "test", "--count", "0"]),
    ("--parallel", ["call", "test", "-c", "10001"]),
    ("--interval", ["ping", "test", "-i", "0"]),
    ("--header", ["call", "test", "--header", "colour"]),
    ("--header", ["call", "test", "--header", "a b: c"]),
    ("--header", ["call", "test", "--header", "crew-repeat: 1"]),
    ("--header", ["call", "test", "--header", "x-death: 1"]),
    ("--content-type", ["call", "test", "--content-type", "a" * 256]),
    ("--content-type", ["call", "test", "--content-type", "application/vnd.crew.v1"]),
    ("one body", ["call", "test", "--json", "1", "--data", "1"]),
    ("one body", ["call", "test", "-", "--file", "/dev/null"]),
])
def test_what_is_wrong_is_named(crewctl, named, words):
    assert named in crewctl.refuses(*words)


def test_json_errors_say_where(crewctl):
    line = crewctl.refuses("call", "test", "--json", '{"a": 1,\n "b": oops}')
    assert re.match(r"--json: line 2, column \d+: .*oops", line), line
    assert crewctl.refuses("call", "test", "--json", "").startswith("--json: ")
    assert crewctl.refuses("call", "test", "--json", "{} {}").startswith("--json: line 1")


def test_data_must_be_text(crewctl):
    assert "--data: not UTF-8" in crewctl.refuses("call", "test", "--data", b"\xff")


def test_files_that_cannot_be_read(crewctl, tmp_path):
    assert "/nowhere: No such file" in crewctl.refuses("call", "test", "--file", "/nowhere")
    assert "Is a directory" in crewctl.refuses("call", "test", "--file", str(tmp_path))
    assert "standard input: Bad file descriptor" in crewctl.refuses(
        "call", "test", "-", preexec_fn=lambda: os.close(0), stdin=None)


def test_bodies_over_the_limit(crewctl, tmp_path):
    large = tmp_path / "large"
    with open(large, "wb") as file:
        file.truncate((128 << 20) + 1)
    line = crewctl.refuses("call", "test", "--file", str(large))
    assert line == f"{large}: over 134217728 bytes"
    with open(large, "rb") as file:
        assert crewctl.refuses("call", "test", "-", stdin=file) == \
            "standard input: over 134217728 bytes"


def test_too_many_header_fields(crewctl):
    fields = [f"--header=n{i}:{'v' * 1000}" for i in range(70)]
    done = crewctl.run("call", "test", *fields)
    assert (done.status, done.out) == (2, b"")
    assert done.err == "crewctl: call test: over a limit\n"


# ---- output that cannot be written

LINES = [["call", "test"], ["ping", "test"], ["status", "test"], ["--help"],
         ["call", "b.bytes", "-d", "1000000"]]


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize("words", LINES, ids=" ".join)
def test_a_full_disk(crewctl, words):
    with open("/dev/full", "wb") as full:
        done = crewctl.run(*words, stdout=full)
    assert (done.status, done.err) == (
        1, "crewctl: cannot write to standard output: No space left on device\n"), done


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize("words", LINES, ids=" ".join)
def test_a_closed_stdout(crewctl, words):
    done = crewctl.run(*words, preexec_fn=lambda: os.close(1), stdout=None)
    assert (done.status, done.err) == (
        1, "crewctl: cannot write to standard output: Bad file descriptor\n"), done


@pytest.mark.usefixtures("workers")
def test_a_reader_who_left(crewctl):
    reader, writer = os.pipe()
    os.close(reader)
    done = crewctl.run("call", "test", stdout=writer)
    os.close(writer)
    assert (done.status, done.err) == (
        1, "crewctl: cannot write to standard output: Broken pipe\n")


@pytest.mark.usefixtures("workers")
def test_a_reader_who_leaves_ends_a_series(crewctl):
    process = crewctl.start("call", "test", "-n", "1000000", "-c", "4", "--print")
    assert process.stdout.readline() == b"Wake up Neo.\n"
    process.stdout.close()
    assert process.wait(20) == 1
    assert b"Broken pipe" in process.stderr.read()
    process.stderr.close()


@pytest.mark.usefixtures("workers")
def test_everything_closed(crewctl):
    """No socket may take the place of a closed standard descriptor."""
    run = subprocess.run(["sh", "-c", 'exec "$0" call test <&- >&- 2>&-', binary("crewctl")],
                         env=crewctl.environment(None), check=False, timeout=60)
    assert run.returncode == 1


# ---- secrets

def test_the_password_is_never_shown(crewctl, broker, tmp_path):
    secret = tmp_path / "password"
    secret.write_text("hidden\n")
    url = broker.url.replace("guest:guest", "guest:hidden")
    for words, environment in ((["--url", url], {}),
                               (["--password-file", str(secret)], {}),
                               (["--password", "hidden"], {}),
                               ([], {"CREW_PASSWORD": "hidden"}),
                               ([], {"CREW_AMQP_URL": url})):
        done = crewctl.run("call", "test", "-v", *words, environment=environment)
        assert done.status == 10, done
        assert "login refused" in done.err and "hidden" not in done.err


def test_a_password_in_the_command_line_is_warned_of(crewctl):
    done = crewctl.run("status", "http", "--password", "guest")
    assert "warning: --password shows in the process list" in done.err
