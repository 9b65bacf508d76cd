/* pubsub/history.h compared with a list of all messages that were added. */
#include "base/clock.h"
#include "base/random.h"
#include "pubsub/history.h"
#include "unit.h"
#include <stdio.h>

#define HOUR_MS 3600000u
#define ADDED 3000
#define CHANNELS 7

static struct history history;

static struct {
    uint64_t cursor;
    unsigned channel;
} added[ADDED];
static size_t added_count;

static int begin(void **state) {
    (void)state;
    history_init(&history, 100000, HOUR_MS);
    added_count = 0;
    return 0;
}

static int end(void **state) {
    (void)state;
    history_fini(&history);
    return 0;
}

static struct message *new_message(const char *channel, const char *id) {
    const struct message_properties p = {
        .exchange = "", .routing_key = channel, .message_id = id};
    struct message *m = message_new(&p);
    buffer_append_text(&m->body, "hello");
    return m;
}

static const struct history_entry *add(const char *channel, const char *id,
                                       uint64_t cursor, uint64_t age_ms) {
    return history_add(&history, new_message(channel, id), cursor, age_ms);
}

static void name_of(unsigned channel, char name[16]) {
    snprintf(name, 16, "channel.%u", channel);
}

/* Cursors have gaps, as in a stream. */
static void add_some(size_t count) {
    uint64_t cursor = added_count > 0 ? added[added_count - 1].cursor : 41;
    for (size_t i = 0; i < count; i++) {
        char name[16];
        unsigned channel = random_below(CHANNELS);
        cursor += 1 + random_below(3);
        name_of(channel, name);
        assert_non_null(add(name, NULL, cursor, 0));
        added[added_count].cursor = cursor;
        added[added_count++].channel = channel;
    }
}

/* The next cursor after CURSOR in a channel; 0: none, or it was dropped. */
static uint64_t expected_after(unsigned channel, uint64_t cursor) {
    for (size_t i = 0; i < added_count; i++)
        if (added[i].channel == channel && added[i].cursor > cursor &&
            added[i].cursor >= history.complete_from)
            return added[i].cursor;
    return 0;
}

static void compare(void) {
    for (unsigned channel = 0; channel < CHANNELS; channel++) {
        char name[16];
        name_of(channel, name);
        struct history_channel *held = history_hold(&history, name);
        for (unsigned i = 0; i < 50; i++) {
            uint64_t cursor = random_below((uint32_t)history.next_cursor + 5);
            const struct history_entry *entry = history_after(&history, held, cursor);
            assert_int_equal(entry != NULL ? entry->cursor : 0,
                             expected_after(channel, cursor));
        }
        history_release(&history, held);
    }
}

static void test_entries_after_a_cursor(void **state) {
    (void)state;
    compare();
    for (unsigned i = 0; i < 30; i++) {
        add_some(ADDED / 30);
        compare();
    }
    assert_in_range(history.bytes, 50000, 100000);
    assert_true(history.complete_from > added[ADDED / 2].cursor);
}

static void test_entries_of_all_channels(void **state) {
    (void)state;
    assert_int_equal(history_seq_after(&history, 0), history.next_seq);
    add_some(500);
    uint64_t seq = history_seq_after(&history, added[added_count - 3].cursor);
    assert_int_equal(history.next_seq - seq, 2);
    assert_int_equal(history_at(&history, seq)->cursor, added[added_count - 2].cursor);
    assert_int_equal(history_seq_after(&history, 0), history.first_seq);
    assert_int_equal(history_seq_after(&history, UINT64_MAX), history.next_seq);
}

static void test_the_newest_entry_stays_however_large(void **state) {
    (void)state;
    struct message *m = new_message("large", NULL);
    add("small", NULL, 1, 0);
    assert_non_null(buffer_reserve(&m->body, 200000));
    assert_non_null(history_add(&history, m, 2, 0));
    assert_int_equal(history.next_seq - history.first_seq, 1);
    assert_int_equal(history.complete_from, 2);
    add("small", NULL, 3, 0);
    assert_int_equal(history_at(&history, history.first_seq)->cursor, 3);
}

static void test_expired_entries_are_dropped(void **state) {
    (void)state;
    add("a", NULL, 1, HOUR_MS + 1); /* too old already */
    add("a", NULL, 2, HOUR_MS - 60000);
    add("b", NULL, 3, 0);
    uint64_t now_ms = clock_ms();
    assert_in_range(history_expire(&history, now_ms), now_ms + 50000, now_ms + 60000);
    assert_int_equal(history.complete_from, 2);
    assert_true(history_expire(&history, now_ms + 70000) > now_ms + 70000);
    assert_int_equal(history.complete_from, 3);
    assert_int_equal(history_expire(&history, now_ms + 2 * HOUR_MS), 0);
    assert_int_equal(history.bytes, 0);
    assert_null(history.channels);
}

static void test_repeated_publications(void **state) {
    (void)state;
    assert_non_null(add("a", "p.1", 1, 0));
    assert_null(add("a", "p.1", 2, 0));
    assert_null(add("b", "p.1", 3, 0));
    assert_non_null(add("b", "q.1", 4, 0));
    assert_non_null(add("b", "p.1.1", 5, 0));
    assert_non_null(add("b", ".1", 6, 0)); /* no publisher */
    assert_non_null(add("b", ".1", 7, 0));
    assert_non_null(add("b", "p.99999999999999999999", 8, 0)); /* not a number */
    assert_non_null(add("b", "p.99999999999999999999", 9, 0));
    assert_non_null(add("b", "p.2", 10, 0));
    assert_int_equal(history.next_cursor, 11);
    /* A publisher is forgotten with its last message. */
    history_expire(&history, clock_ms() + 2 * HOUR_MS);
    assert_null(history.dedup.publishers);
}

static void test_restart(void **state) {
    (void)state;
    struct history_channel *held = history_hold(&history, "held");
    add("held", "p.1", 5, 0);
    assert_int_equal(history.complete_from, 5);
    history_restart(&history, 0);
    assert_null(history_after(&history, held, 0));
    add("held", "p.1", 0, 0);
    history_skip(&history, 1);
    assert_int_equal(history.complete_from, 0);
    assert_int_equal(history.next_cursor, 2);
    history_release(&history, held);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_entries_after_a_cursor),
        TEST(test_entries_of_all_channels),
        TEST(test_the_newest_entry_stays_however_large),
        TEST(test_expired_entries_are_dropped),
        TEST(test_repeated_publications),
        TEST(test_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
