"""Forms, uploads and JSON from curl to a handler, and the responses to malformed ones."""
import os
import subprocess

import pytest

from support.program import BUILD


@pytest.fixture(scope="module")
def temporary(module_folder):
    """The worker's TMPDIR."""
    folder = module_folder / "temporary"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        yield folder


@pytest.fixture(scope="module")
def site(module_environment, broker, temporary):
    bridge = module_environment.bridge(broker, "--task", "forms")
    module_environment.worker(broker, "--task", "forms", "--processes", "1",
                              app=os.path.join(BUILD, "tests", "forms.so"))
    nginx = module_environment.nginx({"/f": (bridge, {})})
    nginx.wait_status("/f/origin", 200)
    return nginx


def curl(site, path, *options):
    """Status and body."""
    done = subprocess.run(["curl", "-sS", "--max-time", "30", "-w", "\n%{http_code}",
                           *options, f"http://127.0.0.1:{site.port}/f{path}"],
                          stdout=subprocess.PIPE, check=True)
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status), body


def test_form(site):
    assert curl(site, "/form", "--data-urlencode", "name=Jörg & Söhne", "-d", "tag=a",
                "-d", "tag=b+c") == (200, "name=Jörg & Söhne\ntag=a\ntag=b c\n".encode())


def test_multipart(site, tmp_path):
    photo = tmp_path / "my photo.png"
    photo.write_bytes(os.urandom(3_000_000))
    status, body = curl(site, "/form", "-F", "title=Two\nlines", "-F", f"photo=@{photo}",
                        "-F", f"evil=@{photo};filename=../../etc/passwd;type=text/x")
    assert status == 200
    assert body.decode().splitlines() == [
        "title=Two", "lines",
        "photo: my photo.png (my photo.png), image/png, 3000000 bytes",
        "evil: passwd (../../etc/passwd), text/x, 3000000 bytes"]


def test_upload_is_saved_once(site, tmp_path):
    sent, saved = tmp_path / "sent", tmp_path / "saved"
    sent.write_bytes(os.urandom(1_000_000))
    assert curl(site, f"/save?path={saved}", "-F", f"file=@{sent}")[0] == 201
    assert saved.read_bytes() == sent.read_bytes()
    sent.write_bytes(b"other")
    assert curl(site, f"/save?path={saved}", "-F", f"file=@{sent}")[0] == 409
    assert saved.stat().st_size == 1_000_000
    assert sorted(tmp_path.iterdir()) == [saved, sent]


def test_temporary_files_go_with_the_handler(site, tmp_path, temporary):
    sent = tmp_path / "sent"
    sent.write_bytes(os.urandom(1_000_000))
    for _ in range(3):
        assert curl(site, "/reread", "-F", f"file=@{sent}") == (200, sent.read_bytes())
    status, _ = curl(site, "/reread?crash=1", "-F", f"file=@{sent}")
    assert status == 502
    assert list(temporary.iterdir()) == []


def test_json(site):
    as_json = ("-H", "Content-Type: application/json", "-d")
    assert curl(site, "/json", *as_json, '{"name": "Neo"}') == (200, b"Hello, Neo\n")
    for sent, complaint in [
            ('{"name": "Neo"', "line 1, column 14: '}' expected near end of file"),
            ('{"name": 1}', "Expected string, got integer"),
            ('{"nam": "Neo"}', "Object item not found: name"),
            ("[" * 100_000, "line 1, column 65: nested more than 64 deep")]:
        status, body = curl(site, "/json", *as_json, sent)
        assert (status, body.decode()) == (400, f"400 Bad Request: {complaint}\n")
    status, body = curl(site, "/json", "-d", '{"name": "Neo"}')
    assert status == 400
    assert b"application/x-www-form-urlencoded" in body


BROKEN = {
    "--c": "the boundary that Content-Type names is not in the body",
    "--b": "part 1 of the form: a boundary has more behind it",
    "--b\r\n": "part 1 of the form: it is not ended by a boundary",
    "--b\r\n\r\n--b--": "part 1 of the form: it has no Content-Disposition",
    "\r\n--b" * 1_000_000: "part 1 of the form: it is empty",
}


def test_broken_forms(site, tmp_path):
    sent = tmp_path / "sent"
    for body, complaint in BROKEN.items():
        sent.write_text(body, newline="")
        assert curl(site, "/form", "-H", "Content-Type: multipart/form-data; boundary=b",
                    "--data-binary", f"@{sent}") == (
            400, f"400 Bad Request: {complaint}\n".encode())
    assert curl(site, "/form", "-d", "&".join(["a"] * 1001)) == (
        400, b"400 Bad Request: the form has more than 1000 fields\n")
    assert curl(site, "/form", "-d", "") == (200, b"")


def test_origin(site):
    assert curl(site, "/origin", "-H", "Host: example.com", "-b", "a=1; theme=dark",
                "-H", "X-Forwarded-For: 10.0.0.1", "-H", "X-Forwarded-Proto: https") == (
        200, b"127.0.0.1 http example.com dark")
