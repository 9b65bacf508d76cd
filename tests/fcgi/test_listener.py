"""Where the bridge listens, and what it leaves behind."""
import os
import signal
import socket
import stat
import subprocess

import pytest

import fcgi
from fcgi import get
from support.bridge import Bridge
from support.program import binary, free_port
from support.waiting import wait_until


class Elsewhere(Bridge):
    """A bridge that listens as its options say."""

    def command(self):
        return [binary("fcgi-bridge"), "--url", self.broker.url, *self.options]


@pytest.fixture
def start(environment, broker):
    def start(*options, ready=True, **popen):
        bridge = environment.keep(Elsewhere(environment.folder, broker, *options))
        return bridge.start(**popen) if ready else bridge.launch(**popen)
    return start


def hello(address):
    """Without a worker: any answer shows that the bridge is there."""
    with fcgi.Connection(address) as connection:
        return connection.ask(get("/", CREW_PRIORITY="x")).status == 400


def refused(*options):
    """The exit status and what is said, of a bridge that cannot start."""
    done = subprocess.run([binary("fcgi-bridge"), *options], check=False, timeout=20,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.returncode, done.stderr


# ---- unix sockets


def test_mode_owner_group(start, tmp_path):
    path = str(tmp_path / "s")
    start("--listen", f"unix:{path}", "--socket-mode", "0620", "--socket-owner",
          str(os.getuid()), "--socket-group", str(os.getgid()))
    info = os.stat(path)
    assert stat.S_IMODE(info.st_mode) == 0o620
    assert (info.st_uid, info.st_gid) == (os.getuid(), os.getgid())
    assert hello(path)


def test_default_mode(start, tmp_path):
    start("--listen", f"unix:{tmp_path}/s")
    assert stat.S_IMODE(os.stat(tmp_path / "s").st_mode) == 0o660


def test_file_is_removed_at_the_end(start, tmp_path):
    bridge = start("--listen", f"unix:{tmp_path}/s")
    assert bridge.stop() == 0
    assert not os.path.exists(tmp_path / "s")


def test_stale_file_is_replaced(start, tmp_path):
    path = str(tmp_path / "s")
    first = start("--listen", f"unix:{path}")
    first.kill()
    assert os.path.exists(path)
    start("--listen", f"unix:{path}")
    assert hello(path)


def test_live_socket_is_left_alone(start, tmp_path):
    path = str(tmp_path / "s")
    start("--listen", f"unix:{path}")
    status, said = refused("--listen", f"unix:{path}")
    assert status == 1 and path in said
    assert hello(path)


def test_foreign_file_is_left_alone(tmp_path):
    path = tmp_path / "s"
    path.write_text("precious")
    status, said = refused("--listen", f"unix:{path}")
    assert status == 1 and "not a socket" in said
    assert path.read_text() == "precious"


def test_file_of_another_is_not_removed(start, tmp_path):
    path = str(tmp_path / "s")
    bridge = start("--listen", f"unix:{path}")
    os.unlink(path)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        assert bridge.stop() == 0
        assert os.path.exists(path)


# ---- the others


def test_tcp(start):
    port = free_port()
    start("--listen", f"127.0.0.1:{port}")
    assert hello(("127.0.0.1", port))


def test_tcp_port_in_use():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        status, said = refused("--listen", f"127.0.0.1:{other.getsockname()[1]}")
    assert status == 1 and "in use" in said


def listening():
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    return sock


def test_fd(start):
    with listening() as sock:
        start("--listen", f"fd:{sock.fileno()}", pass_fds=[sock.fileno()])
        assert hello(sock.getsockname())


def test_descriptor_0(environment, broker):
    bridge = environment.keep(Elsewhere(environment.folder, broker))
    with listening() as sock:
        shell = ["/bin/bash", "-c", f'exec "$0" "$@" <&{sock.fileno()}', *bridge.command()]
        bridge.command = lambda: shell
        bridge.start(pass_fds=[sock.fileno()])
        assert hello(sock.getsockname())


def test_systemd(environment, broker):
    bridge = environment.keep(Elsewhere(environment.folder, broker))
    with listening() as sock:
        line = f'exec 3<&{sock.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"'
        shell = ["/bin/bash", "-c", line, *bridge.command()]
        bridge.command = lambda: shell
        bridge.start(pass_fds=[sock.fileno()])
        assert hello(sock.getsockname())


# ---- command lines


@pytest.mark.parametrize("options, word", [
    ([], "--listen"), (["--listen", "nowhere"], "--listen"), (["--listen", "unix:"], "unix:"),
    (["--listen", "unix:/" + "p" * 200], "too long"), (["--listen", "fd:x"], "fd:N"),
    (["--listen", "::1:80"], "--listen"), (["--backlog", "0"], "--backlog"),
    (["--socket-mode", "99"], "--socket-mode"), (["--expiration", "1501"], "--expiration"),
    (["--task", ""], "--task"), (["--no-such-option"], "no-such-option"), (["word"], "word")])
def test_wrong_command_line(options, word):
    status, said = refused(*options)
    assert status == 2 and word in said


@pytest.mark.parametrize("options", [
    ["--listen", "fd:0"], ["--listen", "unix:/no/such/folder/s"],
    ["--listen", "fd:99"], ["--listen", "127.0.0.1:1x"]])
def test_cannot_listen(options):
    assert refused(*options)[0] == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_gives_up_root(start, tmp_path):
    bridge = start("--listen", f"unix:{tmp_path}/s", "--user", "nobody", ready=False)
    bridge.wait_log("ready")  # nobody may not write to the tests' notify socket
    with open(f"/proc/{bridge.pid}/status", encoding="ascii") as file:
        uids = [line for line in file if line.startswith("Uid:")][0].split()[1:]
    assert set(uids) == {"65534"}
    assert hello(f"{tmp_path}/s")


def test_broker_is_absent(environment, broker, tmp_path):
    """It starts all the same, and says why it cannot serve."""
    class Nowhere:
        url = f"amqp://127.0.0.1:{free_port()}/"
    bridge = environment.keep(Elsewhere(environment.folder, Nowhere, "--listen",
                                        f"unix:{tmp_path}/s"))
    bridge.start()
    with fcgi.Connection(str(tmp_path / "s")) as connection:
        response = connection.ask(get("/hello"))
    assert (response.status, response.error) == (503, "broker")
    assert int(response.header("Retry-After")) >= 1
    bridge.signal(signal.SIGTERM)
    assert bridge.wait() == 0
    wait_until(lambda: not os.path.exists(tmp_path / "s"))
