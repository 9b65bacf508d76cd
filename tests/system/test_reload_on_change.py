"""app-worker --reload: requests after a compilation are served by the new code; an app that
cannot be loaded changes nothing, and the log says why."""
import os
import signal

import pytest

from support.compiler import compile_app
from support.waiting import wait_until
from support.wrk import Wrk

SOURCE = r"""
#include <crew/app.h>
#include <unistd.h>

static int version(crew_request *request, crew_response *response) {
    (void)request;
    return crew_response_text(response, VERSION);
}

static int slow(crew_request *request, crew_response *response) {
    usleep(300 * 1000);
    return version(request, response);
}

static int set_up(crew_app *app, void **state) {
    (void)app;
    (void)state;
    return SET_UP;
}

CREW_APP(app) {
    crew_app_state(app, set_up, NULL);
    crew_app_route(app, "GET", "/slow", slow);
    return crew_app_route(app, "GET", "/version", version);
}
"""


def source(version, set_up="0"):
    return f'#define VERSION "{version}"\n#define SET_UP {set_up}\n' + SOURCE


def write(path, content):
    """In place, as cp does."""
    with open(path, "wb") as file:
        file.write(content)


def read(path):
    with open(path, "rb") as file:
        return file.read()


@pytest.fixture
def make(tmp_path):
    """Compiles version after version into the same file."""
    def compile_version(version, set_up="0", name="app.so"):
        return compile_app(source(version, set_up), str(tmp_path / name))

    return compile_version


@pytest.fixture
def front(environment, broker):
    """Starts a worker with an app, and what is before it; gives (worker, nginx)."""
    def start(app, *options):
        worker = environment.worker(broker, "--processes", "2", *options, app=app)
        nginx = environment.nginx({"/p": (environment.bridge(broker), {})})
        nginx.wait_status("/p/version", 200)
        return worker, nginx

    return start


def ask(nginx):
    answer = nginx.get("/p/version")
    assert answer.status == 200, answer
    return answer.text


# ---- the next request runs the new code

def by_compiler(new, app):
    os.unlink(new)
    compile_app(source("2"), app)


def by_copying_over_it(new, app):
    write(app, read(new))


def by_renaming(new, app):
    os.rename(new, app)


def by_deleting_and_writing(new, app):
    os.unlink(app)
    write(app, read(new))


@pytest.mark.parametrize("change", [by_compiler, by_copying_over_it, by_renaming,
                                    by_deleting_and_writing])
def test_next_request_runs_the_new_code(make, front, change):
    app = make("1")
    worker, nginx = front(app, "--reload")
    assert ask(nginx) == "1"
    change(make("2", name="new.so"), app)
    assert ask(nginx) == "2"
    worker.wait_log("reloaded")
    assert "SIG" not in worker.log(), "nobody crashed"


@pytest.mark.parametrize("link,inside", [("app.so", ""), ("current", "app.so")])
def test_symbolic_link_to_the_new_code(tmp_path, front, link, inside):
    """The link is the file, or a folder on the way to it."""
    def deploy(version):
        folder = tmp_path / version
        folder.mkdir()
        compile_app(source(version), str(folder / "app.so"))
        new = tmp_path / "new"
        new.symlink_to(folder if inside else folder / "app.so")
        new.rename(tmp_path / link)

    deploy("1")
    _, nginx = front(str(tmp_path / link / inside), "--reload")
    assert ask(nginx) == "1"
    deploy("2")
    assert ask(nginx) == "2"


def test_written_in_pieces(make, front):
    """Requests that come while it is written are answered, and so is who comes after it."""
    app = make("1")
    _, nginx = front(app, "--reload")
    content = read(make("2", name="new.so"))
    pieces = [content[at:at + 2000] for at in range(0, len(content), 2000)]
    with open(app, "wb", buffering=0) as file:
        for piece in pieces[:-1]:
            file.write(piece)
            assert ask(nginx) == "1"
        file.write(pieces[-1])
    assert ask(nginx) == "2"


def test_five_reloads_under_load(make, front):
    """Old handlers are at work when the new ones take over."""
    app = make("0")
    _, nginx = front(app, "--reload", "--processes", "8")
    load = Wrk(nginx.address + "/p/slow", 16, 8)
    for version in "12345":
        make(version)
        assert ask(nginx) == version
    assert load.running()
    requests, failed = load.finish()
    assert not failed, f"{failed} of {requests}"
    assert requests > 50


def test_without_the_option_nothing_happens(environment, broker, make, front):
    """Seen when a worker with the option has noticed the change."""
    app = make("1")
    worker, nginx = front(app)
    other = environment.worker(broker, "--task", "other", "--reload", app=app)
    before = worker.children()
    make("2")
    other.wait_log("reloaded")
    assert ask(nginx) == "1"
    assert worker.children() == before
    assert "reload" not in worker.log()


# ---- what cannot be loaded

def garbage(app):
    write(app, b"This is no app.\n" * 1000)


def truncated(app):
    os.truncate(app, os.path.getsize(app) // 2)


def missing_symbol(app):
    compile_app("int nowhere(void);\n" + source("2", "nowhere()"), app)


def no_app(app):
    compile_app("int nothing;", app)


def failing_set_up(app):
    compile_app(source("2", "7"), app)


def crashing_set_up(app):
    compile_app(source("2", "(__builtin_trap(), 0)"), app)


BROKEN = [(garbage, "invalid ELF header"), (truncated, "its end is missing"),
          (missing_symbol, "undefined symbol: nowhere"), (no_app, "not a crew app"),
          (failing_set_up, "set-up returned 7"), (crashing_set_up, "SIGILL")]


@pytest.mark.parametrize("break_it,why", BROKEN, ids=[b.__name__ for b, _ in BROKEN])
def test_broken_app_changes_nothing(make, front, break_it, why):
    app = make("1")
    worker, nginx = front(app, "--reload")
    break_it(app)
    assert ask(nginx) == "1"
    worker.wait_log("reload failed")
    line, = [line for line in worker.log().splitlines() if "reload failed" in line]
    assert why in line
    assert app in line or "SIG" in why
    assert "cannot replace" not in worker.log(), "the one line says it all"
    assert ask(nginx) == "1"
    kill_all(worker)
    assert ask(nginx) == "1", "processes that die are replaced by the same code"
    make("3")
    assert ask(nginx) == "3"
    worker.wait_log("reloaded")


def kill_all(worker):
    before = worker.children()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(worker.children()) == 2 and not set(before) & set(worker.children()),
               what="new handlers")


def test_deleted_app(make, front):
    app = make("1")
    _, nginx = front(app, "--reload")
    os.unlink(app)
    assert ask(nginx) == "1"
    make("2")
    assert ask(nginx) == "2"


# ---- new processes that are slow to start

def test_stop_while_requests_wait(make, front):
    worker, nginx = front(make("1"), "--reload")
    make("2", "sleep(100)")
    held = nginx.begin("GET", "/p/version")
    worker.wait_log("has changed")
    worker.signal(signal.SIGTERM)
    assert held.receive().text == "1"
    assert worker.wait(5) == 0


def test_requests_do_not_wait_for_ever(make, front):
    """And a later change is waited for again."""
    _, nginx = front(make("1"), "--reload")
    make("2", "sleep(100)")
    assert ask(nginx) == "1"
    make("3")
    assert ask(nginx) == "3"


# ---- the copy that is loaded

def test_no_copy_is_left(make, front, tmp_path):
    def hidden():
        return [name for name in os.listdir(tmp_path) if name.startswith(".app.so.")]

    worker, nginx = front(make("1"), "--reload")
    for version in "23":
        make(version)
        assert ask(nginx) == version
        assert len(hidden()) == 1
    garbage(tmp_path / "app.so")
    worker.wait_log("reload failed")
    assert len(hidden()) == 1
    worker.stop()
    assert not hidden()


def test_library_beside_the_app(front, tmp_path):
    """$ORIGIN is the app's own folder."""
    def build(version):
        compile_app(f'const char *side(void) {{ return "{version}"; }}',
                    str(tmp_path / "libside.so"))
        return compile_app("const char *side(void);\n#define SET_UP 0\n"
                           "#define VERSION side()\n" + SOURCE, str(tmp_path / "app.so"),
                           f"-L{tmp_path}", "-Wl,-rpath,$ORIGIN", "-Wl,--no-as-needed",
                           "-Wl,-l:libside.so")

    _, nginx = front(build("1"), "--reload")
    assert ask(nginx) == "1"
    build("2")
    assert ask(nginx) == "2"


def test_folder_that_cannot_be_written(environment, broker, make, tmp_path):
    """Nobody can write into /proc: the copy is in TMPDIR."""
    copies = tmp_path / "copies"
    copies.mkdir()
    app = make("1")
    with open(app, "rb") as file:
        worker = environment.worker(broker, "--reload",
                              app=f"/proc/{os.getpid()}/fd/{file.fileno()}",
                              environment={"TMPDIR": str(copies)})
        assert len(os.listdir(copies)) == 1
        write(app, read(make("2", name="new.so")))
        worker.wait_log("reloaded")
        worker.stop()
    assert not os.listdir(copies)
