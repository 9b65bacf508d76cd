"""Concurrent requests in six processes of two workers: nothing is lost, and no request fails
because the database is locked."""
import concurrent.futures
import os
import signal

WRITERS, NOTES = 8, 25


def write_notes(site):
    visitor = site.visitor()
    token = visitor.secret()
    answers = [visitor.api("POST", "/notes", {"title": f"{number}", "text": ""}, token)
               for number in range(NOTES)]
    return visitor, [answer.status_code for answer in answers]


def test_no_note_is_lost(site):
    with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
        done = list(pool.map(lambda _: write_notes(site), range(WRITERS)))
    for visitor, statuses in done:
        assert statuses == [201] * NOTES
        titles = {note["title"] for note in visitor.api("GET", "/notes").json()["notes"]}
        assert titles == {f"{number}" for number in range(NOTES)}


def test_concurrent_changes_are_applied_or_rejected(site):
    visitor = site.visitor()
    token = visitor.secret()
    note = "/notes/%d" % visitor.api("POST", "/notes", {"title": "x", "text": ""}).json()["id"]

    def change(number):
        body = {"title": "x", "text": f"{number}", "version": 1}
        return visitor.api("PUT", note, body, token).status_code

    with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
        statuses = sorted(pool.map(change, range(WRITERS * 3)))
    assert statuses == [200] + [409] * (WRITERS * 3 - 1)
    assert visitor.api("GET", note).json()["version"] == 2


def test_answered_changes_survive_a_crash(site):
    visitor = site.visitor()
    note = visitor.note("Stays")
    for worker in site.workers:
        for pid in worker.children():
            os.kill(pid, signal.SIGKILL)
    for worker in site.workers:
        worker.wait_handlers(3)
    assert "Stays" in visitor.get(note).text
