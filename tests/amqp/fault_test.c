/* A link whose network and broker fail: every message has one fate, and it comes back. */
#include "base/clock.h"
#include "base/xalloc.h"
#include "cmocka_all.h"
#include "proxy.h"
#include "stage.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static void start_through(struct stage *s, const struct proxy *p, int heartbeat_s) {
    struct crew_broker broker;
    proxy_broker(p, &broker);
    broker.heartbeat_s = heartbeat_s;
    stage_start(s, &broker);
}

static void open_through(struct stage *s, struct proxy *p, int heartbeat_s) {
    proxy_listen(p, true);
    start_through(s, p, heartbeat_s);
    stage_pass(s, LINK_OPEN);
}

static void expect_text(struct stage *s, enum link_event_kind kind, const char *part) {
    struct link_event *event = stage_expect(s, kind);
    if (strstr(event->text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, event->text);
    link_event_free(event);
}

static void test_absent_broker_is_waited_for(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    struct stage s;
    start_through(&s, p, 10);
    expect_text(&s, LINK_FAILED, "Connection refused");
    assert_int_equal(stage_publish(&s, stage_message("q", "x", 1)), PUBLISH_UNSENT);
    proxy_listen(p, true);
    stage_pass(&s, LINK_OPEN);
    assert_int_equal(s.epoch, 1);
    stage_close(&s);
    proxy_free(p);
}

/* Two addresses: through the proxy, and without it. */
static void start_with_two(struct stage *s, const struct proxy *p) {
    struct crew_broker broker;
    char urls[200];
    proxy_broker(p, &broker);
    snprintf(urls, sizeof urls, "amqp://127.0.0.1:%d,%s", broker.urls[0].port,
             getenv("CREW_TEST_AMQP_URL"));
    assert_int_equal(crew_broker_parse(&broker, urls, NULL, 0), CREW_OK);
    stage_start(s, &broker);
}

static void expect_open_at(struct stage *s, size_t url) {
    struct link_event *event = stage_expect(s, LINK_OPEN);
    assert_int_equal(event->url, url);
    link_event_free(event);
}

static void test_addresses_are_tried_in_turn(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    struct stage s;
    start_with_two(&s, p);
    expect_text(&s, LINK_FAILED, "Connection refused");
    expect_open_at(&s, 1);
    stage_close(&s);
    proxy_free(p);
}

static void test_a_loss_is_tried_at_the_same_address(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    struct stage s;
    proxy_listen(p, true);
    start_with_two(&s, p);
    expect_open_at(&s, 0);
    proxy_cut(p, false);
    expect_open_at(&s, 0);
    proxy_listen(p, false);
    proxy_cut(p, false);
    expect_open_at(&s, 1);
    stage_close(&s);
    proxy_free(p);
}

static void test_sent_to_another_address(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    struct stage s;
    proxy_listen(p, true);
    start_with_two(&s, p);
    expect_open_at(&s, 0);
    link_switch_address(s.link, s.epoch - 1,
                        1); /* said of a connection that is no more */
    assert_int_equal(stage_publish(&s, stage_message("crew.test.none", "x", 1)),
                     PUBLISH_CONFIRMED);
    assert_null(stage_await(&s, LINK_LOST, 0));
    uint64_t epoch = s.epoch;
    link_switch_address(s.link, epoch, 1);
    expect_text(&s, LINK_LOST, "left for another address");
    expect_open_at(&s, 1);
    assert_int_equal(s.epoch, epoch + 1);
    stage_close(&s);
    proxy_free(p);
}

/* Its owner counts the first connection as gone and waits for the next one. */
static void test_sent_back_at_once_it_leaves_all_the_same(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    struct stage s;
    proxy_listen(p, true);
    start_with_two(&s, p);
    expect_open_at(&s, 0);
    for (int i = 0; i < 5; i++) {
        link_switch_address(s.link, s.epoch, 1);
        link_switch_address(s.link, 0, 0);
        stage_pass(&s, LINK_LOST);
        expect_open_at(&s, 0);
    }
    stage_close(&s);
    proxy_free(p);
}

static void test_an_unknown_host_is_said(void **state) {
    (void)state;
    struct crew_broker broker;
    struct stage s;
    stage_broker(&broker);
    free(broker.urls[0].host);
    broker.urls[0].host = xstrdup("none.invalid");
    stage_start(&s, &broker);
    expect_text(&s, LINK_FAILED, "none.invalid");
    stage_close(&s);
}

/* ---- fates add up ---- */

struct tally {
    unsigned of_status[PUBLISH_UNSENT + 1];
    unsigned sum;
};

static void on_published(struct stage *s, struct tally *t, bool *done) {
    struct link_event *event;
    while ((event = stage_await(s, LINK_PUBLISHED, 0)) != NULL) {
        bool *mine = event->message->owner;
        assert_in_range(mine - done, 0, 100000);
        assert_false(*mine); /* one status each */
        *mine = true;
        t->of_status[event->message->status]++;
        t->sum++;
        link_event_free(event);
    }
}

/* Publish until the connection is lost; then all fates are there, and what the queue
 * holds lies between what is known and what is possible. */
static void publish_until_lost(struct stage *s, struct stage *keeper, const char *queue,
                               void (*breaks)(void *), void *arg) {
    enum { MOST = 100000, FATES_BEFORE = 500, AT_ONCE = 50 };
    bool *done = xcalloc(1, MOST);
    bool broken = false;
    struct tally t = {0};
    unsigned count = 0;
    struct link_event *lost = NULL;
    char body[300] = "";
    while (lost == NULL && count < MOST) {
        for (int i = 0; i < AT_ONCE; i++, count++) {
            struct message *m = stage_message(queue, body, sizeof body);
            m->owner = &done[count];
            link_publish(s->link, s->epoch, m);
        }
        on_published(s, &t, done);
        if (!broken && t.sum >= FATES_BEFORE) {
            breaks(arg);
            broken = true;
        }
        lost = stage_await(s, LINK_LOST, 1);
    }
    assert_non_null(lost);
    assert_int_equal(lost->epoch, s->epoch);
    link_event_free(lost);
    while (t.sum < count) { /* those handed over after the loss */
        struct link_event *event = stage_expect(s, LINK_PUBLISHED);
        bool *mine = event->message->owner;
        assert_false(*mine);
        *mine = true;
        t.of_status[event->message->status]++;
        t.sum++;
        link_event_free(event);
    }
    assert_int_equal(t.sum, count);
    assert_true(t.of_status[PUBLISH_CONFIRMED] > 0);
    assert_int_equal(t.of_status[PUBLISH_NACKED] + t.of_status[PUBLISH_RETURNED], 0);
    uint32_t depth = stage_depth(keeper, queue);
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
    struct stage keeper;
    struct stage s;
    char queue[40];
    stage_open(&keeper);
    stage_queue(&keeper, queue);
    open_through(&s, p, 10);
    publish_until_lost(&s, &keeper, queue, breaks, p);
    stage_pass(&s, LINK_OPEN);
    assert_int_equal(s.epoch, 2);
    struct message *m = stage_message("crew.test.none", "x", 1);
    assert_int_equal(stage_publish(&s, m), PUBLISH_CONFIRMED);
    stage_close(&s);
    stage_close(&keeper);
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

static void control(const char *words) {
    char command[1000];
    snprintf(command, sizeof command, "%s ctl '%s' %s >/dev/null", PRIVATE_BROKER,
             getenv("CREW_TEST_BROKER"), words);
    int status = system(command);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void close_all(void *arg) {
    (void)arg;
    control("close_all_connections -p crew.test 'for a test'");
}

static void test_connections_closed_by_the_broker_under_load(void **state) {
    (void)state;
    if (getenv("CREW_TEST_BROKER") == NULL)
        skip();
    struct crew_broker broker;
    struct stage keeper;
    struct stage s;
    control("add_vhost crew.test");
    control("set_permissions -p crew.test guest '.*' '.*' '.*'");
    stage_broker(&broker);
    free(broker.urls[0].vhost);
    broker.urls[0].vhost = xstrdup("crew.test");
    struct crew_broker copy;
    assert_int_equal(crew_broker_copy(&copy, &broker), CREW_OK);
    stage_start(&keeper, &broker);
    stage_pass(&keeper, LINK_OPEN);
    struct link_op *op = link_op_new(LINK_DECLARE_QUEUE, "durable");
    op->durable = true;
    stage_must(&keeper, op);
    stage_start(&s, &copy);
    stage_pass(&s, LINK_OPEN);

    /* The keeper is closed as well: it comes back before it counts. */
    bool done[2000] = {0};
    struct tally t = {0};
    for (int i = 0; i < 2000; i++) {
        struct message *m = stage_message("durable", "x", 1);
        m->owner = &done[i];
        link_publish(s.link, s.epoch, m);
    }
    close_all(NULL);
    expect_text(&s, LINK_LOST, "CONNECTION_FORCED");
    on_published(&s, &t, done);
    assert_int_equal(t.sum, 2000);
    stage_pass(&keeper, LINK_LOST);
    stage_pass(&keeper, LINK_OPEN);
    stage_pass(&s, LINK_OPEN);
    assert_in_range(stage_depth(&keeper, "durable"), t.of_status[PUBLISH_CONFIRMED],
                    t.of_status[PUBLISH_CONFIRMED] + t.of_status[PUBLISH_UNKNOWN]);
    stage_close(&s);
    stage_close(&keeper);
    control("delete_vhost crew.test");
}

/* ---- silence ---- */

static void test_a_black_hole_is_noticed_within_two_heartbeats(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    struct stage s;
    open_through(&s, p, 1);
    proxy_hole(p, true);
    uint64_t begin_ms = clock_ms();
    link_publish(s.link, s.epoch, stage_message("q", "x", 1));
    expect_text(&s, LINK_LOST, "no data");
    assert_in_range(clock_ms() - begin_ms, 900, 4000);
    struct link_event *event = stage_expect(&s, LINK_PUBLISHED);
    assert_int_equal(event->message->status, PUBLISH_UNKNOWN);
    link_event_free(event);
    proxy_hole(p, false);
    proxy_cut(p, false); /* the attempt that waits in the hole */
    stage_pass(&s, LINK_OPEN);
    stage_close(&s);
    proxy_free(p);
}

/* What did not fit into the socket any more was not sent. */
static void test_a_black_hole_leaves_messages_unsent(void **state) {
    (void)state;
    enum { COUNT = 40, BYTES = 1 << 20 };
    struct proxy *p = proxy_new();
    struct stage s;
    unsigned unknown = 0;
    unsigned unsent = 0;
    open_through(&s, p, 1);
    proxy_hole(p, true);
    char *body = xcalloc(1, BYTES);
    for (int i = 0; i < COUNT; i++)
        link_publish(s.link, s.epoch, stage_message("q", body, BYTES));
    free(body);
    for (int i = 0; i < COUNT; i++) {
        struct link_event *event = stage_expect(&s, LINK_PUBLISHED);
        unknown += event->message->status == PUBLISH_UNKNOWN;
        unsent += event->message->status == PUBLISH_UNSENT;
        link_event_free(event);
    }
    assert_int_equal(unknown + unsent, COUNT);
    assert_true(unknown > 0);
    assert_true(unsent > 0);
    stage_pass(&s, LINK_LOST);
    proxy_hole(p, false);
    proxy_cut(p, false);
    stage_close(&s);
    proxy_free(p);
}

/* Four heartbeats long nothing happens, and that is all that happens. */
static void test_an_idle_link_is_kept_alive(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    struct stage s;
    open_through(&s, p, 1);
    assert_null(stage_await(&s, LINK_LOST, 4000));
    assert_int_equal(stage_publish(&s, stage_message("crew.test.none", "x", 1)),
                     PUBLISH_CONFIRMED);
    stage_close(&s);
    proxy_free(p);
}

static void test_one_byte_at_a_time(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    struct stage s;
    char queue[40];
    char body[3000];
    memset(body, 'b', sizeof body);
    proxy_trickle(p, true);
    open_through(&s, p, 10);
    stage_queue(&s, queue);
    stage_consume(&s, queue, false);
    assert_int_equal(stage_publish(&s, stage_message(queue, body, sizeof body)),
                     PUBLISH_CONFIRMED);
    struct message *m = stage_delivery(&s);
    assert_int_equal(m->body.len, sizeof body);
    assert_memory_equal(m->body.data, body, sizeof body);
    message_free(m);
    stage_close(&s);
    proxy_free(p);
}

/* ---- leaving ---- */

static void test_free_does_not_wait_for_an_attempt_to_connect(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    struct stage s;
    proxy_hole(p, true);
    proxy_listen(p, true);
    start_through(&s, p, 10);
    assert_null(stage_await(&s, LINK_FAILED, 200)); /* it hangs in its login */
    uint64_t begin_ms = clock_ms();
    stage_close_within(&s, 100);
    assert_true(clock_ms() - begin_ms < 2000);
    proxy_hole(p, false);
    proxy_free(p); /* the thread that was left alone ends by itself */
}

static void test_free_at_any_moment(void **state) {
    (void)state;
    struct proxy *p = proxy_new();
    proxy_listen(p, true);
    for (unsigned i = 0; i < 40; i++) {
        struct stage s;
        start_through(&s, p, 10);
        struct link_event *open = stage_await(&s, LINK_OPEN, i % 20 * 2);
        if (open != NULL)
            link_publish(s.link, s.epoch, stage_message("crew.test.none", "x", 1));
        link_event_free(open);
        stage_close_within(&s, i % 2 ? 1000 : 0);
    }
    proxy_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent_broker_is_waited_for),
        cmocka_unit_test(test_addresses_are_tried_in_turn),
        cmocka_unit_test(test_a_loss_is_tried_at_the_same_address),
        cmocka_unit_test(test_sent_to_another_address),
        cmocka_unit_test(test_sent_back_at_once_it_leaves_all_the_same),
        cmocka_unit_test(test_an_unknown_host_is_said),
        cmocka_unit_test(test_cut_under_load),
        cmocka_unit_test(test_reset_under_load),
        cmocka_unit_test(test_connections_closed_by_the_broker_under_load),
        cmocka_unit_test(test_a_black_hole_is_noticed_within_two_heartbeats),
        cmocka_unit_test(test_a_black_hole_leaves_messages_unsent),
        cmocka_unit_test(test_an_idle_link_is_kept_alive),
        cmocka_unit_test(test_one_byte_at_a_time),
        cmocka_unit_test(test_free_does_not_wait_for_an_attempt_to_connect),
        cmocka_unit_test(test_free_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
