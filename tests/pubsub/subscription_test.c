/* pubsub/subscription.h on a history in memory: what a subscription reads, in which
 * order, and when it is called back. A random run is compared with the log of everything
 * that was added. */
#include "pubsub/pattern.h"
#include "pubsub/subscription.h"
#include "unit.h"

#define HOUR_MS 3600000u

static struct history history;
static struct subscriptions subscriptions;
static uint64_t next_cursor;

static int begin_with(size_t max_bytes) {
    history_init(&history, max_bytes, HOUR_MS);
    subscriptions_init(&subscriptions, &history);
    next_cursor = 1;
    return 0;
}

static int begin(void **state) {
    (void)state;
    return begin_with(1u << 20);
}

static int end(void **state) {
    (void)state;
    subscriptions_fini(&subscriptions);
    history_fini(&history);
    return 0;
}

static uint64_t publish(const char *channel) {
    const struct message_properties p = {.exchange = "", .routing_key = channel};
    const struct history_entry *entry =
        history_add(&history, message_new(&p), next_cursor, 0);
    assert_non_null(entry);
    subscriptions_add_entry(&subscriptions, entry);
    return next_cursor++;
}

static void count_call(void *arg, crew_subscription *n) {
    (void)n;
    ++*(unsigned *)arg;
}

static unsigned calls;

static crew_subscription *subscribe(const char *channel, bool pattern, bool since,
                                    uint64_t cursor) {
    const struct crew_subscription_options options = {.channel = channel,
                                                      .pattern = pattern,
                                                      .since = since,
                                                      .cursor = cursor,
                                                      .on_messages = count_call,
                                                      .arg = &calls};
    crew_subscription *n;
    calls = 0;
    assert_int_equal(subscription_new(&subscriptions, &options, &n), 0);
    if (!subscription_begin(n, &options, false))
        subscription_wait_for_marker(n, &options, 1);
    return n;
}

static uint64_t next(crew_subscription *n, bool *gap) {
    struct crew_subscribed message;
    if (!crew_subscription_next(n, &message))
        return 0;
    *gap = message.gap;
    return message.cursor;
}

/* ---- positions ---- */

static void test_without_a_cursor_begins_at_its_marker(void **state) {
    (void)state;
    bool gap;
    publish("a");
    crew_subscription *n = subscribe("a", false, false, 0);
    uint64_t cursor;
    assert_int_equal(subscription_state(n), SUBSCRIPTION_UNPOSITIONED);
    assert_false(crew_subscription_cursor(n, &cursor));
    publish("a");
    subscriptions_receive_marker(&subscriptions, 0);
    assert_int_equal(subscription_state(n), SUBSCRIPTION_UNPOSITIONED);
    subscriptions_receive_marker(&subscriptions, 1);
    assert_int_equal(subscription_state(n), SUBSCRIPTION_WAITING);
    assert_int_equal(next(n, &gap), 0);
    uint64_t third = publish("a");
    assert_int_equal(next(n, &gap), third);
    assert_false(gap);
}

static void test_cursor_that_was_read_begins_at_once(void **state) {
    (void)state;
    bool gap;
    uint64_t first = publish("a");
    uint64_t second = publish("a");
    crew_subscription *n = subscribe("a", false, true, first);
    assert_int_equal(subscription_state(n), SUBSCRIPTION_DUE);
    assert_int_equal(next(n, &gap), second);
    assert_false(gap);
}

static void test_cursor_ahead_waits(void **state) {
    (void)state;
    bool gap;
    publish("a");
    crew_subscription *n = subscribe("a", false, true, 3);
    assert_int_equal(subscription_state(n), SUBSCRIPTION_AHEAD);
    publish("a"); /* 2 and 3 were read by the subscriber that gave the cursor */
    publish("a");
    assert_int_equal(subscription_state(n), SUBSCRIPTION_AHEAD);
    uint64_t fourth = publish("a");
    assert_int_equal(subscription_state(n), SUBSCRIPTION_DUE);
    assert_int_equal(next(n, &gap), fourth);
    assert_false(gap);
}

static void test_cursor_of_another_history_has_a_gap(void **state) {
    (void)state;
    bool gap;
    uint64_t first = publish("a");
    crew_subscription *n = subscribe("a", false, true, 1000);
    subscriptions_receive_marker(&subscriptions, 1);
    assert_int_equal(next(n, &gap), first);
    assert_true(gap);
}

static void test_restart_is_a_gap(void **state) {
    (void)state;
    bool gap;
    publish("a");
    crew_subscription *n = subscribe("a", false, true, 1);
    subscriptions_restart(&subscriptions);
    history_restart(&history, 0);
    next_cursor = 1;
    uint64_t first = publish("a");
    assert_int_equal(next(n, &gap), first);
    assert_true(gap);
    uint64_t second = publish("a");
    assert_int_equal(next(n, &gap), second);
    assert_false(gap);
}

/* ---- callbacks ---- */

static void test_called_once_until_everything_is_read(void **state) {
    (void)state;
    bool gap;
    publish("a.b");
    crew_subscription *n = subscribe("a.*,#.b", true, true, 1);
    publish("a.b"); /* both patterns match */
    publish("a.c");
    assert_false(subscriptions_flush(&subscriptions));
    assert_false(subscriptions_flush(&subscriptions));
    assert_int_equal(calls, 1);
    assert_int_equal(next(n, &gap), 2);
    publish("a.d");
    subscriptions_flush(&subscriptions);
    assert_int_equal(calls, 1); /* it has not read everything */
    assert_int_equal(next(n, &gap), 3);
    assert_int_equal(next(n, &gap), 4);
    assert_int_equal(next(n, &gap), 0);
    publish("other");
    subscriptions_flush(&subscriptions);
    assert_int_equal(calls, 1);
    publish("a.b");
    subscriptions_flush(&subscriptions);
    assert_int_equal(calls, 2);
}

static void test_flush_is_bounded(void **state) {
    (void)state;
    enum { COUNT = 600 };
    publish("a");
    for (int i = 0; i < COUNT; i++)
        subscribe("a", false, true, 1);
    publish("a");
    unsigned flushes = 1;
    while (subscriptions_flush(&subscriptions)) {
        assert_in_range(calls, 1, 256 * flushes);
        flushes++;
    }
    assert_int_equal(calls, COUNT);
    assert_int_equal(flushes, 3);
}

static void test_invalid_options(void **state) {
    (void)state;
    crew_subscription *n;
    struct crew_subscription_options options = {.channel = "a"};
    assert_int_equal(subscription_new(&subscriptions, &options, &n), CREW_EINVAL);
    options.on_messages = count_call;
    options.channel = "";
    assert_int_equal(subscription_new(&subscriptions, &options, &n), CREW_EINVAL);
    options.channel = "a,,b";
    options.pattern = true;
    assert_int_equal(subscription_new(&subscriptions, &options, &n), CREW_EINVAL);
}

/* ---- a random run ---- */

enum { SUBSCRIPTIONS = 40, STEPS = 20000, MESSAGES = STEPS + 1 };

static const char *const channels[] = {"a", "b", "a.b", "a.c", "b.c.d"};
static const char *const patterns[] = {"a", "a.*", "#", "b.#,a.b", "*.c"};
enum { CHANNELS = sizeof channels / sizeof *channels };

static unsigned logged[MESSAGES]; /* channel by cursor */

struct reader {
    crew_subscription *subscription;
    unsigned listens_to; /* index of channels or patterns */
    bool pattern;
    uint64_t cursor; /* of the last message that it has read */
};
static struct reader readers[SUBSCRIPTIONS];

static uint32_t seed;

static uint32_t below(uint32_t bound) {
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)seed * bound) >> 32);
}

static bool is_for(const struct reader *r, unsigned channel) {
    if (!r->pattern)
        return r->listens_to == channel;
    char list[32];
    snprintf(list, sizeof list, "%s", patterns[r->listens_to]);
    for (char *one = strtok(list, ","); one != NULL; one = strtok(NULL, ","))
        if (channel_pattern_matches(one, channels[channel]))
            return true;
    return false;
}

/* The first message for R after its cursor, from cursor FROM on; 0: none. */
static uint64_t expected(const struct reader *r, uint64_t from) {
    uint64_t cursor = r->cursor + 1 > from ? r->cursor + 1 : from;
    for (; cursor < next_cursor; cursor++)
        if (is_for(r, logged[cursor]))
            return cursor;
    return 0;
}

/* It reads the oldest message that is left of those for it. There is a gap if one for it
 * was dropped, and none if nothing was dropped since its cursor. */
static void read_one(struct reader *r) {
    bool gap = false;
    uint64_t complete_from = history_complete_from(&history);
    uint64_t cursor = next(r->subscription, &gap);
    assert_int_equal(cursor, expected(r, complete_from));
    if (cursor == 0)
        return;
    if (expected(r, 1) < cursor)
        assert_true(gap);
    if (complete_from <= r->cursor + 1)
        assert_false(gap);
    r->cursor = cursor;
}

static void start(struct reader *r) {
    crew_subscription_free(r->subscription);
    *r = (struct reader){.pattern = below(2) == 0, .listens_to = below(CHANNELS)};
    r->cursor = below((uint32_t)next_cursor);
    r->subscription =
        subscribe(r->pattern ? patterns[r->listens_to] : channels[r->listens_to],
                  r->pattern, true, r->cursor);
}

/* A subscription that is not called back has nothing to read. */
static void check_idle(void) {
    while (subscriptions_flush(&subscriptions))
        ;
    for (size_t i = 0; i < SUBSCRIPTIONS; i++)
        if (readers[i].subscription != NULL &&
            subscription_state(readers[i].subscription) == SUBSCRIPTION_WAITING)
            assert_int_equal(expected(&readers[i], history_complete_from(&history)), 0);
}

static void run_randomly(uint32_t first_seed) {
    begin_with(20000);
    memset(readers, 0, sizeof readers);
    seed = first_seed;
    for (unsigned step = 0; step < STEPS; step++) {
        struct reader *r = &readers[below(SUBSCRIPTIONS)];
        unsigned channel = below(CHANNELS);
        switch (below(4)) {
        case 0:
            logged[next_cursor] = channel;
            publish(channels[channel]);
            break;
        case 1:
            if (r->subscription == NULL || below(20) == 0)
                start(r);
            break;
        default:
            if (r->subscription != NULL)
                read_one(r);
        }
        if (step % 100 == 0)
            check_idle();
    }
    for (size_t i = 0; i < SUBSCRIPTIONS; i++)
        crew_subscription_free(readers[i].subscription);
    end(NULL);
}

static void test_random_run(void **state) {
    (void)state;
    for (uint32_t first_seed = 1; first_seed <= 5; first_seed++)
        run_randomly(first_seed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_without_a_cursor_begins_at_its_marker),
        TEST(test_cursor_that_was_read_begins_at_once),
        TEST(test_cursor_ahead_waits),
        TEST(test_cursor_of_another_history_has_a_gap),
        TEST(test_restart_is_a_gap),
        TEST(test_called_once_until_everything_is_read),
        TEST(test_flush_is_bounded),
        TEST(test_invalid_options),
        cmocka_unit_test(test_random_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
