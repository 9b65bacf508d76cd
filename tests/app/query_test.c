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
    struct buffer split = BUFFER_INIT;
    query_split(&split, query);
    const char *value = query_value(&split, key);
    if (wanted == NULL)
        assert_null(value);
    else
        assert_string_equal(value, wanted);
    buffer_fini(&split);
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

static void test_query_value_with_a_zero_byte_is_none(void **state) {
    (void)state;
    assert_value("f=good%00evil", "f", NULL);
    assert_value("f%00x=1&g=2", "f", NULL);
    assert_value("f%00x=1&g=2", "g", "2");
    assert_value("f=%00&f=2", "f", "2");
}

static void test_query_number(void **state) {
    (void)state;
    long number = 7;
    assert_true(query_number("12", 0, 100, &number));
    assert_int_equal(number, 12);
    assert_true(query_number("-12", -100, 100, &number));
    assert_int_equal(number, -12);
    static const char *const strange[] = {
        "",    "-",    " 1", "+1", "1 ", "1a", "0x1", "--1", "99999999999999999999",
        "101", "-101", "1.5"};
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        assert_false(query_number(strange[i], -100, 100, &number));
    assert_false(query_number("99999999999999999999", LONG_MIN, LONG_MAX, &number));
    assert_int_equal(number, -12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query_decode),
        cmocka_unit_test(test_query_decode_gives_zero_bytes),
        cmocka_unit_test(test_query_value),
        cmocka_unit_test(test_query_value_with_a_zero_byte_is_none),
        cmocka_unit_test(test_query_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
