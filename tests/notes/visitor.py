"""An HTTP client with a cookie jar that fills in forms, and an API client."""
import re

import requests

TIMEOUT_S = 30


class Visitor:
    def __init__(self, address):
        self.address = address
        self.http = requests.Session()

    def get(self, path, **rest):
        return self.http.get(self.address + path, timeout=TIMEOUT_S, **rest)

    def post(self, path, data=None, **rest):
        return self.http.post(self.address + path, data, timeout=TIMEOUT_S,
                              allow_redirects=False, **rest)

    def secret(self):
        """The secret in each form."""
        return re.search(r'name="csrf" value="([0-9a-f]{32})"', self.get("/new").text)[1]

    def write(self, title, text="", path="/new", **fields):
        """Fill in the form at PATH and send it."""
        fields = {"csrf": self.secret(), "title": title, "text": text} | fields
        return self.post(path, fields)

    def note(self, title="A note", text="with text"):
        """Create a note; returns its path below the mount point."""
        answer = self.write(title, text)
        assert answer.status_code == 303, answer.text
        return re.search(r"/\d+$", answer.headers["Location"])[0]

    def attach(self, note, name, content):
        return self.post(note + "/files", {"csrf": self.secret()},
                         files={"file": (name, content)})

    def api(self, method, path, json=None, token=None, **headers):
        """Call the API with the session's secret, or TOKEN; "" for none."""
        if token is None:
            token = self.get("/api/session").json()["csrf"]
        if token:
            headers["X-CSRF-Token"] = token
        return self.http.request(method, f"{self.address}/api{path}", json=json,
                                 headers=headers, timeout=TIMEOUT_S)
