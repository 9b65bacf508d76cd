/* The cursor that a client sends, and in which parameter. */
#include "cmocka_all.h"

#include "fcgi-bridge/http/cursor.h"
#include <string.h>

static uint64_t cursor;

static struct crew_pair pair_of(const char *value) {
    return (struct crew_pair){.value = value, .value_bytes = strlen(value)};
}

/* NULL: not sent. */
static enum cursor_result find(const char *field, const char *last_event_id,
                               const char *query) {
    const struct crew_pair pairs[] = {pair_of(field ? field : ""),
                                      pair_of(last_event_id ? last_event_id : ""),
                                      pair_of(query ? query : "")};
    const struct cursor_sources sources = {field ? &pairs[0] : NULL,
                                           last_event_id ? &pairs[1] : NULL,
                                           query ? &pairs[2] : NULL};
    cursor = 777;
    return cursor_find(&sources, &cursor);
}

static void assert_found(uint64_t expected, enum cursor_result found) {
    assert_int_equal(found, CURSOR_GIVEN);
    assert_true(cursor == expected);
}

static void test_none(void **state) {
    (void)state;
    assert_int_equal(find(NULL, NULL, NULL), CURSOR_NONE);
    assert_int_equal(find("", "", ""), CURSOR_NONE);
    assert_int_equal(find(NULL, NULL, "a=1&b=2"), CURSOR_NONE);
    assert_int_equal(find(NULL, NULL, "cursor"), CURSOR_NONE);
    assert_int_equal(find(NULL, NULL, "cursor=&x=1"), CURSOR_NONE);
    assert_int_equal(find(NULL, NULL, "xcursor=5&Cursor=6&cursors=7"), CURSOR_NONE);
    assert_int_equal(cursor, 777);
}

static void test_places(void **state) {
    (void)state;
    assert_found(1, find("1", NULL, NULL));
    assert_found(2, find(NULL, "2", NULL));
    assert_found(3, find(NULL, NULL, "cursor=3"));
    assert_found(4, find(NULL, NULL, "a=b&cursor=4&c=d"));
    assert_found(5, find(NULL, NULL, "cursor=&cursor=5"));
    assert_found(6, find(NULL, NULL, "&&cursor=6"));
}

/* An EventSource reconnects with a Last-Event-ID to the URL that it was opened with. */
static void test_order(void **state) {
    (void)state;
    assert_found(1, find("1", "2", "cursor=3"));
    assert_found(2, find(NULL, "2", "cursor=3"));
    assert_found(2, find("", "2", "cursor=3"));
    assert_found(3, find("", "", "cursor=3"));
    assert_found(1, find("1", "x", "cursor=y"));
}

static void test_numbers(void **state) {
    (void)state;
    assert_found(0, find("0", NULL, NULL));
    assert_found(7, find("0000000000000000000000000000007", NULL, NULL));
    assert_found(UINT64_MAX, find("18446744073709551615", NULL, NULL));
    static const char *const bad[] = {"18446744073709551616",
                                      "99999999999999999999999999",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "0x1",
                                      "abc",
                                      "%31"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(find(bad[i], NULL, NULL), CURSOR_BAD);
        assert_int_equal(find(NULL, bad[i], NULL), CURSOR_BAD);
    }
}

static void test_query_is_decoded(void **state) {
    (void)state;
    assert_found(12, find(NULL, NULL, "cursor=%31%32"));
    assert_found(5, find(NULL, NULL, "cursor=%35&cursor=6"));
    static const char *const bad[] = {"cursor=+1",   "cursor=%2B1", "cursor=%3",
                                      "cursor=%",    "cursor=%zz1", "cursor=%3a",
                                      "cursor=1%00", "cursor=%4A"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(find(NULL, NULL, bad[i]), CURSOR_BAD);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_query_is_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
