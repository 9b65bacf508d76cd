/* A subscriber with a broker, through the public header. */
#include "caller.h"
#include "cmocka_all.h"
#include "link_fixture.h"
#include "listener.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static crew_client *client;
static crew_subscriber *subscriber;
static struct listener first, second;
static char channel[64];

static int open_all(void **state) {
    (void)state;
    caller_task(channel, sizeof channel);
    client = caller_open(NULL);
    subscriber = listener_subscriber(NULL, NULL);
    listener_until_live(subscriber);
    return 0;
}

static int close_all(void **state) {
    (void)state;
    crew_client_free(client);
    crew_subscriber_free(subscriber);
    return 0;
}

static void publish_to(const char *to, const char *body) {
    const struct crew_publication p = {.channel = to,
                                       .content_type = "text/plain",
                                       .body = body,
                                       .body_bytes = strlen(body)};
    assert_int_equal(crew_client_publish_wait(client, &p, NULL), 0);
}

static void publish(const char *body) {
    publish_to(channel, body);
}

static void publish_numbers(unsigned count) {
    char body[16];
    for (unsigned i = 0; i < count; i++) {
        snprintf(body, sizeof body, "%u", i);
        publish(body);
    }
}

static struct crew_subscription_options from_now_on(void) {
    return (struct crew_subscription_options){.channel = channel};
}

static struct crew_subscription_options since(uint64_t cursor) {
    return (struct crew_subscription_options){
        .channel = channel, .since = true, .cursor = cursor};
}

static void test_messages_from_now_on(void **state) {
    (void)state;
    const struct crew_subscription_options options = from_now_on();
    listener_start(&first, subscriber, &options);
    publish("one");
    publish("two");
    listener_until(&first, 2);
    assert_string_equal(first.received[0].body, "one");
    assert_string_equal(first.received[0].channel, channel);
    assert_string_equal(first.received[0].content_type, "text/plain");
    assert_non_null(strstr(first.received[0].id, ".1"));
    assert_string_equal(first.received[1].body, "two");
    assert_true(first.received[1].cursor > first.received[0].cursor);
    assert_false(first.received[0].gap);
    assert_true(listener_cursor(&first) >= first.received[1].cursor);
}

/* A subscription with a cursor gets the messages since then, from any subscriber. */
static void test_messages_since_a_cursor(void **state) {
    (void)state;
    struct crew_subscription_options options = from_now_on();
    listener_start(&first, subscriber, &options);
    publish_numbers(5);
    listener_until(&first, 5);
    options = since(first.received[1].cursor);
    listener_start(&second, subscriber, &options);
    listener_take(&second);
    assert_int_equal(second.count, 3);
    assert_string_equal(second.received[0].body, "2");
    assert_false(second.received[0].gap);
    listener_stop(&second);

    crew_subscriber *other = listener_subscriber(NULL, NULL);
    listener_start(&second, other, &options);
    listener_until(&second, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(second.received[i].cursor, first.received[i + 2].cursor);
        assert_string_equal(second.received[i].id, first.received[i + 2].id);
        assert_false(second.received[i].gap);
    }
    crew_subscriber_free(other);
}

static void test_callback_without_polling(void **state) {
    (void)state;
    struct crew_subscription_options options = from_now_on();
    listener_start(&first, subscriber, &options);
    publish_numbers(3);
    listener_until(&first, 3);
    options = since(first.received[0].cursor);
    listener_start(&second, subscriber, &options);
    listener_until(&second, 2);
    assert_int_equal(second.calls, 1);
}

/* A subscription that does not read is called once, and loses nothing. */
static void test_a_slow_subscription_keeps_its_cursor(void **state) {
    (void)state;
    struct crew_subscription_options options = from_now_on();
    listener_start(&first, subscriber, &options);
    listener_start(&second, subscriber, &options);
    second.idle = true;
    publish_numbers(20);
    listener_until(&first, 20);
    assert_int_equal(second.calls, 1);
    second.idle = false;
    listener_take(&second);
    assert_int_equal(second.count, 20);
    assert_string_equal(second.received[19].body, "19");
    publish("more");
    listener_until(&second, 21);
}

static void test_freed_subscriptions_are_not_called(void **state) {
    (void)state;
    struct crew_subscription_options options = from_now_on();
    listener_start(&first, subscriber, &options);
    listener_start(&second, subscriber, &options);
    listener_stop(&second);
    publish("one");
    listener_until(&first, 1);
    assert_int_equal(second.calls, 0);
}

static void test_patterns(void **state) {
    (void)state;
    char names[4][80], list[300];
    const char *const ends[] = {"a.x", "a.y", "b", "b.x.y"};
    for (size_t i = 0; i < 4; i++)
        snprintf(names[i], sizeof names[i], "%s.%s", channel, ends[i]);
    snprintf(list, sizeof list, "%s.a.*,%s.a.x,%s.b.#", channel, channel, channel);
    const struct crew_subscription_options options = {.channel = list, .pattern = true};
    listener_start(&first, subscriber, &options);
    publish("not this one");
    for (size_t i = 0; i < 4; i++)
        publish_to(names[i], ends[i]);
    listener_until(&first, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(first.received[i].channel, names[i]);
    struct crew_subscription_options later = options;
    later.since = true;
    later.cursor = first.received[1].cursor;
    listener_start(&second, subscriber, &later);
    listener_take(&second);
    assert_int_equal(second.count, 2);
    assert_string_equal(second.received[0].body, "b");
    publish_to(names[0], "again");
    listener_until(&second, 3);
}

static void never(void *arg, crew_subscription *subscription) {
    (void)arg;
    (void)subscription;
    fail();
}

static void test_invalid_channels(void **state) {
    (void)state;
    static const char *const bad[] = {NULL, "", "a.*", "#", "a\nb", "\xff"};
    static const char *const bad_patterns[] = {NULL, "", "a,,b", ",", "a\nb", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct crew_subscription_options options = {.channel = bad[i],
                                                    .on_messages = never};
        crew_subscription *n;
        assert_int_equal(crew_subscription_new(subscriber, &options, &n), CREW_EINVAL);
        options.pattern = true;
        options.channel = bad_patterns[i];
        assert_int_equal(crew_subscription_new(subscriber, &options, &n), CREW_EINVAL);
    }
}

/* Messages that were evicted from the history lead to a gap. */
static void test_a_gap_is_reported(void **state) {
    (void)state;
    const struct crew_subscriber_options small = {.history_bytes = 8000};
    struct crew_subscription_options options = from_now_on();
    listener_start(&first, subscriber, &options);
    publish_numbers(200);
    listener_until(&first, 200);
    crew_subscriber *other = listener_subscriber(NULL, &small);
    listener_until_live(other);
    options = since(first.received[0].cursor);
    listener_start(&second, other, &options);
    listener_take(&second);
    assert_in_range(second.count, 2, 150);
    assert_true(second.received[0].gap);
    for (size_t i = 1; i < second.count; i++)
        assert_false(second.received[i].gap);
    assert_string_equal(second.received[second.count - 1].body, "199");
    crew_subscriber_free(other);
}

/* A cursor after the end of the history is another history's, or invalid. */
static void test_an_invalid_cursor(void **state) {
    (void)state;
    publish("old");
    struct crew_subscription_options options = since(UINT64_MAX - 1);
    listener_start(&first, subscriber, &options);
    options = since(1000000000000);
    listener_start(&second, subscriber, &options);
    listener_until(&first, 1);
    listener_until(&second, 1);
    assert_true(first.received[0].gap);
    assert_true(second.received[0].gap);
    publish("new");
    listener_until(&first, 2);
    assert_false(first.received[1].gap);
}

/* A cursor that this subscriber has not read yet is valid. */
static void test_a_cursor_ahead(void **state) {
    (void)state;
    crew_subscriber *other = listener_subscriber(NULL, NULL);
    listener_until_live(other);
    struct crew_subscription_options options = from_now_on();
    listener_start(&first, other, &options);
    publish("one");
    listener_until(&first, 1);
    options = since(first.received[0].cursor); /* SUBSCRIBER has not dispatched yet */
    listener_start(&second, subscriber, &options);
    publish("two");
    listener_until(&second, 1);
    assert_string_equal(second.received[0].body, "two");
    assert_false(second.received[0].gap);
    crew_subscriber_free(other);
}

static void send_raw(struct link_fixture *s, const char *exchange, const char *key,
                     const char *id, const char *body) {
    const struct message_properties p = {
        .exchange = exchange, .routing_key = key, .message_id = id};
    struct message *m = message_new(&p);
    buffer_append_text(&m->body, body);
    assert_int_equal(link_fixture_publish(s, m), PUBLISH_CONFIRMED);
}

/* Repeated publications are dropped. Ids of another form are never repetitions. Messages
 * that did not come through the exchange are ignored. */
static void test_repeated_publications_are_dropped(void **state) {
    (void)state;
    static const struct {
        const char *id;
        bool comes;
    } rows[] = {{"p.1", true},  {"p.2", true},  {"p.1", false}, {"p.2", false},
                {"q.1", true},  {"p.3", true},  {NULL, true},   {NULL, true},
                {"same", true}, {"same", true}, {"p.x", true},  {"p.x", true},
                {"p.5", true},  {"p.4", false}};
    struct link_fixture link;
    link_fixture_open(&link);
    char prefix[80], id[120], body[8];
    caller_task(prefix, sizeof prefix);
    struct crew_subscription_options options = from_now_on();
    listener_start(&first, subscriber, &options);
    size_t expected = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(id, sizeof id, "%s.%s", prefix, rows[i].id ? rows[i].id : "");
        snprintf(body, sizeof body, "%zu", i);
        send_raw(&link, "crew.pubsub", channel, rows[i].id ? id : NULL, body);
    }
    send_raw(&link, "", "crew.history", NULL, "straight into the queue");
    send_raw(&link, "crew.pubsub", "a\nb", NULL, "to no channel");
    publish("last");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expected += rows[i].comes;
    listener_until(&first, expected + 1);
    size_t at = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].comes)
            assert_int_equal(atoi(first.received[at++].body), i);
    assert_string_equal(first.received[at].body, "last");
    assert_string_equal(first.received[4].id, "");
    assert_string_equal(first.received[4].content_type, "application/octet-stream");
    link_fixture_close(&link);
}

static unsigned many_called;

static void count_and_free(void *arg, crew_subscription *subscription) {
    (void)arg;
    many_called++;
    crew_subscription_free(subscription);
}

/* More subscriptions than are called back at once; each is freed in its callback. */
static void test_many_at_once(void **state) {
    (void)state;
    enum { MANY = 2000 };
    struct crew_subscription_options options = from_now_on();
    crew_subscription *n;
    options.on_messages = count_and_free;
    many_called = 0;
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(crew_subscription_new(subscriber, &options, &n), 0);
    listener_start(&first, subscriber, &options); /* the last of them */
    publish("one");
    listener_until(&first, 1);
    assert_int_equal(many_called, MANY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_messages_from_now_on),
        TEST(test_messages_since_a_cursor),
        TEST(test_callback_without_polling),
        TEST(test_a_slow_subscription_keeps_its_cursor),
        TEST(test_freed_subscriptions_are_not_called),
        TEST(test_patterns),
        TEST(test_invalid_channels),
        TEST(test_a_gap_is_reported),
        TEST(test_an_invalid_cursor),
        TEST(test_a_cursor_ahead),
        TEST(test_repeated_publications_are_dropped),
        TEST(test_many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
