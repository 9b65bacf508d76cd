/* Percent- and plus-decoding, and the pairs of a query. */
#include "cmocka_all.h"

#include "app/query.h"
#include <limits.h>
#include <string.h>

static void assert_decoded(const char *text, bool plus, const char *wanted) {
    char to[256];
    size_t made = query_decode(to, text, strlen(text), plus);
    assert_int_equal(made, strlen(wanted));
    assert_memory_equal(to, wanted, made);
}

static void test_query_decode(void **state) {
    (void)state;
    assert_decoded("", true, "");
    assert_decoded("a%20b+c", true, "a b c");
    assert_decoded("a%20b+c", false, "a b+c");
    assert_decoded("%41%6a%6A%2b", true, "Ajj+");
    assert_decoded("%ff%C3%A4", true, "\xff\xc3\xa4");
    assert_decoded("%", true, "%");
    assert_decoded("%4", true, "%4");
    assert_decoded("%4g%g4%%41", true, "%4g%g4%A");
    assert_decoded("%2541", true, "%41");
}

static void test_query_decode_gives_zero_bytes(void **state) {
    (void)state;
    char to[8];
    assert_int_equal(query_decode(to, "a%00b", 5, true), 3);
    assert_memory_equal(to, "a\0b", 3);
}

static void assert_value(const char *query, const char *key, const char *wanted) {
    struct arena arena = {0};
    struct pairs pairs = {0};
    assert_int_equal(query_read(&pairs, &arena, query, strlen(query), SIZE_MAX), CREW_OK);
    const char *value = pairs_value(&pairs, key);
    if (wanted == NULL)
        assert_null(value);
    else
        assert_string_equal(value, wanted);
    pairs_fini(&pairs);
    arena_fini(&arena);
}

static void test_query_value(void **state) {
    (void)state;
    assert_value("a=1&b=2", "a", "1");
    assert_value("a=1&b=2", "b", "2");
    assert_value("a=1&b=2", "c", NULL);
    assert_value("a=1&a=2", "a", "1");
    assert_value("a=b=c", "a", "b=c");
    assert_value("a", "a", "");
    assert_value("a=", "a", "");
    assert_value("&&a=1&&", "a", "1");
    assert_value("=1", "", "1");
    assert_value("", "a", NULL);
    assert_value("", "", NULL);
    assert_value("&", "", NULL);
    assert_value("A=1", "a", NULL);
    assert_value("%61%3D=%26+x", "a=", "& x");
    assert_value("b=a", "a", NULL);
}

static void test_query_value_with_a_zero_byte_is_skipped(void **state) {
    (void)state;
    assert_value("f=good%00evil", "f", NULL);
    assert_value("f%00x=1&g=2", "f", NULL);
    assert_value("f%00x=1&g=2", "g", "2");
    assert_value("f=%00&f=2", "f", "2");
}

static void test_query_read_counts(void **state) {
    (void)state;
    struct arena arena = {0};
    struct pairs pairs = {0};
    assert_int_equal(query_read(&pairs, &arena, "a&&b=1&&&", 9, 2), CREW_OK);
    assert_int_equal(query_read(&pairs, &arena, "a&&b=1&c&", 9, 2), CREW_ETOOLARGE);
    pairs_fini(&pairs);
    arena_fini(&arena);
}

static void assert_number(const char *text, long wanted) {
    struct pairs pairs = {0};
    pairs_add(&pairs, (struct crew_pair){"n", 1, text, strlen(text)});
    assert_int_equal(pairs_number(&pairs, "n", -100, 100, 7), wanted);
    assert_int_equal(pairs_number(&pairs, "m", -100, 100, 7), 7);
    pairs_fini(&pairs);
}

static void test_pairs_number(void **state) {
    (void)state;
    assert_number("12", 12);
    assert_number("-12", -12);
    assert_number("100", 100);
    assert_number("-100", -100);
    static const char *const strange[] = {
        "",    "-",    " 1", "+1", "1 ", "1a", "0x1", "--1", "99999999999999999999",
        "101", "-101", "1.5"};
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        assert_number(strange[i], 7);
    struct pairs pairs = {0};
    pairs_add(&pairs, (struct crew_pair){"n", 1, "99999999999999999999", 20});
    assert_int_equal(pairs_number(&pairs, "n", LONG_MIN, LONG_MAX, 7), 7);
    pairs_fini(&pairs);
}

static void test_arena_pieces_do_not_move(void **state) {
    (void)state;
    struct arena arena = {0};
    char *first = arena_text(&arena, "first", 5);
    for (size_t i = 0; i < 10000; i++) {
        long *number = arena_alloc(&arena, sizeof *number);
        assert_non_null(number);
        *number = (long)i;
        assert_int_equal((uintptr_t)number % _Alignof(max_align_t), 0);
    }
    assert_non_null(arena_alloc(&arena, 1024 * 1024));
    assert_string_equal(first, "first");
    assert_null(arena_alloc(&arena, SIZE_MAX));
    arena_reset(&arena);
    assert_string_equal(arena_text(&arena, "", 0), "");
    arena_reset(&arena);
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query_decode),
        cmocka_unit_test(test_query_decode_gives_zero_bytes),
        cmocka_unit_test(test_query_value),
        cmocka_unit_test(test_query_value_with_a_zero_byte_is_skipped),
        cmocka_unit_test(test_query_read_counts),
        cmocka_unit_test(test_pairs_number),
        cmocka_unit_test(test_arena_pieces_do_not_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
