/* pubsub/dedup.h: which publications are repetitions. */
#include "pubsub/dedup.h"
#include "unit.h"

static struct dedup dedup;
static struct dedup_publisher *publisher;

static int end(void **state) {
    (void)state;
    dedup_fini(&dedup);
    return 0;
}

static bool add(const char *id, uint64_t cursor) {
    return dedup_add(&dedup, id, cursor, &publisher);
}

static void test_numbers_increase(void **state) {
    (void)state;
    assert_true(add("p.1", 1));
    assert_non_null(publisher);
    assert_false(add("p.1", 2));
    assert_true(add("p.5", 3));
    assert_false(add("p.4", 4));
    assert_false(add("p.05", 5));
    assert_true(add("q.1", 6));
    assert_true(add("p.q.1", 7)); /* the publisher is p.q */
}

static void test_other_ids_are_never_repetitions(void **state) {
    (void)state;
    static const char *const ids[] = {
        NULL,  "",    "p",    "p.",   ".1",
        "p.0", "p.x", "p.-1", "p.1x", "p.99999999999999999999",
        "p. 1"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        for (uint64_t cursor = 1; cursor <= 2; cursor++) {
            assert_true(add(ids[i], cursor));
            assert_null(publisher);
        }
    assert_null(dedup.publishers);
}

static void test_largest_number(void **state) {
    (void)state;
    assert_true(add("p.1844674407370955160", 1));
    assert_false(add("p.1844674407370955159", 2));
}

/* A publisher is forgotten with the message that has its highest number, not before. */
static void test_publisher_is_forgotten_with_its_last_message(void **state) {
    (void)state;
    assert_true(add("p.1", 1));
    struct dedup_publisher *first = publisher;
    assert_true(add("p.2", 2));
    assert_ptr_equal(publisher, first);
    dedup_remove(&dedup, publisher, 1);
    assert_false(add("p.2", 3));
    dedup_remove(&dedup, publisher, 3); /* null: a repetition has no publisher */
    dedup_remove(&dedup, first, 2);
    assert_null(dedup.publishers);
    assert_true(add("p.1", 4));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_numbers_increase, end),
        cmocka_unit_test_teardown(test_other_ids_are_never_repetitions, end),
        cmocka_unit_test_teardown(test_largest_number, end),
        cmocka_unit_test_teardown(test_publisher_is_forgotten_with_its_last_message, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
