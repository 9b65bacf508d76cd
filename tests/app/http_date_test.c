/* Dates of HTTP, in the three forms. */
#include "cmocka_all.h"

#include "wire/http_date.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const int64_t now_s = 1700000000; /* in 2023 */

static void assert_date(const char *text, int64_t wanted_s) {
    int64_t unix_s = -1;
    if (!http_date_read(text, now_s, &unix_s))
        fail_msg("no date: %s", text);
    if (unix_s != wanted_s)
        fail_msg("%s: %lld", text, (long long)unix_s);
}

static void assert_no_date(const char *text) {
    int64_t unix_s = -1;
    if (http_date_read(text, now_s, &unix_s))
        fail_msg("a date: %s", text);
    assert_int_equal(unix_s, -1);
}

static void test_http_date_in_three_forms(void **state) {
    (void)state;
    assert_date("Sun, 06 Nov 1994 08:49:37 GMT", 784111777);
    assert_date("Sunday, 06-Nov-94 08:49:37 GMT", 784111777);
    assert_date("Sun Nov  6 08:49:37 1994", 784111777);
    assert_date("Wed Nov 16 08:49:37 1994", 784975777);
    assert_date("Thu, 01 Jan 1970 00:00:00 GMT", 0);
    assert_date("Tue, 29 Feb 2000 23:59:59 GMT", 951868799);
    assert_date("Sat, 31 Dec 2016 23:59:60 GMT", 1483228800); /* the leap second */
}

/* A two-digit year is at most 50 years in the future (RFC 9110 §5.6.7). */
static void test_http_date_with_a_two_digit_year(void **state) {
    (void)state;
    assert_date("Friday, 01-Jan-99 00:00:00 GMT", 915148800);
    assert_date("Monday, 01-Jan-24 00:00:00 GMT", 1704067200);
    assert_date("Sunday, 01-Jan-73 00:00:00 GMT", 3250454400); /* 2073 */
    assert_date("Tuesday, 01-Jan-74 00:00:00 GMT", 126230400); /* 1974 */
}

static void test_http_date_rejects_other_texts(void **state) {
    (void)state;
    static const char *const none[] = {
        "",
        "0",
        "yesterday",
        "Sun",
        "Sun, ",
        "sun, 06 nov 1994 08:49:37 gmt", /* case matters: RFC 9110 §5.6.7 */
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Mon, 29 Feb 2100 08:49:37 GMT",
        "Sun, 06 Non 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 23:60:00 GMT",
        "Sun, 06 Nov 1994 23:59:61 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 1994 +8:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov 06 08:49:37 1994 GMT",
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_no_date(none[i]);
}

static void test_http_date_is_written_as_it_is_read(void **state) {
    (void)state;
    static const int64_t times_s[] = {0, 784111777, 951782400, 1709164800, 253402300799};
    for (size_t i = 0; i < sizeof times_s / sizeof *times_s; i++) {
        char text[HTTP_DATE_BYTES];
        http_date_write(times_s[i], text);
        assert_int_equal(strlen(text), HTTP_DATE_BYTES - 1);
        assert_date(text, times_s[i]);
    }
    char text[HTTP_DATE_BYTES];
    http_date_write(784111777, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
}

/* A handler may have set another time zone. */
static void test_http_date_ignores_the_time_zone(void **state) {
    (void)state;
    setenv("TZ", "Pacific/Auckland", 1);
    tzset();
    test_http_date_is_written_as_it_is_read(state);
    test_http_date_in_three_forms(state);
    unsetenv("TZ");
    tzset();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_date_in_three_forms),
        cmocka_unit_test(test_http_date_with_a_two_digit_year),
        cmocka_unit_test(test_http_date_rejects_other_texts),
        cmocka_unit_test(test_http_date_is_written_as_it_is_read),
        cmocka_unit_test(test_http_date_ignores_the_time_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
