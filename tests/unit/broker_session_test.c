/* session/broker_session.h with a fake link and clock: addresses, timers, publishing. */
#include "fake_link.h"
#include "session/broker_session.h"
#include "session/compress_job.h"
#include "unit.h"

#include <poll.h>

static struct broker_session *session;
static unsigned events, flushes;
static bool more_to_flush;
static char reported[64];

static void on_event(void *owner, enum broker_session_side side,
                     struct link_event *event) {
    (void)owner;
    (void)side;
    assert_int_not_equal(event->kind, LINK_PUBLISHED);
    events++;
    link_event_free(event);
}

static bool on_flush(void *owner) {
    (void)owner;
    flushes++;
    return more_to_flush;
}

static void on_report(void *arg, enum crew_event_kind kind, const char *text) {
    (void)arg;
    (void)kind;
    snprintf(reported, sizeof reported, "%s", text);
}

static void open_session(const char *urls) {
    crew_broker broker;
    crew_broker_init(&broker);
    assert_int_equal(crew_broker_parse(&broker, urls, NULL, 0), 0);
    const struct broker_session_options options = {
        .broker = &broker,
        .name = "test",
        .handlers = {.on_event = on_event, .on_flush = on_flush},
        .report = on_report,
        .defer_confirm_wakeup = true};
    assert_int_equal(broker_session_new(&options, &session), 0);
    crew_broker_fini(&broker);
}

static int set_up(void **state) {
    (void)state;
    fake_reset();
    events = flushes = 0;
    more_to_flush = false;
    reported[0] = '\0';
    open_session("amqp://one,amqp://two");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    broker_session_stop(session, 0);
    broker_session_free(session);
    return 0;
}

static bool is_readable(void) {
    struct pollfd fd = {.fd = broker_session_fd(session), .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

/* ---- addresses ---- */

static void test_open_when_both_are_at_one_address(void **state) {
    (void)state;
    fake_open(FAKE_PUBLISHER);
    broker_session_dispatch(session);
    assert_false(broker_session_is_open(session));
    assert_int_equal(broker_session_epoch(session, BROKER_SESSION_PUBLISHER), 1);
    fake_open(FAKE_CONSUMER);
    broker_session_dispatch(session);
    assert_true(broker_session_is_open(session));
    assert_int_equal(events, 2);
    assert_string_equal(broker_session_address(session), "fake:5672");
}

/* The link that connected last determines the address; the other counts as closed at
 * once. */
static void test_the_other_link_is_moved(void **state) {
    (void)state;
    fake_open(FAKE_PUBLISHER);
    fake_open(FAKE_CONSUMER);
    broker_session_dispatch(session);
    fake_lose(FAKE_CONSUMER, PUBLISH_UNKNOWN);
    link_switch_address(fake_broker.links[FAKE_CONSUMER], 0, 1); /* after its backoff */
    fake_broker.switches = 0;
    fake_open(FAKE_CONSUMER);
    broker_session_dispatch(session);
    assert_int_equal(fake_broker.switches, 1);
    assert_false(broker_session_is_open(session));
    assert_int_equal(broker_session_epoch(session, BROKER_SESSION_PUBLISHER), 0);
    fake_lose(FAKE_PUBLISHER, PUBLISH_UNKNOWN);
    fake_open(FAKE_PUBLISHER);
    broker_session_dispatch(session);
    assert_true(broker_session_is_open(session));
}

static void test_a_failure_of_both_links_is_reported_once(void **state) {
    (void)state;
    broker_session_report_failure(session, BROKER_SESSION_CONSUMER, "second");
    assert_string_equal(reported, "");
    broker_session_report_failure(session, BROKER_SESSION_PUBLISHER, "first");
    assert_string_equal(reported, "first");
}

/* ---- timers ---- */

static struct broker_session_timer *fired[8];
static size_t fired_count;

static void note_fired(struct broker_session_timer *timer) {
    fired[fired_count++] = timer;
}

static void test_timers_fire_in_order(void **state) {
    (void)state;
    struct broker_session_timer t[3] = {
        {.fire = note_fired}, {.fire = note_fired}, {.fire = note_fired}};
    uint64_t now_ms = fake_broker.now_ms;
    fired_count = 0;
    broker_session_timer_set(session, &t[0], now_ms + 30);
    broker_session_timer_set(session, &t[1], now_ms + 20);
    broker_session_timer_set(session, &t[2], now_ms + 10);
    broker_session_timer_set_earlier(session, &t[1], now_ms + 40); /* it fires earlier */
    broker_session_timer_set_earlier(session, &t[0], now_ms + 15);
    broker_session_timer_clear(session, &t[2]);
    fake_broker.now_ms = now_ms + 14;
    broker_session_dispatch(session);
    assert_int_equal(fired_count, 0);
    fake_broker.now_ms = now_ms + 20;
    broker_session_dispatch(session);
    assert_int_equal(fired_count, 2);
    assert_ptr_equal(fired[0], &t[0]);
    assert_ptr_equal(fired[1], &t[1]);
    assert_false(broker_session_timer_is_set(&t[0]));
}

/* ---- publishing ---- */

struct waiting {
    struct publish_waiter waiter; /* first */
    unsigned calls;
    enum publish_status status;
};

static void on_published(struct publish_waiter *waiter, struct message *m) {
    struct waiting *w = (struct waiting *)waiter;
    w->calls++;
    w->status = m->status;
    message_free(m);
}

static struct message *new_message(void) {
    return message_new(
        &(struct message_properties){.exchange = "", .routing_key = "queue"});
}

static void connect_both(void) {
    fake_open(FAKE_PUBLISHER);
    fake_open(FAKE_CONSUMER);
    broker_session_dispatch(session);
}

static void test_the_waiter_gets_the_status(void **state) {
    (void)state;
    struct waiting w = {.waiter.published = on_published};
    struct message *m = new_message();
    connect_both();
    publish_waiter_attach(&w.waiter, m);
    broker_session_publish(session, new_message()); /* without a waiter */
    broker_session_publish(session, m);
    assert_null(fake_next_message());
    assert_true(is_readable()); /* woken to hand them over */
    broker_session_dispatch(session);
    fake_publish_status(PUBLISH_RETURNED);
    fake_publish_status(PUBLISH_RETURNED);
    broker_session_dispatch(session);
    assert_int_equal(w.calls, 1);
    assert_int_equal(w.status, PUBLISH_RETURNED);
}

/* A confirm alone does not wake the owner, except for a message that is awaited. */
static void test_confirms_do_not_wake(void **state) {
    (void)state;
    connect_both();
    for (int awaited = 0; awaited < 2; awaited++) {
        struct waiting w = {.waiter.published = on_published};
        struct message *m = new_message();
        publish_waiter_attach(&w.waiter, m);
        m->awaited = awaited;
        broker_session_publish(session, m);
        broker_session_dispatch(session);
        assert_false(is_readable());
        fake_publish_status(PUBLISH_CONFIRMED);
        assert_int_equal(is_readable(), awaited);
        broker_session_dispatch(session);
        assert_int_equal(w.calls, 1);
    }
}

static void test_without_a_connection_it_is_unsent(void **state) {
    (void)state;
    struct waiting w = {.waiter.published = on_published};
    struct message *m = new_message();
    publish_waiter_attach(&w.waiter, m);
    broker_session_publish(session, m);
    broker_session_dispatch(session);
    broker_session_dispatch(session);
    assert_int_equal(w.status, PUBLISH_UNSENT);
}

/* on_flush that has more to do is called again with the next dispatch, which comes at
 * once. */
static void test_more_to_flush(void **state) {
    (void)state;
    more_to_flush = true;
    broker_session_dispatch(session);
    assert_int_equal(flushes, 1);
    assert_true(is_readable());
    more_to_flush = false;
    broker_session_dispatch(session);
    assert_int_equal(flushes, 2);
    assert_false(is_readable());
    broker_session_flush(session); /* nothing to do */
    assert_int_equal(flushes, 2);
}

/* ---- compress jobs ---- */

static int job_result;
static unsigned job_calls;

static void on_done(void *arg, int result, struct buffer *body) {
    (void)body;
    assert_ptr_equal(arg, &job_calls);
    job_result = result;
    job_calls++;
}

static struct buffer body_of(size_t bytes) {
    struct buffer body = BUFFER_INIT;
    memset(buffer_reserve(&body, bytes), 'a', bytes);
    body.len = bytes;
    return body;
}

static void wait_for_job(void) {
    struct pollfd fd = {.fd = broker_session_fd(session), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 10000), 1);
    broker_session_dispatch(session);
}

/* A job that was cancelled is not reported; one that has not run when the session is
 * stopped is reported as closed (or ran before). */
static void test_compress_jobs(void **state) {
    (void)state;
    struct buffer body = body_of(100000);
    job_calls = 0;
    compress_job_deflate(session, &body, on_done, &job_calls);
    wait_for_job();
    assert_int_equal(job_calls, 1);
    assert_int_equal(job_result, 0);
    body = body_of(100000);
    compress_job_cancel(compress_job_deflate(session, &body, on_done, &job_calls));
    wait_for_job();
    assert_int_equal(job_calls, 1);
    body = body_of(100000);
    compress_job_deflate(session, &body, on_done, &job_calls);
    broker_session_stop(session, 0);
    assert_int_equal(job_calls, 2);
    assert_int_equal(job_result, CREW_ECLOSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_open_when_both_are_at_one_address),
        TEST(test_the_other_link_is_moved),
        TEST(test_a_failure_of_both_links_is_reported_once),
        TEST(test_timers_fire_in_order),
        TEST(test_the_waiter_gets_the_status),
        TEST(test_confirms_do_not_wake),
        TEST(test_without_a_connection_it_is_unsent),
        TEST(test_more_to_flush),
        TEST(test_compress_jobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
