/* The cookies of a Cookie field. */
#include "cmocka_all.h"

#include "app/cookie.h"
#include <string.h>

/* WANTED: name, value, name, value ..., null. */
static void assert_cookies(const char *field, size_t bytes, const char *const *wanted) {
    struct arena arena = {0};
    struct pairs pairs = {0};
    assert_int_equal(cookie_read(&pairs, &arena, field, bytes), CREW_OK);
    size_t count;
    const struct crew_pair *all = pairs_all(&pairs, &count);
    for (size_t i = 0; i < count; i++, wanted += 2) {
        assert_non_null(wanted[0]);
        assert_string_equal(all[i].name, wanted[0]);
        assert_int_equal(all[i].name_bytes, strlen(wanted[0]));
        assert_string_equal(all[i].value, wanted[1]);
    }
    assert_null(wanted[0]);
    pairs_fini(&pairs);
    arena_fini(&arena);
}

#define ASSERT_COOKIES(field, ...) \
    assert_cookies(field, strlen(field), (const char *const[]){__VA_ARGS__, NULL})

static void test_cookies_as_browsers_send_them(void **state) {
    (void)state;
    ASSERT_COOKIES("", NULL);
    ASSERT_COOKIES("a=1", "a", "1");
    ASSERT_COOKIES("a=1; b=2; a=3", "a", "1", "b", "2", "a", "3");
    ASSERT_COOKIES("a=x=y==", "a", "x=y==");
    ASSERT_COOKIES("a=", "a", "");
    ASSERT_COOKIES("a=%20+", "a", "%20+");
    ASSERT_COOKIES("a=\"b c\"; d=\"\"", "a", "b c", "d", "");
    ASSERT_COOKIES("\xc3\xa4=\xff", "\xc3\xa4", "\xff");
}

static void test_cookies_that_are_malformed(void **state) {
    (void)state;
    ASSERT_COOKIES(";;; ;", NULL);
    ASSERT_COOKIES("secret", NULL);
    ASSERT_COOKIES("=secret; a=1", "a", "1");
    ASSERT_COOKIES("  =; \t=1", NULL);
}

static void test_cookies_with_unusual_spaces_and_quotes(void **state) {
    (void)state;
    ASSERT_COOKIES("a=1;b=2;\tc = 3 ", "a", "1", "b", "2", "c", "3");
    ASSERT_COOKIES("a=\"", "a", "\"");
    ASSERT_COOKIES("a=\"1", "a", "\"1");
    ASSERT_COOKIES("a=\"1;2\"", "a", "\"1");
    ASSERT_COOKIES("a=1, b=2", "a", "1, b=2");
    ASSERT_COOKIES("$Version=1; a=1", "$Version", "1", "a", "1");
}

static void test_cookie_with_a_zero_byte(void **state) {
    (void)state;
    struct arena arena = {0};
    struct pairs pairs = {0};
    assert_int_equal(cookie_read(&pairs, &arena, "a=1\0002; b=3", 10), CREW_OK);
    assert_null(pairs_value(&pairs, "a"));
    assert_string_equal(pairs_value(&pairs, "b"), "3");
    size_t count;
    assert_int_equal(pairs_all(&pairs, &count)[0].value_bytes, 3);
    pairs_fini(&pairs);
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cookies_as_browsers_send_them),
        cmocka_unit_test(test_cookies_that_are_malformed),
        cmocka_unit_test(test_cookies_with_unusual_spaces_and_quotes),
        cmocka_unit_test(test_cookie_with_a_zero_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
