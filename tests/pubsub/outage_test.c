/* The broker is restarted, with and without its history: no message is lost or repeated,
 * and gaps are reported. */
#include "caller.h"
#include "cmocka_all.h"
#include "listener.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static crew_client *client;
static crew_subscriber *subscriber;
static struct listener first, second;
static char channel[64];
static unsigned published;

static int open_all(void **state) {
    (void)state;
    caller_task(channel, sizeof channel);
    client = caller_open(NULL);
    subscriber = listener_subscriber(NULL, NULL);
    listener_until_live(subscriber);
    const struct crew_subscription_options options = {.channel = channel};
    listener_start(&first, subscriber, &options);
    published = 0;
    return 0;
}

static int close_all(void **state) {
    (void)state;
    crew_client_free(client);
    crew_subscriber_free(subscriber);
    return 0;
}

static void publish(unsigned count) {
    char body[16];
    struct crew_publication next = {.channel = channel, .body = body};
    assert_int_equal(crew_client_wait_ready(client, 15000, NULL, 0), 0);
    for (unsigned i = 0; i < count; i++) {
        snprintf(body, sizeof body, "%u", published++);
        next.body_bytes = strlen(body);
        assert_int_equal(crew_client_publish_wait(client, &next, NULL), 0);
    }
}

/* Messages from BODY on, each once and in order. */
static void expect_from(const struct listener *l, unsigned body) {
    for (size_t i = 0; i < l->count; i++)
        assert_int_equal(atoi(l->received[i].body), body + i);
}

static void expect_no_gap(const struct listener *l) {
    for (size_t i = 0; i < l->count; i++)
        assert_false(l->received[i].gap);
}

/* The messages after the outage are published before SUBSCRIBER has noticed the
 * outage. */
static void expect_nothing_is_missed(void (*outage)(void)) {
    publish(10);
    outage();
    publish(10);
    listener_until(&first, 20);
    expect_from(&first, 0);
    expect_no_gap(&first);
    const struct crew_subscription_options options = {
        .channel = channel, .since = true, .cursor = first.received[7].cursor};
    listener_start(&second, subscriber, &options);
    listener_take(&second);
    assert_int_equal(second.count, 12);
    expect_no_gap(&second);
    listener_until_live(subscriber);
    publish(1);
    listener_until(&second, 13);
    expect_from(&second, 8);
}

static void close_connections(void) {
    caller_broker("ctl", "close_all_connections 'for a test'");
}

static void restart(void) {
    caller_broker("restart", "");
}

static void kill_and_restart(void) {
    caller_broker("kill", "");
    caller_broker("restart", "");
}

static void test_connections_are_closed(void **state) {
    (void)state;
    expect_nothing_is_missed(close_connections);
}

static void test_the_broker_is_restarted(void **state) {
    (void)state;
    expect_nothing_is_missed(restart);
}

static void test_the_broker_is_killed(void **state) {
    (void)state;
    expect_nothing_is_missed(kill_and_restart);
}

/* Subscriptions that exist get a gap, and so do new ones with an earlier cursor. */
static void expect_a_gap(void) {
    uint64_t old = first.received[first.count - 1].cursor;
    listener_until_live(subscriber);
    publish(2);
    listener_until(&first, 12);
    expect_from(&first, 0);
    assert_true(first.received[10].gap);
    assert_false(first.received[11].gap);
    const struct crew_subscription_options options = {
        .channel = channel, .since = true, .cursor = old + 1000};
    listener_start(&second, subscriber, &options);
    listener_until(&second, 2);
    assert_true(second.received[0].gap);
    expect_from(&second, 10);
}

static void until_not_live(void) {
    uint64_t until_ms = caller_now_ms() + 15000;
    while (crew_subscriber_state(subscriber) == CREW_SUBSCRIBER_LIVE &&
           caller_now_ms() < until_ms)
        listener_spin(subscriber);
    assert_int_not_equal(crew_subscriber_state(subscriber), CREW_SUBSCRIBER_LIVE);
}

static void test_the_history_is_deleted(void **state) {
    (void)state;
    publish(10);
    listener_until(&first, 10);
    caller_broker("ctl", "delete_queue crew.history");
    until_not_live();
    expect_a_gap();
}

static void test_the_broker_comes_back_without_its_history(void **state) {
    (void)state;
    publish(10);
    listener_until(&first, 10);
    caller_broker("ctl", "close_all_connections 'for a test'");
    caller_broker("ctl", "delete_queue crew.history");
    until_not_live();
    expect_a_gap();
}

/* Memory alarm: messages can still be read, and publishing goes on afterwards. */
static void test_publishers_are_blocked(void **state) {
    (void)state;
    publish(10);
    caller_broker("ctl", "set_vm_memory_high_watermark absolute 1");
    listener_until(&first, 10);
    caller_broker("ctl", "set_vm_memory_high_watermark 0.4");
    publish(10);
    listener_until(&first, 20);
    expect_no_gap(&first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_connections_are_closed),
        TEST(test_the_broker_is_restarted),
        TEST(test_the_broker_is_killed),
        TEST(test_the_history_is_deleted),
        TEST(test_the_broker_comes_back_without_its_history),
        TEST(test_publishers_are_blocked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
