"""The API in JSON."""
import pytest


@pytest.fixture
def note(visitor):
    """The path of a note."""
    made = visitor.api("POST", "/notes", {"title": "A", "text": "x"})
    assert made.status_code == 201
    return f"/notes/{made.json()['id']}"


def test_create_show_change_delete(visitor):
    made = visitor.api("POST", "/notes", {"title": "Größe", "text": "<&>"})
    assert made.status_code == 201
    note = f"/notes/{made.json()['id']}"
    assert made.headers["Location"] == "/notes/api" + note
    shown = visitor.api("GET", note).json()
    assert shown == made.json()
    assert (shown["title"], shown["text"], shown["version"]) == ("Größe", "<&>", 1)
    assert visitor.api("GET", "/notes?q=GR%C3%B6&page=2").json() == {"notes": []}
    assert visitor.api("GET", "/notes?q=%C3%B6%C3%9Fe").json() == {"notes": [shown]}

    changed = visitor.api("PUT", note, {"title": "B", "text": "", "version": 1})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    gone = visitor.api("DELETE", note)
    assert (gone.status_code, gone.content) == (204, b"")
    assert visitor.api("GET", note).status_code == 404
    assert visitor.api("DELETE", note).json() == {"status": 404,
                                                  "error": "There is no such note."}


def test_an_old_version_is_rejected(visitor, note):
    etag = visitor.api("GET", note).headers["ETag"]
    assert visitor.api("PUT", note, {"title": "A", "text": "new"},
                       **{"If-Match": etag}).status_code == 200
    stale = visitor.api("PUT", note, {"title": "A", "text": "lost", "version": 1})
    assert (stale.status_code, stale.json()["text"]) == (409, "new")
    stale = visitor.api("PUT", note, {"title": "A", "text": "lost"}, **{"If-Match": etag})
    assert stale.status_code == 412
    assert visitor.api("GET", note).json()["text"] == "new"
    assert visitor.api("GET", note, **{"If-None-Match": '"2"'}).status_code == 304


@pytest.mark.parametrize("body, status", [
    (b"{", 400), (b"[]", 400), (b'{"title": 1, "text": ""}', 400), (b'{"title": "a"}', 400),
    (b'{"title": "a", "text": "\xff"}', 400), (b'{"title": "", "text": ""}', 422),
    (b'{"title": "a", "text": "' + b"x" * 100001 + b'"}', 422),
])
def test_an_invalid_body(visitor, body, status):
    headers = {"X-CSRF-Token": visitor.secret(), "Content-Type": "application/json"}
    answer = visitor.post("/api/notes", body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["status"] == status and answer.json()["error"]
    assert visitor.api("GET", "/notes").json() == {"notes": []}


def test_text_is_not_accepted_as_json(visitor):
    """A page of another site can send JSON as text/plain only."""
    headers = {"X-CSRF-Token": visitor.secret(), "Content-Type": "text/plain"}
    answer = visitor.post("/api/notes", b'{"title": "a", "text": ""}', headers=headers)
    assert answer.status_code == 400
    assert "application/json" in answer.json()["error"]


@pytest.mark.parametrize("token", ["", "0" * 32])
def test_changes_require_the_secret(visitor, note, token):
    body = {"title": "Forged", "text": ""}
    for method, path in (("POST", "/notes"), ("PUT", note), ("DELETE", note)):
        answer = visitor.api(method, path, body, token=token)
        assert answer.status_code == 403
        assert answer.json()["status"] == 403
    assert [each["title"] for each in visitor.api("GET", "/notes").json()["notes"]] == ["A"]


def test_errors_are_json(visitor):
    assert visitor.api("GET", "/nothing").json()["status"] == 404
    answer = visitor.api("PUT", "/notes")
    assert (answer.status_code, answer.json()["status"]) == (405, 405)
    assert answer.headers["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_number_of_notes_is_limited(visitor):
    token = visitor.secret()
    for _ in range(1000):
        assert visitor.api("POST", "/notes", {"title": "x", "text": ""}, token).status_code == 201
    assert visitor.api("POST", "/notes", {"title": "x", "text": ""}, token).status_code == 409
