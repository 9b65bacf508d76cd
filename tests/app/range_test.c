/* The header field Range. */
#include "cmocka_all.h"

#include "app/range.h"

static void assert_part(const char *field, uint64_t size, uint64_t first,
                        uint64_t bytes) {
    struct range range = {0};
    if (range_read(field, size, &range) != RANGE_PART)
        fail_msg("no part: %s", field);
    assert_int_equal(range.first, first);
    assert_int_equal(range.bytes, bytes);
}

static void test_range_first_and_last(void **state) {
    (void)state;
    assert_part("bytes=0-0", 100, 0, 1);
    assert_part("bytes=0-99", 100, 0, 100);
    assert_part("bytes=10-19", 100, 10, 10);
    assert_part("bytes=10-", 100, 10, 90);
    assert_part("bytes=99-", 100, 99, 1);
    assert_part("bytes=99-1000", 100, 99, 1);
    assert_part("bytes=-1", 100, 99, 1);
    assert_part("bytes=-100", 100, 0, 100);
    assert_part("bytes=-1000", 100, 0, 100);
}

static void test_range_as_a_list_of_one(void **state) {
    (void)state;
    assert_part("BYTES=1-2", 100, 1, 2);
    assert_part("bytes= 1-2 ", 100, 1, 2);
    assert_part("bytes=,,1-2, ,", 100, 1, 2);
}

static void test_range_of_huge_numbers(void **state) {
    (void)state;
    assert_part("bytes=1-18446744073709551615", 100, 1, 99);
    assert_part("bytes=1-99999999999999999999999", 100, 1, 99);
    assert_part("bytes=-99999999999999999999999", 100, 0, 100);
    assert_part("bytes=4294967296-4294967297", UINT64_C(1) << 40, UINT64_C(1) << 32, 2);
    struct range range;
    /* 2^64 + 1 must not become 1 */
    assert_int_equal(range_read("bytes=18446744073709551617-", 100, &range),
                     RANGE_UNSATISFIABLE);
}

static void test_range_after_the_end(void **state) {
    (void)state;
    struct range range;
    assert_int_equal(range_read("bytes=100-", 100, &range), RANGE_UNSATISFIABLE);
    assert_int_equal(range_read("bytes=100-200", 100, &range), RANGE_UNSATISFIABLE);
    assert_int_equal(range_read("bytes=-0", 100, &range), RANGE_UNSATISFIABLE);
}

static void test_range_that_is_not_supported(void **state) {
    (void)state;
    static const char *const none[] = {
        NULL,         "",           "bytes",       "bytes=",         "bytes=,",
        "bytes=-",    "bytes=a-b",  "bytes=1",     "bytes=5-4",      "bytes=1-2-3",
        "bytes=1 -2", "bytes=--1",  "bytes=1-2 3", "bytes=0-0,2-3",  "bytes=-1,200-",
        "bytes =1-2", "lines=1-2",  "bytes=+1-2",  "bytes=200-,0-1", "bytes=1-2;",
        "bytes=0x1-", " bytes=1-2",
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        struct range range = {7, 7};
        if (range_read(none[i], 100, &range) != RANGE_WHOLE)
            fail_msg("served: %s", none[i]);
        assert_int_equal(range.first, 0);
        assert_int_equal(range.bytes, 100);
    }
}

static void test_range_of_an_empty_file(void **state) {
    (void)state;
    struct range range;
    assert_int_equal(range_read("bytes=0-", 0, &range), RANGE_WHOLE);
    assert_int_equal(range_read("bytes=-1", 0, &range), RANGE_WHOLE);
    assert_int_equal(range.bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_range_first_and_last),
        cmocka_unit_test(test_range_as_a_list_of_one),
        cmocka_unit_test(test_range_of_huge_numbers),
        cmocka_unit_test(test_range_after_the_end),
        cmocka_unit_test(test_range_that_is_not_supported),
        cmocka_unit_test(test_range_of_an_empty_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
