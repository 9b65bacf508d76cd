"""The pages as seen by a browser without scripts."""
import contextlib
import html
import re
import sqlite3

import pytest

EVIL = "<script>alert(1)</script>\"'&"


def test_a_note_is_written_read_changed_and_deleted(visitor):
    note = visitor.note("Shopping", "\nmilk & eggs")
    page = visitor.get(note)
    assert page.status_code == 200
    assert '<div class="text">\nmilk &amp; eggs</div>' in page.text
    assert '<textarea name="text" rows="12">\n\nmilk' in visitor.get(note + "/edit").text

    answer = visitor.write("Shopping, more", "bread", note + "/edit", version=1)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/notes" + note)
    assert "<h1>Shopping, more</h1>" in visitor.get(note).text

    answer = visitor.post(note + "/delete", {"csrf": visitor.secret()})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/notes/")
    assert visitor.get(note).status_code == 404
    assert "No notes yet." in visitor.get("/").text


def test_problems_are_shown_with_the_submitted_text(visitor):
    answer = visitor.write(" \t", "kept & shown")
    assert answer.status_code == 422
    assert re.search(r'name="title" value=" \t"></label>\n<span[^>]*>A note needs a title\.',
                     answer.text)
    assert "kept &amp; shown</textarea>" in answer.text
    assert "At most 200" in visitor.write("x" * 201).text
    assert visitor.write("ü" * 200).status_code == 303
    assert "This is not UTF-8." in visitor.write("x", b"\xff").text


def test_search_is_literal(visitor):
    visitor.note("Hundred per cent", "100% sure")
    visitor.note("Other", "100 things")
    found = visitor.get("/", params={"q": "100%"}).text
    assert "Hundred per cent" in found
    assert "Other" not in found
    assert 'name="q" value="100%"' in found
    assert "Hundred" in visitor.get("/?q=PER+CENT").text
    assert "Nothing found." in visitor.get("/?q=nowhere").text


def titles(page):
    return re.findall(r'<li><a href="[^"]*">([^<]*)</a>', page.text)


def test_pages_of_the_list(visitor):
    for number in range(21):
        visitor.note(f"a&b {number}")
    first = visitor.get("/?q=a%26b")
    assert titles(first) == [f"a&amp;b {number}" for number in range(20, 10, -1)]
    links = re.findall(r'href="/notes(/\?page=[^"]*)">(\w+)<', first.text)
    assert [text for _, text in links] == ["Older"]
    second = visitor.get(html.unescape(links[0][0]))
    assert titles(second) == [f"a&amp;b {number}" for number in range(10, 0, -1)]
    assert ">Newer<" in second.text and ">Older<" in second.text
    assert titles(visitor.get("/?page=3")) == ["a&amp;b 0"]


def test_conflicting_changes(visitor):
    note = visitor.note("Mine", "first")
    assert visitor.write("Mine", "from one tab", note + "/edit", version=1).status_code == 303
    answer = visitor.write("Mine", "from another", note + "/edit", version=1)
    assert answer.status_code == 409
    assert '<div class="text">from one tab</div>' in answer.text
    assert "from another</textarea>" in answer.text
    assert "from one tab" in visitor.get(note).text
    version = re.search(r'name="version" value="(\d+)"', answer.text)[1]
    assert visitor.write("Mine", "both", note + "/edit", version=version).status_code == 303
    assert "both" in visitor.get(note).text


def test_files_are_downloaded_unchanged(visitor):
    note = visitor.note()
    content = bytes(range(256)) * 100
    assert visitor.attach(note, "photo № 1.jpg", content).status_code == 303
    link = re.search(r'href="/notes([^"]*)">photo № 1.jpg</a> 25600 bytes',
                     visitor.get(note).text)[1]
    file = visitor.get(link)
    assert file.content == content
    assert file.headers["Content-Type"] == "application/octet-stream"
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert file.headers["Content-Disposition"] == (
        "attachment; filename=\"photo ___ 1.jpg\"; filename*=UTF-8''photo%20%E2%84%96%201.jpg")

    assert visitor.post(link + "/delete", {"csrf": visitor.secret()}).status_code == 303
    assert visitor.get(link).status_code == 404


def test_limits_of_files(visitor):
    note = visitor.note()
    assert visitor.attach(note, "empty", b"").status_code == 303
    assert visitor.attach(note, "large", b"x" * 2 * 1024 * 1024).status_code == 303
    answer = visitor.attach(note, "larger", b"x" * (2 * 1024 * 1024 + 1))
    assert answer.status_code == 413
    assert "2 MiB" in answer.text and "<header>" in answer.text
    assert visitor.post(note + "/files", {"csrf": visitor.secret()}).status_code == 400
    for _ in range(18):
        assert visitor.attach(note, "one more", b"x").status_code == 303
    assert visitor.attach(note, "too many", b"x").status_code == 409


def test_error_pages(visitor):
    for path, status in (("/nowhere/at/all", 404), ("/0", 404), ("/1x", 404), ("/99999", 404)):
        answer = visitor.get(path)
        assert answer.status_code == status
        assert "<h1>Sorry</h1>" in answer.text
    answer = visitor.post("/", {"csrf": visitor.secret()})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert "This cannot be done here." in answer.text


def test_not_modified(visitor):
    note = visitor.note()
    etag = visitor.get(note).headers["ETag"]
    again = visitor.get(note, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    visitor.attach(note, "file", b"x")
    assert visitor.get(note, headers={"If-None-Match": etag}).status_code == 200
    etag = visitor.get("/style.css").headers["ETag"]
    assert visitor.get("/style.css", headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize("mount", ["/notes", "/a/b"])
def test_mount_points(site, mount):
    visitor = site.visitor(mount)
    answer = visitor.write("Somewhere")
    assert answer.headers["Location"].startswith(mount + "/")
    pages = [visitor.get(path).text
             for path in ("/", "/new", answer.headers["Location"].removeprefix(mount))]
    links = re.findall(r'(?:href|action)="([^"]*)"', "".join(pages))
    assert len(links) > 12
    assert [link for link in links if not link.startswith(mount + "/")] == []


def test_input_is_escaped(visitor):
    note = visitor.note(EVIL, f"</textarea></div>{EVIL}")
    visitor.attach(note, f"{EVIL}.html", b"<script>alert(1)</script>")
    for path in ("/", f"/?q={EVIL}", note, note + "/edit"):
        page = visitor.get(path)
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "&lt;script&gt;alert(1)" in page.text
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "<script" not in visitor.write("", EVIL).text


# ---- sessions


def test_visitors_do_not_see_each_others_notes(site):
    alice, bob = site.visitor(), site.visitor()
    note = alice.note("Secret of Alice")
    alice.attach(note, "secret", b"x")
    file = re.search(rf"{note}/files/\d+", alice.get(note).text)[0]
    bob.note("Of Bob")
    secret = bob.secret()
    assert "Alice" not in bob.get("/").text
    for path in (note, note + "/edit", file):
        assert bob.get(path).status_code == 404
        assert site.visitor().get(path).status_code == 404
    assert bob.write("Taken", "x", note + "/edit", version=1).status_code == 404
    assert bob.attach(note, "evil", b"x").status_code == 404
    for path in (note, file):
        assert bob.post(path + "/delete", {"csrf": secret}).status_code == 404
    assert "Secret of Alice" in alice.get(note).text
    assert alice.get(file).content == b"x"


def test_cookie_path_is_the_mount_point(site):
    cookie = site.visitor().get("/new").headers["Set-Cookie"]
    assert re.fullmatch(r"notes_session=[0-9a-f]{32}; Max-Age=7776000; Path=/notes; HttpOnly; "
                        r"SameSite=Lax", cookie)
    assert "; Secure" in site.visitor("/secure").get("/new").headers["Set-Cookie"]
    assert "Set-Cookie" not in site.visitor().get("/").headers


def test_invented_sessions_are_rejected(site):
    visitor = site.visitor()
    visitor.http.cookies.set("notes_session", "0" * 32, path="/notes")
    assert "0" * 32 not in visitor.get("/new").headers["Set-Cookie"]


def set_days_left(site, visitor, days):
    with contextlib.closing(sqlite3.connect(site.database, timeout=10)) as database, database:
        changed = database.execute("UPDATE sessions SET expires = unixepoch() + ? WHERE token = ?",
                                   (days * 24 * 60 * 60, visitor.http.cookies["notes_session"]))
        assert changed.rowcount == 1


def count_of(site, what):
    with contextlib.closing(sqlite3.connect(site.database, timeout=10)) as database:
        return database.execute(f"SELECT count(*) FROM {what}").fetchone()[0]


def test_used_sessions_are_prolonged(site, visitor):
    note = visitor.note()
    assert "Set-Cookie" not in visitor.get(note).headers
    set_days_left(site, visitor, 10)
    assert "Max-Age=7776000" in visitor.get(note).headers["Set-Cookie"]
    assert "Set-Cookie" not in visitor.get(note).headers


def test_expired_sessions_are_deleted_with_their_notes(site, visitor):
    visitor.attach(visitor.note("Forgotten"), "file", b"x")
    notes, files = count_of(site, "notes"), count_of(site, "files")
    secret = visitor.secret()
    set_days_left(site, visitor, -1)
    assert "No notes yet." in visitor.get("/").text
    assert visitor.post("/new", {"csrf": secret, "title": "x"}).status_code == 403
    site.visitor().get("/new")
    assert (count_of(site, "notes"), count_of(site, "files")) == (notes - 1, files - 1)


@pytest.mark.parametrize("secret", [None, "", "0" * 32, "0" * 31])
def test_changes_require_the_secret(visitor, secret):
    note = visitor.note("Stays")
    fields = {} if secret is None else {"csrf": secret}
    for path in ("/new", note + "/edit", note + "/delete"):
        answer = visitor.post(path, fields | {"title": "Forged", "text": "", "version": "1"})
        assert answer.status_code == 403
        assert "Nothing was changed" in answer.text
    assert visitor.post(note + "/files", fields, files={"file": ("x", b"x")}).status_code == 403
    assert "Forged" not in visitor.get("/").text
    assert "<h1>Stays</h1>" in visitor.get(note).text
    assert "/files/" not in visitor.get(note).text


def test_secret_of_another_session_is_rejected(site):
    alice, bob = site.visitor(), site.visitor()
    bob.note()
    assert bob.post("/new", {"csrf": alice.secret(), "title": "Forged"}).status_code == 403
