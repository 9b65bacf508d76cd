"""SIGHUP: the app as it is now, without a failed call."""
import os
import signal
import threading

from support.waiting import wait_until

VERSION = r"""
#include <crew/app.h>
#include <stdio.h>
#include <time.h>

static int version(crew_request *request, crew_response *response) {
    (void)request;
    return crew_response_text(response, VERSION);
}

static int nap(crew_request *request, crew_response *response) {
    nanosleep(&(struct timespec){1, 0}, NULL);
    return version(request, response);
}

CREW_APP(app) {
    const char *prefix = crew_app_argv(app)[1];
    char name[128];
    snprintf(name, sizeof name, "%s.version", prefix);
    crew_app_task(app, name, version);
    snprintf(name, sizeof name, "%s.nap", prefix);
    crew_app_task(app, name, nap);
    snprintf(name, sizeof name, "%s.only-in-%s", prefix, VERSION);
    return crew_app_task(app, name, version);
}
"""


def source(version):
    return f'#define VERSION "{version}"\n' + VERSION


def test_the_new_app_takes_over(breaker, build_app, broker, call, prefix):
    worker = breaker("--processes", "2", app=build_app(source("1")))
    old = worker.children()
    assert call.text("version") == "1"
    build_app(source("2"))
    assert call.text("version") == "1"
    worker.signal(signal.SIGHUP)
    wait_until(lambda: call.text("version") == "2", what="version 2")
    worker.wait_handlers(2)
    assert not set(old) & set(worker.children())
    assert call.text("only-in-2") == "2"
    # Tasks that the new one does not have are not consumed any more.
    broker.wait_consumers(f"{prefix}.only-in-1", 0)
    broker.wait_consumers(f"{prefix}.only-in-2", 1)


def test_the_old_one_finishes_what_it_has(breaker, build_app, call):
    worker = breaker("--processes", "1", app=build_app(source("1")))
    slow = call.begin("nap")
    wait_until(lambda: queue_empty(call, "nap"))
    build_app(source("2"))
    worker.signal(signal.SIGHUP)
    wait_until(lambda: call.text("version") == "2", what="version 2")
    assert slow not in call.answers, "the new one serves while the old one works"
    assert call.wait(slow)[0].body == b"1"
    worker.wait_handlers(1)


def queue_empty(call, task):
    queue = f"crew.tasks.{call.prefix}.{task}"
    return call.channel.queue_declare(queue, passive=True).method.message_count == 0


def test_a_broken_app_changes_nothing(breaker, build_app, call):
    worker = breaker("--processes", "2", app=build_app(source("1")))
    old = worker.children()
    build_app("#include <crew/app.h>\nCREW_APP(app) { (void)app; return 5; }")
    worker.signal(signal.SIGHUP)
    worker.wait_log("reload failed")
    assert "CREW_APP returned 5" in worker.log()
    assert call.text("version") == "1"
    wait_until(lambda: worker.children() == old, what="the old processes alone")
    build_app(source("3"))
    worker.signal(signal.SIGHUP)
    wait_until(lambda: call.text("version") == "3", what="version 3")


def test_an_app_that_crashes_at_its_start_changes_nothing(breaker, build_app, call):
    worker = breaker("--processes", "2", app=build_app(source("1")))
    build_app("#include <crew/app.h>\nCREW_APP(app) { (void)app; __builtin_trap(); }")
    worker.signal(signal.SIGHUP)
    worker.wait_log("reload failed")
    assert call.text("version") == "1"


def test_again_and_again(breaker, build_app, call):
    """SIGHUP upon SIGHUP while calls go on: each is answered, by an old or a new one."""
    worker = breaker("--processes", "2", app=build_app(source("1")))
    build_app(source("2"))
    stop = threading.Event()

    def hang_up():
        while not stop.wait(0.02):
            worker.signal(signal.SIGHUP)
            worker.notified("READY=1")

    thread = threading.Thread(target=hang_up)
    thread.start()
    try:
        answers = [call.call("version") for _ in range(300)]
    finally:
        stop.set()
        thread.join()
    assert {answer.error for answer in answers} == {None}
    worker.signal(signal.SIGHUP)
    wait_until(lambda: call.text("version") == "2", what="version 2")
    worker.wait_handlers(2)


def test_a_replacement_that_is_another_app(breaker, build_app, call):
    """A process died after the .so was changed: all are replaced, none serves by half."""

    worker = breaker("--processes", "2", app=build_app(source("1")))
    build_app(source("2"))
    os.kill(worker.children()[0], 9)
    wait_until(lambda: {call.text("version") for _ in range(4)} == {"2"}, what="version 2")
    worker.wait_log("other tasks than before")
    wait_until(lambda: call.channel.queue_declare(
        f"crew.tasks.{call.prefix}.only-in-2", passive=False, durable=True,
        arguments={"x-dead-letter-exchange": "crew.DLX", "x-max-priority": 3}),
        what="the new task")
    assert call.text("only-in-2") == "2"


def test_not_while_stopping(breaker, build_app, call):
    worker = breaker("--processes", "1", app=build_app(source("1")))
    slow = call.begin("nap")
    wait_until(lambda: queue_empty(call, "nap"))
    worker.signal(signal.SIGTERM)
    worker.wait_log("finishing the tasks in hand")
    worker.signal(signal.SIGHUP)
    assert call.wait(slow)[0].body == b"1"
    assert worker.wait(5) == 0
