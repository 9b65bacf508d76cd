/* How many tasks a worker holds (app-worker/scheduler/prefetch.h). */
#include "app-worker/scheduler/prefetch.h"
#include "unit.h"

enum { SHORT_US = 100, SLOW_US = 30000 };

static void test_prefetch_default_is_bounded(void **state) {
    (void)state;
    assert_int_equal(prefetch_default_max(1), 6);
    assert_int_equal(prefetch_default_max(4), 24);
    assert_int_equal(prefetch_default_max(1000), 1064);
}

static void test_prefetch_is_wide_while_handlers_are_short(void **state) {
    struct prefetch prefetch;
    (void)state;
    prefetch_init(&prefetch, 4, 4, 24);
    assert_int_equal(prefetch_limit(&prefetch, 0, true), 4);
    assert_true(prefetch_adapt(&prefetch, SHORT_US, false, 1000));
    assert_int_equal(prefetch.mode, PREFETCH_WIDE);
    assert_int_equal(prefetch_limit(&prefetch, 0, true), 24);
    assert_int_equal(prefetch_limit(&prefetch, 3, true), 27);
    assert_false(prefetch_adapt(&prefetch, SHORT_US, false, 2000)); /* the same */
}

static void test_prefetch_follows_the_run_time(void **state) {
    struct prefetch prefetch;
    (void)state;
    prefetch_init(&prefetch, 4, 4, 24);
    assert_true(prefetch_adapt(&prefetch, 10000, false, 1000));
    assert_int_equal(prefetch.extra, 4); /* 10 ms of work for each process */
    assert_false(prefetch_adapt(&prefetch, SHORT_US, false, 1100)); /* not yet */
    assert_true(prefetch_adapt(&prefetch, SHORT_US, false, 1250));
    assert_int_equal(prefetch.extra, 20);
}

static void test_prefetch_is_narrow_at_once_when_handlers_are_slow(void **state) {
    struct prefetch prefetch;
    (void)state;
    prefetch_init(&prefetch, 4, 4, 24);
    assert_true(prefetch_adapt(&prefetch, SHORT_US, false, 1000));
    assert_true(prefetch_adapt(&prefetch, SLOW_US, false, 1001));
    assert_int_equal(prefetch.mode, PREFETCH_NARROW);
    assert_int_equal(prefetch_limit(&prefetch, 0, true), 4);
}

static void test_prefetch_is_narrow_where_handlers_call_their_worker(void **state) {
    struct prefetch prefetch;
    (void)state;
    prefetch_init(&prefetch, 4, 4, 24);
    assert_false(prefetch_adapt(&prefetch, SHORT_US, true, 1000));
    assert_true(prefetch_adapt(&prefetch, SHORT_US, false, 1000));
    assert_true(prefetch_adapt(&prefetch, SHORT_US, true, 1001));
    assert_int_equal(prefetch.mode, PREFETCH_NARROW);
}

static void test_prefetch_saturated_takes_nothing_until_it_relaxes(void **state) {
    struct prefetch prefetch;
    (void)state;
    prefetch_init(&prefetch, 4, 4, 24);
    assert_true(prefetch_adapt(&prefetch, SHORT_US, false, 1000));
    prefetch_saturate(&prefetch, 2000);
    assert_int_equal(prefetch_limit(&prefetch, 2, false), 1);
    assert_int_equal(prefetch_limit(&prefetch, 2, true), 6); /* subcalls come through */
    assert_false(prefetch_adapt(&prefetch, SHORT_US, false, 9000));
    assert_true(prefetch_relax(&prefetch));
    assert_false(prefetch_relax(&prefetch));
    assert_int_equal(prefetch_limit(&prefetch, 0, false), 4);
}

static void test_prefetch_given_by_the_option_is_fixed(void **state) {
    struct prefetch prefetch;
    (void)state;
    prefetch_init(&prefetch, 4, 7, 7);
    for (uint32_t peak_us = 0; peak_us < 100000; peak_us += 500)
        assert_false(prefetch_adapt(&prefetch, peak_us, false, peak_us));
    assert_int_equal(prefetch_limit(&prefetch, 0, false), 7);
}

/* Whatever comes: base <= limit <= max, and 1 when SATURATED; extra only when WIDE. */
static void test_prefetch_random_run_times_keep_the_bounds(void **state) {
    struct prefetch prefetch;
    uint32_t random = 1;
    (void)state;
    prefetch_init(&prefetch, 3, 3, 18);
    for (uint64_t now_ms = 0; now_ms < 100000; now_ms += random % 97) {
        random = random * 1664525u + 1013904223u;
        prefetch_adapt(&prefetch, (random >> 8) % 40000, random % 5 == 0, now_ms);
        if (random >> 28 == 0)
            prefetch_saturate(&prefetch, now_ms);
        if (random >> 28 == 1)
            prefetch_relax(&prefetch);
        unsigned limit = prefetch_limit(&prefetch, 0, true);
        assert_in_range(limit, 3, 18);
        assert_true(prefetch.mode == PREFETCH_WIDE || prefetch.extra == 0);
        assert_true(prefetch.mode == PREFETCH_SATURATED ||
                    prefetch_limit(&prefetch, 0, false) == limit);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefetch_default_is_bounded),
        cmocka_unit_test(test_prefetch_is_wide_while_handlers_are_short),
        cmocka_unit_test(test_prefetch_follows_the_run_time),
        cmocka_unit_test(test_prefetch_is_narrow_at_once_when_handlers_are_slow),
        cmocka_unit_test(test_prefetch_is_narrow_where_handlers_call_their_worker),
        cmocka_unit_test(test_prefetch_saturated_takes_nothing_until_it_relaxes),
        cmocka_unit_test(test_prefetch_given_by_the_option_is_fixed),
        cmocka_unit_test(test_prefetch_random_run_times_keep_the_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
