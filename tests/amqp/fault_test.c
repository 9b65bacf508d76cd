/* A link whose network and broker fail: every message gets one publish status, and the
 * link reconnects. */
#include "base/clock.h"
#include "base/xalloc.h"
#include "cmocka_all.h"
#include "link_fixture.h"
#include "proxy.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static void start_through(struct link_fixture *f, const struct proxy *p,
                          int heartbeat_s) {
    struct crew_broker broker;
    proxy_broker(p, &broker);
    broker.heartbeat_s = heartbeat_s;
    link_fixture_start(f, &broker);
}

static void open_through(struct link_fixture *f, struct proxy *p, int heartbeat_s) {
    proxy_listen(p, true);
    start_through(f, p, heartbeat_s);
    link_fixture_wait_for(f, LINK_OPEN);
}

static void expect_text(struct link_fixture *f, enum link_event_kind kind,
                        const char *part) {
    struct link_event *event = link_fixture_expect(f, kind);
    if (strstr(event->text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, event->text);
    link_event_free(event);
}

static void test_connects_once_the_broker_is_up(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    struct link_fixture f;
    start_through(&f, p, 10);
    expect_text(&f, LINK_FAILED, "Connection refused");
    assert_int_equal(link_fixture_publish(&f, link_fixture_message("q", "x", 1)),
                     PUBLISH_UNSENT);
    proxy_listen(p, true);
    link_fixture_wait_for(&f, LINK_OPEN);
    assert_int_equal(f.epoch, 1);
    link_fixture_close(&f);
    proxy_free(p);
}

/* Two addresses: through the proxy, and without it. */
static void start_with_two(struct link_fixture *f, const struct proxy *p) {
    struct crew_broker broker;
    char urls[200];
    proxy_broker(p, &broker);
    snprintf(urls, sizeof urls, "amqp://127.0.0.1:%d,%s", broker.urls[0].port,
             getenv("CREW_TEST_AMQP_URL"));
    assert_int_equal(crew_broker_parse(&broker, urls, NULL, 0), CREW_OK);
    link_fixture_start(f, &broker);
}

static void expect_open_at(struct link_fixture *f, size_t url) {
    struct link_event *event = link_fixture_expect(f, LINK_OPEN);
    assert_int_equal(event->url, url);
    link_event_free(event);
}

static void test_next_address_is_tried_after_a_failure(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    struct link_fixture f;
    start_with_two(&f, p);
    expect_text(&f, LINK_FAILED, "Connection refused");
    expect_open_at(&f, 1);
    link_fixture_close(&f);
    proxy_free(p);
}

static void test_reconnects_at_the_same_address_after_a_loss(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    struct link_fixture f;
    proxy_listen(p, true);
    start_with_two(&f, p);
    expect_open_at(&f, 0);
    proxy_cut(p, false);
    expect_open_at(&f, 0);
    proxy_listen(p, false);
    proxy_cut(p, false);
    expect_open_at(&f, 1);
    link_fixture_close(&f);
    proxy_free(p);
}

static void test_switch_address_moves_the_connection(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    struct link_fixture f;
    proxy_listen(p, true);
    start_with_two(&f, p);
    expect_open_at(&f, 0);
    link_switch_address(f.link, f.epoch - 1, 1); /* of an older connection: ignored */
    assert_int_equal(
        link_fixture_publish(&f, link_fixture_message("crew.test.none", "x", 1)),
        PUBLISH_CONFIRMED);
    assert_null(link_fixture_await(&f, LINK_LOST, 0));
    uint64_t epoch = f.epoch;
    link_switch_address(f.link, epoch, 1);
    expect_text(&f, LINK_LOST, "left for another address");
    expect_open_at(&f, 1);
    assert_int_equal(f.epoch, epoch + 1);
    link_fixture_close(&f);
    proxy_free(p);
}

/* The owner has given up the first connection and waits for the next one. */
static void test_switch_address_twice_leaves_the_connection_once(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    struct link_fixture f;
    proxy_listen(p, true);
    start_with_two(&f, p);
    expect_open_at(&f, 0);
    for (int i = 0; i < 5; i++) {
        link_switch_address(f.link, f.epoch, 1);
        link_switch_address(f.link, 0, 0);
        link_fixture_wait_for(&f, LINK_LOST);
        expect_open_at(&f, 0);
    }
    link_fixture_close(&f);
    proxy_free(p);
}

static void test_unknown_host_is_reported(void **state) {
    (void)state;
    struct crew_broker broker;
    struct link_fixture f;
    link_fixture_broker(&broker);
    free(broker.urls[0].host);
    broker.urls[0].host = xstrdup("none.invalid");
    link_fixture_start(&f, &broker);
    expect_text(&f, LINK_FAILED, "none.invalid");
    link_fixture_close(&f);
}

/* ---- under load ---- */

struct tally {
    unsigned of_status[PUBLISH_UNSENT + 1];
    unsigned sum;
};

static void on_published(struct link_fixture *f, struct tally *t, bool *done) {
    struct link_event *event;
    while ((event = link_fixture_await(f, LINK_PUBLISHED, 0)) != NULL) {
        bool *reported = event->message->owner;
        assert_in_range(reported - done, 0, 100000);
        assert_false(*reported); /* one status each */
        *reported = true;
        t->of_status[event->message->status]++;
        t->sum++;
        link_event_free(event);
    }
}

/* Publish until the connection is lost. Then every status is reported, and the number of
 * messages in the queue is between CONFIRMED and CONFIRMED + UNKNOWN. */
static void publish_until_lost(struct link_fixture *f, struct link_fixture *keeper,
                               const char *queue, void (*breaks)(void *), void *arg) {
    enum { MAX_COUNT = 100000, STATUSES_BEFORE = 500, AT_ONCE = 50 };
    bool *done = xcalloc(1, MAX_COUNT);
    bool broken = false;
    struct tally t = {0};
    unsigned count = 0;
    struct link_event *lost = NULL;
    char body[300] = "";
    while (lost == NULL && count < MAX_COUNT) {
        for (int i = 0; i < AT_ONCE; i++, count++) {
            struct message *m = link_fixture_message(queue, body, sizeof body);
            m->owner = &done[count];
            link_publish(f->link, f->epoch, m);
        }
        on_published(f, &t, done);
        if (!broken && t.sum >= STATUSES_BEFORE) {
            breaks(arg);
            broken = true;
        }
        lost = link_fixture_await(f, LINK_LOST, 1);
    }
    assert_non_null(lost);
    assert_int_equal(lost->epoch, f->epoch);
    link_event_free(lost);
    while (t.sum < count) { /* those queued after the loss */
        struct link_event *event = link_fixture_expect(f, LINK_PUBLISHED);
        bool *reported = event->message->owner;
        assert_false(*reported);
        *reported = true;
        t.of_status[event->message->status]++;
        t.sum++;
        link_event_free(event);
    }
    assert_int_equal(t.sum, count);
    assert_true(t.of_status[PUBLISH_CONFIRMED] > 0);
    assert_int_equal(t.of_status[PUBLISH_NACKED] + t.of_status[PUBLISH_RETURNED], 0);
    uint32_t depth = link_fixture_queue_depth(keeper, queue);
    assert_in_range(depth, t.of_status[PUBLISH_CONFIRMED],
                    t.of_status[PUBLISH_CONFIRMED] + t.of_status[PUBLISH_UNKNOWN]);
    free(done);
}

static void cut(void *p) {
    proxy_cut(p, false);
}

static void reset(void *p) {
    proxy_cut(p, true);
}

static void broken_under_load(void (*breaks)(void *)) {
    struct proxy *p = proxy_new();
    struct link_fixture keeper;
    struct link_fixture f;
    char queue[40];
    link_fixture_open(&keeper);
    link_fixture_declare_queue(&keeper, queue);
    open_through(&f, p, 10);
    publish_until_lost(&f, &keeper, queue, breaks, p);
    link_fixture_wait_for(&f, LINK_OPEN);
    assert_int_equal(f.epoch, 2);
    struct message *m = link_fixture_message("crew.test.none", "x", 1);
    assert_int_equal(link_fixture_publish(&f, m), PUBLISH_CONFIRMED);
    link_fixture_close(&f);
    link_fixture_close(&keeper);
    proxy_free(p);
}

static void test_cut_under_load(void **state) {
    (void)state;
    broken_under_load(cut);
}

static void test_reset_under_load(void **state) {
    (void)state;
    broken_under_load(reset);
}

static void rabbitmqctl(const char *arguments) {
    char command[1000];
    snprintf(command, sizeof command, "%s ctl '%s' %s >/dev/null", PRIVATE_BROKER,
             getenv("CREW_TEST_BROKER"), arguments);
    int status = system(command);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void close_all(void *arg) {
    (void)arg;
    rabbitmqctl("close_all_connections -p crew.test 'for a test'");
}

static void test_connections_closed_by_the_broker_under_load(void **state) {
    (void)state;
    if (getenv("CREW_TEST_BROKER") == NULL)
        skip();
    struct crew_broker broker;
    struct link_fixture keeper;
    struct link_fixture f;
    rabbitmqctl("add_vhost crew.test");
    rabbitmqctl("set_permissions -p crew.test guest '.*' '.*' '.*'");
    link_fixture_broker(&broker);
    free(broker.urls[0].vhost);
    broker.urls[0].vhost = xstrdup("crew.test");
    struct crew_broker copy;
    assert_int_equal(crew_broker_copy(&copy, &broker), CREW_OK);
    link_fixture_start(&keeper, &broker);
    link_fixture_wait_for(&keeper, LINK_OPEN);
    struct link_op *op = link_op_new(LINK_DECLARE_QUEUE, "durable");
    op->durable = true;
    link_fixture_must_do(&keeper, op);
    link_fixture_start(&f, &copy);
    link_fixture_wait_for(&f, LINK_OPEN);

    /* The keeper is disconnected too, and reconnects before it reads the queue. */
    bool done[2000] = {0};
    struct tally t = {0};
    for (int i = 0; i < 2000; i++) {
        struct message *m = link_fixture_message("durable", "x", 1);
        m->owner = &done[i];
        link_publish(f.link, f.epoch, m);
    }
    close_all(NULL);
    expect_text(&f, LINK_LOST, "CONNECTION_FORCED");
    on_published(&f, &t, done);
    assert_int_equal(t.sum, 2000);
    link_fixture_wait_for(&keeper, LINK_LOST);
    link_fixture_wait_for(&keeper, LINK_OPEN);
    link_fixture_wait_for(&f, LINK_OPEN);
    assert_in_range(link_fixture_queue_depth(&keeper, "durable"),
                    t.of_status[PUBLISH_CONFIRMED],
                    t.of_status[PUBLISH_CONFIRMED] + t.of_status[PUBLISH_UNKNOWN]);
    link_fixture_close(&f);
    link_fixture_close(&keeper);
    rabbitmqctl("delete_vhost crew.test");
}

/* ---- silence ---- */

static void test_silent_broker_is_detected_within_two_heartbeats(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    struct link_fixture f;
    open_through(&f, p, 1);
    proxy_stall(p, true);
    uint64_t begin_ms = clock_ms();
    link_publish(f.link, f.epoch, link_fixture_message("q", "x", 1));
    expect_text(&f, LINK_LOST, "no data");
    assert_in_range(clock_ms() - begin_ms, 900, 4000);
    struct link_event *event = link_fixture_expect(&f, LINK_PUBLISHED);
    assert_int_equal(event->message->status, PUBLISH_UNKNOWN);
    link_event_free(event);
    proxy_stall(p, false);
    proxy_cut(p, false); /* the attempt that is blocked */
    link_fixture_wait_for(&f, LINK_OPEN);
    link_fixture_close(&f);
    proxy_free(p);
}

/* Messages that did not fit into the socket buffer were not sent. */
static void test_messages_beyond_the_socket_buffer_are_unsent(void **state) {
    (void)state;
    enum { COUNT = 40, BYTES = 1 << 20 };
    struct proxy *p = proxy_new();
    struct link_fixture f;
    unsigned unknown = 0;
    unsigned unsent = 0;
    open_through(&f, p, 1);
    proxy_stall(p, true);
    char *body = xcalloc(1, BYTES);
    for (int i = 0; i < COUNT; i++)
        link_publish(f.link, f.epoch, link_fixture_message("q", body, BYTES));
    free(body);
    for (int i = 0; i < COUNT; i++) {
        struct link_event *event = link_fixture_expect(&f, LINK_PUBLISHED);
        unknown += event->message->status == PUBLISH_UNKNOWN;
        unsent += event->message->status == PUBLISH_UNSENT;
        link_event_free(event);
    }
    assert_int_equal(unknown + unsent, COUNT);
    assert_true(unknown > 0);
    assert_true(unsent > 0);
    link_fixture_wait_for(&f, LINK_LOST);
    proxy_stall(p, false);
    proxy_cut(p, false);
    link_fixture_close(&f);
    proxy_free(p);
}

/* No loss within four heartbeat intervals without traffic. */
static void test_idle_connection_stays_open(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    struct link_fixture f;
    open_through(&f, p, 1);
    assert_null(link_fixture_await(&f, LINK_LOST, 4000));
    assert_int_equal(
        link_fixture_publish(&f, link_fixture_message("crew.test.none", "x", 1)),
        PUBLISH_CONFIRMED);
    link_fixture_close(&f);
    proxy_free(p);
}

static void test_one_byte_at_a_time(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    struct link_fixture f;
    char queue[40];
    char body[3000];
    memset(body, 'b', sizeof body);
    proxy_trickle(p, true);
    open_through(&f, p, 10);
    link_fixture_declare_queue(&f, queue);
    link_fixture_consume(&f, queue, false);
    assert_int_equal(
        link_fixture_publish(&f, link_fixture_message(queue, body, sizeof body)),
        PUBLISH_CONFIRMED);
    struct message *m = link_fixture_next_delivery(&f);
    assert_int_equal(m->body.len, sizeof body);
    assert_memory_equal(m->body.data, body, sizeof body);
    message_free(m);
    link_fixture_close(&f);
    proxy_free(p);
}

/* ---- link_free ---- */

static void test_free_does_not_wait_for_an_attempt_to_connect(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    struct link_fixture f;
    proxy_stall(p, true);
    proxy_listen(p, true);
    start_through(&f, p, 10);
    assert_null(link_fixture_await(&f, LINK_FAILED, 200)); /* its login blocks */
    uint64_t begin_ms = clock_ms();
    link_fixture_close_within(&f, 100);
    assert_true(clock_ms() - begin_ms < 2000);
    proxy_stall(p, false);
    proxy_free(p); /* the abandoned thread ends by itself */
}

static void test_free_at_any_moment(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    proxy_listen(p, true);
    for (unsigned i = 0; i < 40; i++) {
        struct link_fixture f;
        start_through(&f, p, 10);
        struct link_event *open = link_fixture_await(&f, LINK_OPEN, i % 20 * 2);
        if (open != NULL)
            link_publish(f.link, f.epoch, link_fixture_message("crew.test.none", "x", 1));
        link_event_free(open);
        link_fixture_close_within(&f, i % 2 ? 1000 : 0);
    }
    proxy_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connects_once_the_broker_is_up),
        cmocka_unit_test(test_next_address_is_tried_after_a_failure),
        cmocka_unit_test(test_reconnects_at_the_same_address_after_a_loss),
        cmocka_unit_test(test_switch_address_moves_the_connection),
        cmocka_unit_test(test_switch_address_twice_leaves_the_connection_once),
        cmocka_unit_test(test_unknown_host_is_reported),
        cmocka_unit_test(test_cut_under_load),
        cmocka_unit_test(test_reset_under_load),
        cmocka_unit_test(test_connections_closed_by_the_broker_under_load),
        cmocka_unit_test(test_silent_broker_is_detected_within_two_heartbeats),
        cmocka_unit_test(test_messages_beyond_the_socket_buffer_are_unsent),
        cmocka_unit_test(test_idle_connection_stays_open),
        cmocka_unit_test(test_one_byte_at_a_time),
        cmocka_unit_test(test_free_does_not_wait_for_an_attempt_to_connect),
        cmocka_unit_test(test_free_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
