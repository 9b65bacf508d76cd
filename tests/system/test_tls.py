"""amqps: certificates that are accepted and refused, what is logged then, and that secrets are
not."""
import os
import shutil
import socket
import struct
import subprocess
import threading

import pytest

from support.program import ROOT, binary, example
from support.waiting import wait_until

PASSWORD = "word-that-nobody-may-see"
CLOSED = "the broker closed the connection, as it does if it requires another client certificate"
PROGRAMS = ("fcgi-bridge", "app-worker")


class Certificates:
    def __init__(self, folder):
        self.folder = folder
        subprocess.run([os.path.join(ROOT, "tests", "support", "certificates"), folder],
                       check=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def options(self, own=None):
        """What a program is given: whom to trust, and who it is."""
        own_files = ("--cert-file", self.path(f"{own}.pem"),
                     "--key-file", self.path(f"{own}.key")) if own else ()
        return ("--ca-file", self.path("ca.pem"), *own_files)

    def key_lines(self):
        """The insides of all keys."""
        for name in os.listdir(self.folder):
            if name.endswith(".key"):
                with open(self.path(name), encoding="ascii") as file:
                    yield file.read().split("\n")[1]


class TlsNode:
    """A broker with TLS; its certificate can be replaced while it runs."""

    def __init__(self, module_environment, certificates, *conf):
        self.certificates = certificates
        self.shown = certificates.path(f"shown{len(module_environment.brokers)}")
        self.show("good", at_once=False)
        self.broker = module_environment.broker("--tls", certificates.path("ca.pem"),
                                                f"{self.shown}.pem", f"{self.shown}.key",
                                                *(word for line in conf for word in ("--conf", line)))
        self.port = self.broker.port + 3
        self.broker.ctl("add_user", "crew", PASSWORD)
        self.broker.ctl("set_permissions", "crew", ".*", ".*", ".*")

    def show(self, name, at_once=True):
        for kind in ("pem", "key"):
            shutil.copy(self.certificates.path(f"{name}.{kind}"), f"{self.shown}.{kind}")
        if at_once:
            self.broker.ctl("eval", "ssl:clear_pem_cache().")

    def at(self, host="localhost"):
        """The node by this name."""
        return Address(f"amqps://crew:{PASSWORD}@{host}:{self.port}")


class Address:
    def __init__(self, url):
        self.url = url


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(str(tmp_path_factory.mktemp("certificates")))


@pytest.fixture(scope="module")
def node(module_environment, certificates):
    return TlsNode(module_environment, certificates)


@pytest.fixture(scope="module")
def strict_node(module_environment, certificates):
    """It lets in only clients with a certificate by our authority."""
    return TlsNode(module_environment, certificates, "ssl_options.verify = verify_peer",
                   "ssl_options.fail_if_no_peer_cert = true")


@pytest.fixture
def secret(environment, certificates):
    """At the end nothing secret stands in any log."""
    yield
    for program in environment.programs:
        log = program.log()
        assert PASSWORD not in log
        assert "PRIVATE" not in log
        assert not any(line in log for line in certificates.key_lines())


def start_chain(environment, address, options):
    """nginx, a bridge and a worker; waits for nothing."""
    bridge = environment.bridge(address, *options, connected=False)
    worker = environment.worker(address, "--processes", "1", *options, ready=False)
    nginx = environment.nginx({"/p": (bridge, {})})
    return nginx, bridge, worker


def works(nginx):
    nginx.wait_status("/p/hello", 200)
    body = os.urandom(300000)
    assert nginx.post("/p/echo", body).body == body


def is_refused(nginx, programs, reason):
    """One line in each log, however often they try; 503 meanwhile."""
    for program in programs:
        program.wait_log(reason, 20)
    for _ in range(3):
        answer = nginx.get("/p/hello")
        assert (answer.status, answer.error) == (503, "broker"), answer
    for program in programs:
        assert program.log().count("warning: broker:") == 1, program.log()
        assert program.alive()


# ---- the broker's certificate

@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize("host, shown", [("localhost", "good"), ("127.0.0.1", "address")])
def test_a_good_broker(environment, node, certificates, host, shown):
    node.show(shown)
    works(start_chain(environment, node.at(host), certificates.options())[0])


@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize("shown, reason", [
    ("expired", "the broker's certificate is refused: certificate has expired"),
    ("wrong", "the broker's certificate is refused: hostname mismatch"),
    ("unknown", "the broker's certificate is refused: unable to get local issuer")])
def test_a_bad_broker_is_refused_until_it_is_good(environment, node, certificates, shown, reason):
    node.show(shown)
    nginx, *programs = start_chain(environment, node.at(), certificates.options())
    is_refused(nginx, programs, reason)
    node.show("good")
    works(nginx)


@pytest.mark.usefixtures("secret")
def test_plain_port(environment, node, certificates):
    """A broker without TLS is refused, not used in plain text."""
    address = Address(f"amqps://crew:{PASSWORD}@localhost:{node.broker.port}")
    nginx, *programs = start_chain(environment, address, certificates.options())
    is_refused(nginx, programs, "TLS: ")


def test_lowest_version_is_1_2(environment, certificates):
    with socket.create_server(("127.0.0.1", 0)) as server:
        hello = {}

        def take():
            peer, _ = server.accept()
            with peer:
                head = peer.recv(5, socket.MSG_WAITALL)
                hello["is"] = peer.recv(struct.unpack(">H", head[3:])[0], socket.MSG_WAITALL)

        taker = threading.Thread(target=take)
        taker.start()
        address = Address(f"amqps://localhost:{server.getsockname()[1]}")
        environment.bridge(address, *certificates.options(), connected=False)
        taker.join(10)
    assert sorted(offered_versions(hello["is"])) == [0x0303, 0x0304]


def offered_versions(hello):
    """supported_versions of a ClientHello (RFC 8446 §4.1.2, §4.2.1)."""
    at = 4 + 2 + 32  # handshake header, legacy version, random
    at += 1 + hello[at]  # session id
    at += 2 + struct.unpack_from(">H", hello, at)[0]  # cipher suites
    at += 1 + hello[at]  # compression
    at += 2
    while at < len(hello):
        kind, size = struct.unpack_from(">HH", hello, at)
        at += 4
        if kind == 43:
            return struct.unpack_from(f">{hello[at] // 2}H", hello, at + 1)
        at += size
    return [struct.unpack_from(">H", hello, 4)[0]]


# ---- our certificate

@pytest.mark.usefixtures("secret")
def test_client_certificate_is_accepted(environment, strict_node, certificates):
    works(start_chain(environment, strict_node.at(), certificates.options("client"))[0])


@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize("own, alert", [(None, "certificate required"),
                                        ("stranger", "unknown ca")])
def test_client_is_refused(environment, strict_node, certificates, own, alert):
    """Whether the broker's alert is read depends on who is faster; each way is logged once."""
    nginx, *programs = start_chain(environment, strict_node.at(), certificates.options(own))
    for program in programs:
        wait_until(lambda: alert in program.log() or CLOSED in program.log())
        lines = [line for line in program.log().split("\n") if "warning: broker:" in line]
        assert lines and all(alert in line or CLOSED in line for line in lines)
        assert len(lines) <= 2
    answer = nginx.get("/p/hello")
    assert (answer.status, answer.error) == (503, "broker"), answer


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("files, named, reason", [
    ({"--cert-file": "client.pem", "--key-file": "good.key"}, "good.key", "mismatch"),
    ({"--cert-file": "client.pem", "--key-file": "client.locked.key"}, "client.locked.key", ""),
    ({"--cert-file": "client.pem", "--key-file": "client.pem"}, "client.pem", ""),
    ({"--cert-file": "client.key", "--key-file": "client.key"}, "client.key", ""),
    ({"--cert-file": "client.pem", "--key-file": "none.key"}, "none.key", "No such file"),
    ({"--cert-file": "none.pem", "--key-file": "client.key"}, "none.pem", "No such file"),
    ({"--ca-file": "client.key"}, "client.key", "CA file"),
    ({"--cert-file": "client.pem"}, "--key-file", "belong together")])
def test_bad_files_end_the_program(certificates, program, files, named, reason):
    words = [word for option, name in files.items()
             for word in (option, certificates.path(name))]
    ended = run(program, ["--ca-file", certificates.path("ca.pem"), *words])
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1 and named in ended.stderr and reason in ended.stderr
    assert not any(line in ended.stderr for line in certificates.key_lines())


@pytest.mark.skipif(os.geteuid() != 0, reason="nobody else to be")
@pytest.mark.parametrize("program", PROGRAMS)
def test_unreadable_key_ends_the_program(tmp_path, program):
    key = tmp_path / "secret.key"
    key.write_text("")
    ended = run(program, ["--cert-file", "/dev/null", "--key-file", str(key)], user=65534)
    assert ended.returncode == 2
    assert f'--key-file: cannot read "{key}": Permission denied' in ended.stderr


def run(program, options, **rest):
    command = [binary(program), "--url", "amqps://localhost:1", *options]
    if program == "app-worker":
        command.append(example("hello.so"))
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False,
                          stdin=subprocess.DEVNULL, start_new_session=True, **rest)


@pytest.mark.usefixtures("secret")
def test_renewed_client_certificate_is_taken_up(environment, strict_node, certificates, tmp_path):
    """The files are read again for each connection."""
    for kind in ("pem", "key"):
        shutil.copy(certificates.path(f"stranger.{kind}"), tmp_path / f"own.{kind}")
    options = (*certificates.options(), "--cert-file", str(tmp_path / "own.pem"),
               "--key-file", str(tmp_path / "own.key"))
    nginx, *programs = start_chain(environment, strict_node.at(), options)
    wait_until(lambda: all("warning: broker:" in program.log() for program in programs))
    for kind in ("pem", "key"):
        shutil.copy(certificates.path(f"client.{kind}"), tmp_path / f"new.{kind}")
    for kind in ("key", "pem"):
        os.replace(tmp_path / f"new.{kind}", tmp_path / f"own.{kind}")
    works(nginx)
    wait_until(lambda: all("connected to" in program.log() for program in programs))
