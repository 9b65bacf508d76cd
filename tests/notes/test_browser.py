"""The notes application in headless Chromium through nginx. Scripts are enabled, so that an
injected script would run."""
import http.server
import os
import threading

import pytest
from selenium.common.exceptions import NoSuchElementException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as expected
from selenium.webdriver.support.ui import WebDriverWait

from support.browser import BOUND_S, chromium
from support.waiting import wait_until

EVIL = "<script>document.title='owned';alert(1)</script><img src=x onerror=alert(2)>\"'"


class Browser:
    """One browser with a profile of its own, in front of the application."""

    def __init__(self, address, folder):
        self.driver = chromium(folder)
        self.address = address
        self.folder = folder

    def open(self, path=""):
        self.driver.get(self.address + path)

    @property
    def path(self):
        return self.driver.current_url.removeprefix(self.address)

    def text(self):
        """The visible text."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    def find(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def go(self, element):
        """Press ELEMENT and wait for the next page."""
        page = self.driver.find_element(By.TAG_NAME, "html")
        element.click()
        # While a page is loading, the driver may not know the element.
        WebDriverWait(self.driver, BOUND_S, 0.05, [WebDriverException]).until(
            expected.staleness_of(page))

    def press(self, text):
        self.go(self.driver.find_element(By.XPATH, f"//button[.='{text}']"))

    def follow(self, text):
        self.go(self.driver.find_element(By.LINK_TEXT, text))

    def fill(self, name, text):
        field = self.driver.find_element(By.NAME, name)
        field.clear()
        field.send_keys(text)

    def write(self, title, text):
        self.follow("New note")
        self.fill("title", title)
        self.fill("text", text)
        self.press("Save")

    def attach(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        self.driver.find_element(By.NAME, "file").send_keys(path)
        self.press("Attach")
        os.unlink(path)

    def assert_no_script_ran(self):
        assert not expected.alert_is_present()(self.driver)
        assert self.driver.title != "owned"


def start(site, tmp_path_factory):
    return Browser(site.address + "/notes", str(tmp_path_factory.mktemp("browser")))


@pytest.fixture(scope="module")
def alices(site, tmp_path_factory):
    browser = start(site, tmp_path_factory)
    yield browser
    browser.driver.quit()


@pytest.fixture(scope="module")
def bobs(site, tmp_path_factory):
    browser = start(site, tmp_path_factory)
    yield browser
    browser.driver.quit()


@pytest.fixture
def browser(alices):
    alices.open("/")
    return alices


def test_a_visit(browser):
    """Write, change, search, attach, download, go back, delete."""
    browser.write("", "milk\neggs")
    assert "A note needs a title." in browser.text()
    browser.fill("title", "Shopping")
    browser.press("Save")
    assert browser.find("h1").text == "Shopping"
    assert browser.find(".text").text == "milk\neggs"
    note = browser.path

    browser.follow("Edit")
    browser.fill("text", "milk\neggs\nbread")
    browser.press("Save")
    assert (browser.path, browser.find(".text").text) == (note, "milk\neggs\nbread")

    browser.attach("list.bin", bytes(range(256)))
    browser.driver.find_element(By.LINK_TEXT, "list.bin").click()
    saved = os.path.join(browser.folder, "list.bin")
    wait_until(lambda: os.path.exists(saved), BOUND_S, what="the file is saved")
    with open(saved, "rb") as file:
        assert file.read() == bytes(range(256))
    assert browser.path == note

    browser.fill("q", "BREAD")
    browser.press("Search")
    browser.follow("Shopping")
    assert browser.path == note
    browser.driver.back()
    wait_until(lambda: "q=BREAD" in browser.path, BOUND_S)
    browser.follow("Shopping")

    browser.find("summary").click()
    browser.press("Delete the note and its files")
    assert browser.path == "/"
    assert "Shopping" not in browser.text()
    browser.open(note)  # not what the browser has kept of it
    assert "There is no such note." in browser.text()


def test_style_sheet_is_used(browser):
    """The content security policy allows the style sheet of the application."""
    assert "sans-serif" in browser.find("body").value_of_css_property("font-family")


def test_scripts_in_a_note_are_shown_as_text(browser):
    browser.write(EVIL, "</textarea></div>" + EVIL)
    browser.assert_no_script_ran()
    assert browser.find("h1").text == EVIL
    note = browser.path
    name = EVIL.replace("/", "")
    browser.attach(name, b"<script>alert(3)</script>")
    browser.assert_no_script_ran()
    assert browser.find(".files a").text == name
    browser.follow("Edit")
    browser.assert_no_script_ran()
    assert browser.driver.find_element(By.NAME, "title").get_property("value") == EVIL
    for path in ("/", "/?q=" + EVIL):
        browser.open(path)
        browser.assert_no_script_ran()
        assert EVIL in browser.text()
    browser.open(note)
    with pytest.raises(NoSuchElementException):
        browser.find("img")


def test_a_script_in_the_page_does_not_run(browser):
    """The content security policy blocks a script that is in the page."""
    browser.driver.execute_script(
        "const s = document.createElement('script'); s.textContent = 'document.title = \"owned\"';"
        "document.body.append(s)")
    browser.assert_no_script_ran()


@pytest.fixture
def elsewhere(site):
    """The address of a page of another site that posts a form to the application. 127.0.0.1
    and localhost are two sites; two ports of 127.0.0.1 are one site, so the cookie is sent."""
    page = (f"<form method=post action={site.address}/notes/new>"
            "<input name=title value=Forged><input name=text><button>Win</button></form>")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_another_sites_form_changes_nothing(browser, elsewhere, host):
    browser.write("Mine", "")
    browser.driver.get(f"http://{host}:{elsewhere}/")
    browser.press("Win")
    assert browser.path == "/new"
    assert "Nothing was changed." in browser.text()
    browser.open("/")
    assert "Mine" in browser.text()
    assert "Forged" not in browser.text()


def test_two_visitors(alices, bobs):
    alices.open("/")
    alices.write("Secret of Alice", "")
    note = alices.path
    bobs.open("/")
    assert "Alice" not in bobs.text()
    bobs.open(note)
    assert "There is no such note." in bobs.text()


def test_two_tabs(browser):
    """The tab that saves later gets a conflict page with both texts."""
    browser.write("Common", "first")
    note = browser.path
    browser.follow("Edit")
    one = browser.driver.current_window_handle
    browser.driver.switch_to.new_window("tab")
    browser.open(note + "/edit")
    browser.fill("text", "of the second tab")
    browser.press("Save")
    browser.driver.close()
    browser.driver.switch_to.window(one)
    browser.fill("text", "of the first tab")
    browser.press("Save")
    assert "of the second tab" in browser.text()
    assert browser.find("textarea").get_property("value") == "of the first tab"
    browser.press("Save")
    assert browser.find(".text").text == "of the first tab"
