"""examples/run: one command starts everything, each route answers, one command stops it."""
import os
import re
import signal
import subprocess

import pytest

from support.http import Client
from support.program import BUILD, ROOT, free_port
from support.waiting import wait_until

RUN = os.path.join(ROOT, "examples", "run")
FOLDER = os.path.join(BUILD, "run")

pytestmark = pytest.mark.skipif(bool(os.environ.get("CREW_SANITIZE")),
                                reason="the normal build's")


def run(*options, check=True):
    """Pipes would stay open in what --detach leaves running: a file takes the output."""
    done = subprocess.run([RUN, *options], capture_output=True, text=True, check=False,
                          timeout=180)
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


def left_behind():
    """Command lines of processes that have to do with the example's folder."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read().replace(b"\0", b" ").decode(errors="replace")
            with open(f"/proc/{name}/environ", "rb") as file:
                home = f"{FOLDER}/broker".encode() in file.read()
        except OSError:
            continue
        if FOLDER + "/" in words or home:
            found.append(words)
    return found


@pytest.fixture(scope="module")
def site():
    """The example, detached."""
    run("--stop")
    port = free_port()
    done = run("--detach", "--port", str(port))
    assert f"curl http://127.0.0.1:{port}/stat" in done.stdout
    yield port
    run("--stop")
    assert not left_behind()


def get(port, path):
    with Client(port) as client:
        return client.get(path)


def test_test(site):
    answer = get(site, "/")
    assert (answer.status, answer.body) == (200, b"Wake up Neo.\n")


def test_stat(site):
    answer = get(site, "/stat")
    assert answer.status == 200
    assert re.fullmatch(r'I\'m worker "[0-9a-f-]{36}". And I serve \d+ tasks', answer.text)


def test_fast(site):
    answer = get(site, "/fast")
    assert (answer.status, answer.error) == (504, "timeout")
    assert 3.0 <= answer.seconds < 4.0


def test_parallel(site):
    lines = get(site, "/parallel").text.split("\n")
    assert lines[0] == "Test result: Wake up Neo."
    assert lines[1].startswith('Stat result: I\'m worker "')


def test_sleep(site):
    answer = get(site, "/sleep")
    assert answer.status == 200
    assert 3.0 <= answer.seconds < 4.0


def test_probe(site):
    assert get(site, "/probe/hello").body == b"Hello, world\n"
    assert "PATH_INFO=/env" in get(site, "/probe/env?a=1").text.split("\n")
    assert get(site, "/probe/crash?how=segv").error == "crashed"


def test_notes(site):
    answer = get(site, "/notes/")
    assert (answer.status, answer.header("Content-Type")) == (200, "text/html; charset=utf-8")
    assert 'href="/notes/new"' in answer.text
    assert os.path.exists(f"{FOLDER}/notes.db")


@pytest.mark.parametrize("path,status", [("/publish", 200), ("/publish2", 202)])
def test_publish(site, path, status):
    """Who waits at /subscribe gets what is posted."""
    with subprocess.Popen(["curl", "-s", f"http://127.0.0.1:{site}/subscribe"],
                          stdout=subprocess.PIPE) as waiting:
        def answered():
            with Client(site) as client:
                assert client.post(path, b"some text").status == status
            return waiting.poll() is not None

        wait_until(answered, 30, 0.1, "a message has come")
        assert waiting.stdout.read() == b"some text"


def test_chat(site):
    answer = get(site, "/chat/")
    assert (answer.status, answer.header("Content-Type")) == (200, "text/html")
    assert "'self'" in answer.header("Content-Security-Policy")
    for name, kind in (("chat.js", "application/javascript"), ("chat.css", "text/css")):
        assert get(site, f"/chat/{name}").header("Content-Type") == kind
    with Client(site) as client:
        assert client.post("/chat/publish", b"hello").status == 202
        answer = client.get("/chat/poll?cursor=0")
    assert (answer.status, answer.body) == (200, b"hello")


@pytest.mark.parametrize("path", ["/other", "/stat/more", "/fastest"])
def test_nothing_else(site, path):
    answer = get(site, path)
    assert (answer.status, answer.error) == (404, None)


def test_second_run_says_so(site):
    done = run("--detach", "--port", str(free_port()), check=False)
    assert done.returncode != 0
    assert f"is up already at http://127.0.0.1:{site}/" in done.stderr
    assert get(site, "/").status == 200


def test_bad_option():
    for options in (["--prot", "1"], ["--port"], ["--port", "x"], ["--port", "70000"]):
        done = run(*options, check=False)
        assert done.returncode == 2
        assert options[0] in done.stderr


def test_foreground_stops_at_sigterm(tmp_path):
    """Last, after the fixture of the detached one has ended."""
    run("--stop")
    port = free_port()
    with open(tmp_path / "out", "w+", encoding="utf-8") as out:
        with subprocess.Popen([RUN, "--port", str(port)], stdout=out, stderr=out) as process:
            wait_until(lambda: "Ctrl-C" in open(out.name, encoding="utf-8").read(), 60,
                       what="the example is up")
            assert get(port, "/").status == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    assert not left_behind()
