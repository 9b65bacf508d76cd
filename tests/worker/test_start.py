"""Start: a program that cannot work exits at once, with one clear line."""
import os
import subprocess

import pytest

from support.program import binary

NO_TASKS = "#include <crew/app.h>\nCREW_APP(app) { (void)app; return 0; }"
REFUSES = "#include <crew/app.h>\nCREW_APP(app) { (void)app; return 7; }"
CRASHES = "#include <crew/app.h>\nCREW_APP(app) { (void)app; __builtin_trap(); }"
NO_APP = "int nothing;"
OTHER_ABI = ("#include <crew/app.h>\n#undef CREW_APP_ABI\n#define CREW_APP_ABI 99\n"
             "CREW_APP(app) { (void)app; return 0; }")


def run(broker, *words):
    done = subprocess.run([binary("app-worker"), "--url", broker.url, *words], check=False,
                          capture_output=True, text=True, timeout=30)
    return done.returncode, done.stderr


def test_missing_app(broker):
    status, log = run(broker, "/nowhere/app.so")
    assert status == 1
    assert len(log.splitlines()) == 1
    assert "/nowhere/app.so" in log


@pytest.mark.parametrize("source,says", [
    (NO_TASKS, "neither routes nor tasks"), (REFUSES, "7"), (CRASHES, "SIG"),
    (NO_APP, "not a crew app"), (OTHER_ABI, "99")])
def test_app_that_cannot_be_used(broker, build_app, source, says):
    status, log = run(broker, build_app(source))
    assert status == 1
    assert len(log.splitlines()) == 1
    assert says in log


@pytest.mark.parametrize("words,names", [
    ([], "APP.so"), (["--processes", "0", "x.so"], "--processes"),
    (["--processes", "4", "--max-processes", "2", "x.so"], "--max-processes"),
    (["--timeout", "1501", "x.so"], "--timeout"), (["--nonsense", "x.so"], "--nonsense"),
    (["--task", "", "x.so"], "--task"), (["--reload=x", "x.so"], "--reload")])
def test_bad_command_line(broker, words, names):
    status, log = run(broker, *words)
    assert status == 2
    assert len(log.splitlines()) == 1
    assert names in log


def test_unknown_user(broker):
    status, log = run(broker, "--user", "nobody-of-that-name", "x.so")
    assert status == 1
    assert "nobody-of-that-name" in log


def test_help_names_every_option():
    done = subprocess.run([binary("app-worker"), "--help"], check=True, capture_output=True,
                          text=True, timeout=30)
    for name in ["processes", "max-processes", "task", "timeout", "grace", "prefetch",
                 "max-requests", "max-memory", "max-response", "user", "group",
                 "reload"]:
        assert f"--{name}" in done.stdout


def test_a_handler_process_inherits_nothing(breaker, call):
    """Only its standard descriptors and the socket; a group and a name of its own."""

    worker = breaker("--processes", "1")
    pid = int(call.text("who").split()[0])
    fds = {name: os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}
    assert set(fds) == {"0", "1", "2", "3"}, fds
    assert fds["0"] == "/dev/null"
    assert fds["1"] == fds["2"] and fds["2"].endswith("/log")
    assert os.getpgid(pid) == pid != os.getpgid(worker.pid)
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        assert file.read().startswith(b"app-worker: handler ")
    with open(f"/proc/{pid}/comm", encoding="ascii") as file:
        assert file.read() == "crew-handler\n"
    with open(f"/proc/{pid}/environ", "rb") as file:
        assert b"guest:guest" not in file.read()


def test_ids_of_process_and_worker(breaker, call):
    worker = breaker("--processes", "1")
    _, uuid, node_uuid = call.text("who").split()
    assert len(uuid) == len(node_uuid) == 36 and uuid != node_uuid
    assert node_uuid in worker.log()


def test_a_handlers_log_line(breaker, call):
    worker = breaker("--processes", "1")
    name = call.begin("shout", "hello")
    call.wait(name)
    worker.wait_log("shouted: hello")
    assert name in next(line for line in worker.log().splitlines() if "shouted" in line)
