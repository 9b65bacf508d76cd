"""Two browsers in a chat: what each sees of the other, and interruptions."""
import json
import threading

import pytest
from support.publisher import Publisher
from support.waiting import wait_until

EVIL = "<script>document.title='owned';alert(1)</script><img src=x onerror=alert(2)>"


class Talk:
    """The messages of a test, with numbers that no other test uses."""

    number = 0

    def __init__(self, windows):
        self.windows = windows
        self.said = []

    def say(self, window, count=1):
        for _ in range(count):
            Talk.number += 1
            self.said.append((window.name, f"number {Talk.number}"))
            window.say(self.said[-1][1])

    def hear(self, broker):
        """Publish a message as another bridge would."""
        Talk.number += 1
        self.said.append(("Neo", f"number {Talk.number}"))
        with Publisher(broker) as publisher:
            publisher.publish("chat", json.dumps(dict(zip(("name", "text"), self.said[-1]))))

    def wait(self):
        """Wait until both windows show all messages, once and in the same order, with those of
        each sender in the order of sending."""
        first = self.windows[0]
        for window in self.windows:
            wait_until(lambda w=window: set(self.said) <= set(w.messages()), 40,
                       what="all is shown")
        shown = [each for each in first.messages() if each in self.said]
        for window in self.windows:
            assert [each for each in window.messages() if each in self.said] == shown
            assert [each for each in shown if each[0] == window.name] == \
                [each for each in self.said if each[0] == window.name]
            wait_until(lambda w=window: not w.count("#pending li"), 10, what="nothing is pale")


def test_each_window_shows_the_others_messages(pair):
    alice, bob = pair
    talk = Talk(pair)
    for _ in range(10):
        talk.say(alice)
        talk.say(bob, 2)
    talk.wait()
    for window in pair:
        assert window.own()[-10:] == [text for name, text in talk.said if name == window.name][-10:]
    assert alice.count("li.gap") == bob.count("li.gap") == 0


def test_typing(pair):
    """Enter sends; Shift and Enter start a new line."""
    alice, bob = pair
    text = alice.find("textarea")
    name = alice.find("input")
    name.clear()
    name.send_keys("Alice & Co.")
    text.send_keys("first", "\ue008\ue007\ue000", "second", "\ue007")
    bob.wait_messages([("Alice & Co.", "first\nsecond")])
    assert text.get_property("value") == ""
    assert bob.find("#messages li:last-child time").text != ""
    assert bob.find("#messages li:last-child p").size["height"] > 30, "two lines are seen"


@pytest.mark.parametrize("text", [EVIL, "a\n\nb\n  c", "🎉 grüß dich 👩‍👩‍👧 \u202eolleh", "'\"&amp;\\n\0"])
def test_messages_are_shown_as_text(pair, text):
    pair[0].say(text)
    for window in pair:
        window.wait_messages([("Alice", text)])
        assert window.driver.title == "Chat"
        assert window.count("main img, main script") == 0


def test_names_are_shown_as_text(pair):
    pair[0].name = EVIL
    pair[0].say("who am I?")
    for window in pair:
        window.wait_messages([(EVIL, "who am I?")])
        assert window.driver.title == "Chat"
        assert window.count("main img, main script") == 0


def test_a_later_window_shows_earlier_messages(pair, site, mode):
    alice, bob = pair
    talk = Talk(pair)
    talk.say(alice, 3)
    talk.wait()
    bob.enter(site.nginx.address, "Bob", mode)
    talk.wait()
    assert bob.messages() == alice.messages()
    assert bob.count("li.gap") == 0
    alice.enter(site.nginx.address, "Alice", mode)
    talk.wait()
    assert alice.own()[-3:] == [text for _, text in talk.said], "it is the same window"


# ---- failures

def test_the_bridge_is_restarted(pair, site):
    alice, bob = pair
    talk = Talk(pair)
    talk.say(alice)
    talk.wait()
    for end in (site.bridge.stop, site.bridge.kill):
        end()
        refusals = site.nginx.refusals()
        wait_until(lambda least=refusals + 4: site.nginx.refusals() >= least, 20,
                   what="the windows have tried")
        for window in pair:
            window.wait_state("reconnecting")
        talk.say(alice, 2)
        talk.say(bob, 2)
        assert alice.count("#pending li") == 2
        talk.hear(site.broker)
        site.bridge.start()
        talk.wait()
        for window in pair:
            window.wait_state("connected")
            assert window.count("li.gap") == 0


def test_the_broker_is_restarted(pair, site):
    alice, bob = pair
    talk = Talk(pair)
    talk.say(alice)
    talk.wait()
    lost = site.bridge.log().count("lost the broker")
    restart = threading.Thread(target=site.broker.restart)
    restart.start()
    wait_until(lambda: site.bridge.log().count("lost the broker") > lost, 20)
    talk.say(alice, 2)
    talk.say(bob, 2)
    restart.join()
    talk.wait()
    talk.say(bob)
    talk.wait()
    assert alice.count("li.gap") == bob.count("li.gap") == 0


def test_the_history_is_lost(pair, site):
    """Messages may be missing then, and the page shows where."""
    talk = Talk(pair)
    talk.say(pair[0])
    talk.wait()
    with site.broker.connect() as connection:
        connection.channel().queue_delete("crew.history")
    talk.say(pair[1])
    talk.wait()
    for window in pair:
        assert window.count("li.gap") == 1
        assert window.find("#messages li:nth-last-child(2)").text == \
            "Some messages may be missing here."


# ---- other publishers on the channel

def test_a_message_that_is_sent_again(pair, site):
    message = json.dumps({"id": "once", "name": "Neo", "text": "only once", "time": 0})
    with Publisher(site.broker) as publisher:
        for _ in range(3):
            publisher.publish("chat", message)
    talk = Talk(pair)
    talk.say(pair[0])
    talk.wait()
    for window in pair:
        assert window.messages().count(("Neo", "only once")) == 1


def test_invalid_messages_are_ignored(pair, site):
    with Publisher(site.broker) as publisher:
        for body in (b"", b"nonsense", b"\xff", b"null", b"[]", b'{"name": "Neo"}',
                     b'{"name": "Neo", "text": {}, "id": 1}'):
            publisher.publish("chat", body)
        publisher.publish("chat", '{"name": "Neo", "text": "of a shell", "time": "?"}')
    for window in pair:
        window.wait_messages([("Neo", "of a shell")])


# ---- without event streams

def test_polls_are_used_instead(site, windows):
    nginx = site.serve(without_events=True)
    for window, name in zip(windows, ("Alice", "Bob")):
        window.enter(nginx.address, name)
    talk = Talk(windows)
    talk.say(windows[0], 2)
    talk.say(windows[1], 2)
    talk.wait()
