"""A browser with the chat page."""
from support.browser import BOUND_S, chromium
from support.program import SLOWNESS
from support.waiting import wait_until

WAIT_S = 2 * BOUND_S * SLOWNESS

SAY = """
const form = document.forms[0];
form.elements.name.value = arguments[0];
form.elements.text.value = arguments[1];
form.requestSubmit();
"""

MESSAGES = """
return Array.from(document.querySelectorAll('#messages li:not(.gap)'),
    li => [li.querySelector('b').textContent, li.querySelector('p').textContent]);
"""


class Window:
    def __init__(self, folder):
        self.driver = chromium(folder)
        self.name = None

    def quit(self):
        self.driver.quit()

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def enter(self, address, name, query=""):
        self.name = name
        self.driver.get(f"{address}/chat/{query}")
        self.wait_state("connected")

    def say(self, text):
        """Type any text at once."""
        self.script(SAY, self.name, text)

    def find(self, css):
        return self.driver.find_element("css selector", css)

    def count(self, css):
        return self.script("return document.querySelectorAll(arguments[0]).length", css)

    # ---- what is shown

    def messages(self):
        """All messages as (name, text), the oldest first."""
        return [tuple(pair) for pair in self.script(MESSAGES)]

    def own(self):
        """The texts of the messages that are shown as its own."""
        return self.script("return Array.from(document.querySelectorAll('#messages .own p'),"
                           " text => text.textContent)")

    def wait_messages(self, expected):
        """These are the last messages, and none is pending."""
        def shown():
            return self.messages()[-len(expected):] == expected and not self.count("#pending li")

        try:
            wait_until(shown, WAIT_S)
        except AssertionError:
            assert self.messages()[-len(expected):] == expected
            raise

    def wait_text(self, text):
        wait_until(lambda: text in [said for _, said in self.messages()], WAIT_S,
                   what=f"{text} is shown")

    def wait_state(self, word):
        wait_until(lambda: self.find("#state").text == word, WAIT_S, what=f"it is {word}")
