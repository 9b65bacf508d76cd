/* The broker goes and comes back, with its history or without: nothing is missed, nothing
 * comes twice, and what cannot be known is told. */
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

/* From BODY on, each once and in order. */
static void expect_from(const struct listener *l, unsigned body) {
    for (size_t i = 0; i < l->count; i++)
        assert_int_equal(atoi(l->heard[i].body), body + i);
}

static void expect_no_gap(const struct listener *l) {
    for (size_t i = 0; i < l->count; i++)
        assert_false(l->heard[i].gap);
}

/* SUBSCRIBER has not noticed anything yet when the messages behind the outage come. */
static void expect_nothing_is_missed(void (*outage)(void)) {
    publish(10);
    outage();
    publish(10);
    listener_until(&first, 20);
    expect_from(&first, 0);
    expect_no_gap(&first);
    const struct crew_subscription_options options = {
        .channel = channel, .since = true, .cursor = first.heard[7].cursor};
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

/* Whoever is there then is told, and so is who comes with a cursor from before. */
static void expect_a_gap(void) {
    uint64_t old = first.heard[first.count - 1].cursor;
    listener_until_live(subscriber);
    publish(2);
    listener_until(&first, 12);
    expect_from(&first, 0);
    assert_true(first.heard[10].gap);
    assert_false(first.heard[11].gap);
    const struct crew_subscription_options options = {
        .channel = channel, .since = true, .cursor = old + 1000};
    listener_start(&second, subscriber, &options);
    listener_until(&second, 2);
    assert_true(second.heard[0].gap);
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

/* The broker's memory is full: what there is can be read, and it goes on afterwards. */
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
