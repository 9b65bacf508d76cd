"""crewctl call: what is sent and what is printed."""
import json
import os
import pty

import pika
import pytest

from support.program import SLOWNESS

pytestmark = pytest.mark.usefixtures("workers")


def test_the_answer_as_it_is(crewctl):
    assert crewctl("call", "test") == b"Wake up Neo.\n"
    assert crewctl("call", "b.ping") == b"pong"


def test_json(crewctl):
    out = crewctl("call", "b.echo", "--json", '{"neo": [1, "zwei"]}', "-i").decode()
    assert out == 'Status: 200 OK\nContent-Type: application/json\n\n{"neo": [1, "zwei"]}'


def test_a_text(crewctl):
    out = crewctl("call", "b.echo", "--data", "grüß dich", "-i").decode()
    assert out == ("Status: 200 OK\nContent-Type: text/plain; charset=utf-8\n\n"
                   "grüß dich")


def test_no_body(crewctl):
    assert crewctl("call", "b.echo") == b""


def test_standard_input(crewctl):
    body = os.urandom(300000)
    assert crewctl("call", "b.echo", "-", body=body) == body
    assert b"application/octet-stream" in crewctl("call", "-i", "b.echo", "-", body=b"x")


def test_a_file(crewctl, tmp_path):
    file = tmp_path / "body"
    file.write_bytes(b"\0\xff from a file")
    assert crewctl("call", "b.echo", "--file", str(file)) == b"\0\xff from a file"
    out = crewctl("call", "b.echo", f"--file={file}", "--content-type", "image/neo", "-i")
    assert b"Content-Type: image/neo\n" in out


def test_status_and_fields_of_the_answer(crewctl):
    out = crewctl("call", "teapot", "--include").decode()
    head, body = out.split("\n\n")
    lines = head.split("\n")
    assert lines[0].startswith("Status: 418")
    assert lines[1:] == ["Content-Type: text/tea", "Kind: short and stout"]
    assert body == "I'm a teapot"


def test_header_fields_for_the_handler(crewctl):
    assert crewctl("call", "header") == b"-|-"
    assert crewctl("call", "header", "--header", "Colour: red: dark", "--header=Size:8") == \
        b"red: dark|8"


def test_options_stand_anywhere(crewctl, broker):
    for line in (["--url", broker.url, "call", "-i", "b.echo", "-d", "x"],
                 ["-v", "call", "b.echo", "-dx", "-i", "--url", broker.url],
                 ["call", "--data=x", "-i", "--logging", "error", "--", "b.echo"]):
        done = crewctl.run(*line, environment={"CREW_AMQP_URL": "amqp://nowhere.invalid"}
                           if "--url" in line else None)
        assert done.status == 0 and done.out.endswith(b"\n\nx"), done


def test_a_terminal_gets_a_line_end(crewctl):
    for task, printed in (("b.ping", b"pong\r\n"), ("test", b"Wake up Neo.\r\n")):
        terminal, inside = pty.openpty()
        done = crewctl.run("call", task, stdout=inside)
        os.close(inside)
        assert done.status == 0
        assert os.read(terminal, 100) == printed
        os.close(terminal)


def served_by_hand(crewctl, queue, *options, body=None):
    """The properties and the body of the message that a call makes."""
    task = queue("by-hand")
    process = crewctl.start("call", "by-hand", "--expiration", "20", *options)
    _, properties, sent = task.take()
    task.channel.basic_publish("", properties.reply_to, b"by hand", pika.BasicProperties(
        correlation_id=properties.correlation_id, content_type="text/hand"))
    out, err = process.communicate(timeout=20 * SLOWNESS)
    assert (process.returncode, out, err) == (0, b"by hand", b"")
    return properties, sent


def test_what_travels(crewctl, queue):
    properties, body = served_by_hand(crewctl, queue, "--json", "[1]", "--header", "a: b")
    assert (properties.content_type, body) == ("application/json", b"[1]")
    assert properties.priority == 0 and properties.delivery_mode != 2
    assert 19000 <= int(properties.expiration) <= 20000
    assert properties.headers["a"] == "b" and properties.headers["crew-repeat"] == 0


def test_priority_persistence_repetition(crewctl, queue):
    properties, _ = served_by_hand(crewctl, queue, "--priority", "255", "--persistent",
                                   "--repeat")
    assert properties.priority == 3 and properties.delivery_mode == 2
    assert properties.headers["crew-repeat"] == 1


def test_gzip(crewctl, queue, tmp_path):
    large = tmp_path / "large"
    large.write_bytes(b"neo" * 30000)
    for when, size, compressed in (("auto", "large", True), ("auto", "small", False),
                                   ("always", "small", True), ("never", "large", False)):
        options = ["--file", str(large)] if size == "large" else ["-d", "neo" * 100]
        properties, _ = served_by_hand(crewctl, queue, "--gzip", when, *options)
        assert (properties.content_encoding == "gzip") == compressed, (when, size)


def test_a_large_answer(crewctl):
    assert len(crewctl("call", "b.bytes", "-d", "9000000")) == 9000000


def test_json_in_the_log_and_json_answers_do_not_mix(crewctl):
    done = crewctl.run("call", "test", "-v", "--log-format", "json")
    assert (done.status, done.out) == (0, b"Wake up Neo.\n")
    lines = [json.loads(line) for line in done.err.splitlines()]
    assert any("connected" in line["message"] for line in lines)
