/* Preconditions of requests, in the order of RFC 9110 §13.2.2, and If-Range. */
#include "cmocka_all.h"

#include "app/response_conditional.h"
#include "exchange_fixture.h"
#include <string.h>
#include <time.h>

#define SUNDAY "Sun, 06 Nov 1994 08:49:37 GMT"
#define A_SECOND_EARLIER "Sun, 06 Nov 1994 08:49:36 GMT"
static const time_t sunday = 784111777;

/* The status that crew_response_conditional sets; 0: the handler goes on. */
#define ASK(etag, modified, method, ...) \
    ask(etag, modified,                  \
        (const char *const[]){"REQUEST_METHOD", method, __VA_ARGS__, NULL})

static int ask(const char *etag, time_t modified, const char *const *params) {
    struct exchange x;
    exchange_begin(&x, CREW_HTTP, params);
    crew_response_header(&x.response, "Content-Type", "text/x-page");
    crew_response_text(&x.response, "begun");
    bool complete = crew_response_conditional(&x.request, &x.response, etag, modified);
    exchange_finish(&x);
    int status = x.answer.status;
    assert_int_equal(x.answer.error, CREW_OK);
    if (status == 304) {
        assert_null(exchange_field(&x, "Content-Type"));
        assert_string_equal(exchange_body(&x), "");
    }
    if (status == 412)
        assert_string_equal(exchange_field(&x, "Content-Type"),
                            "text/plain; charset=utf-8");
    assert_int_equal(complete, status != 200);
    exchange_end(&x);
    return complete ? status : 0;
}

static void test_conditional_none_match(void **state) {
    (void)state;
    assert_int_equal(ASK("v1", 0, "GET", "HTTP_IF_NONE_MATCH", "\"v1\""), 304);
    assert_int_equal(ASK("v1", 0, "HEAD", "HTTP_IF_NONE_MATCH", "\"v1\""), 304);
    assert_int_equal(ASK("v1", 0, "GET", "HTTP_IF_NONE_MATCH", "W/\"v1\""), 304);
    assert_int_equal(
        ASK("v1", 0, "GET", "HTTP_IF_NONE_MATCH", "\"v0\", W/\"a,b\" ,\"v1\""), 304);
    assert_int_equal(ASK("v1", 0, "GET", "HTTP_IF_NONE_MATCH", "*"), 304);
    assert_int_equal(ASK("v1", 0, "GET", "HTTP_IF_NONE_MATCH", "\"v2\""), 0);
    assert_int_equal(ASK("v1", 0, "GET", "HTTP_IF_NONE_MATCH", "\"V1\""), 0);
    assert_int_equal(ASK("v1", 0, "GET", "HTTP_IF_NONE_MATCH", "\"v1"), 0);
    assert_int_equal(ASK("v1", 0, "GET", "HTTP_IF_NONE_MATCH", "v1"), 0);
    assert_int_equal(ASK("v1", 0, "GET", "HTTP_IF_NONE_MATCH", "w/\"v1\""), 0);
    assert_int_equal(ASK("v1", 0, "GET", "HTTP_IF_NONE_MATCH", "\"v1\" \"v2\""), 0);
    assert_int_equal(ASK("v1", 0, "GET", "HTTP_IF_NONE_MATCH", "\"v1\", nonsense"), 0);
    assert_int_equal(ASK("v1", 0, "GET", "HTTP_IF_NONE_MATCH", "*, \"v1\""), 0);
    assert_int_equal(ASK("v1", 0, "GET", "HTTP_IF_NONE_MATCH", ""), 0);
    assert_int_equal(ASK("\xc3\xa4", 0, "GET", "HTTP_IF_NONE_MATCH", "\"\xc3\xa4\""),
                     304);
    assert_int_equal(ASK(NULL, sunday, "GET", "HTTP_IF_NONE_MATCH", "\"v1\""), 0);
}

/* PUT with If-None-Match: create, or change unless it is this version. */
static void test_conditional_none_match_of_unsafe_methods(void **state) {
    (void)state;
    assert_int_equal(ASK("v1", 0, "PUT", "HTTP_IF_NONE_MATCH", "*"), 412);
    assert_int_equal(ASK(NULL, sunday, "PUT", "HTTP_IF_NONE_MATCH", "*"), 412);
    assert_int_equal(ASK(NULL, 0, "PUT", "HTTP_IF_NONE_MATCH", "*"), 0);
    assert_int_equal(ASK("v1", 0, "POST", "HTTP_IF_NONE_MATCH", "\"v1\""), 412);
}

static void test_conditional_match(void **state) {
    (void)state;
    assert_int_equal(ASK("v1", 0, "PUT", "HTTP_IF_MATCH", "\"v1\""), 0);
    assert_int_equal(ASK("v1", 0, "PUT", "HTTP_IF_MATCH", "\"v0\",\"v1\""), 0);
    assert_int_equal(ASK("v1", 0, "PUT", "HTTP_IF_MATCH", "*"), 0);
    assert_int_equal(ASK("v1", 0, "PUT", "HTTP_IF_MATCH", "\"v0\""), 412);
    assert_int_equal(ASK("v1", 0, "GET", "HTTP_IF_MATCH", "\"v0\""), 412);
    assert_int_equal(ASK("v1", 0, "PUT", "HTTP_IF_MATCH", "W/\"v1\""),
                     412); /* strong comparison */
    assert_int_equal(ASK("v1", 0, "PUT", "HTTP_IF_MATCH", "nonsense"), 412);
    assert_int_equal(ASK(NULL, 0, "PUT", "HTTP_IF_MATCH", "*"), 412);
}

static void test_conditional_dates(void **state) {
    (void)state;
    assert_int_equal(ASK(NULL, sunday, "GET", "HTTP_IF_MODIFIED_SINCE", SUNDAY), 304);
    assert_int_equal(ASK(NULL, sunday - 9, "GET", "HTTP_IF_MODIFIED_SINCE", SUNDAY), 304);
    assert_int_equal(ASK(NULL, sunday, "GET", "HTTP_IF_MODIFIED_SINCE", A_SECOND_EARLIER),
                     0);
    assert_int_equal(ASK(NULL, sunday, "POST", "HTTP_IF_MODIFIED_SINCE", SUNDAY), 0);
    assert_int_equal(ASK(NULL, sunday, "GET", "HTTP_IF_MODIFIED_SINCE", "now"), 0);
    assert_int_equal(ASK("v1", 0, "GET", "HTTP_IF_MODIFIED_SINCE", SUNDAY), 0);

    assert_int_equal(ASK(NULL, sunday, "PUT", "HTTP_IF_UNMODIFIED_SINCE", SUNDAY), 0);
    assert_int_equal(
        ASK(NULL, sunday, "PUT", "HTTP_IF_UNMODIFIED_SINCE", A_SECOND_EARLIER), 412);
    assert_int_equal(ASK(NULL, sunday, "PUT", "HTTP_IF_UNMODIFIED_SINCE", "now"), 0);
    assert_int_equal(ASK("v1", 0, "PUT", "HTTP_IF_UNMODIFIED_SINCE", SUNDAY), 0);
}

/* Entity tags precede dates, and If-Match precedes If-None-Match. */
static void test_conditional_order(void **state) {
    (void)state;
    assert_int_equal(ASK("v1", sunday, "GET", "HTTP_IF_NONE_MATCH", "\"v0\"",
                         "HTTP_IF_MODIFIED_SINCE", SUNDAY),
                     0);
    assert_int_equal(ASK("v1", sunday, "GET", "HTTP_IF_NONE_MATCH", "\"v1\"",
                         "HTTP_IF_MODIFIED_SINCE", A_SECOND_EARLIER),
                     304);
    assert_int_equal(ASK("v1", sunday, "PUT", "HTTP_IF_MATCH", "\"v1\"",
                         "HTTP_IF_UNMODIFIED_SINCE", A_SECOND_EARLIER),
                     0);
    assert_int_equal(ASK("v1", sunday, "GET", "HTTP_IF_MATCH", "\"v0\"",
                         "HTTP_IF_NONE_MATCH", "\"v1\""),
                     412);
    assert_int_equal(ASK("v1", sunday, "GET", "HTTP_IF_MATCH", "\"v1\"",
                         "HTTP_IF_NONE_MATCH", "\"v1\""),
                     304);
}

static void test_conditional_validators_are_sent(void **state) {
    (void)state;
    struct exchange x;
    exchange_begin(&x, CREW_HTTP, (const char *const[]){"REQUEST_METHOD", "GET", NULL});
    assert_false(crew_response_conditional(&x.request, &x.response, "v1", sunday));
    exchange_finish(&x);
    assert_string_equal(exchange_field(&x, "ETag"), "\"v1\"");
    assert_string_equal(exchange_field(&x, "Last-Modified"), SUNDAY);
    exchange_end(&x);

    /* Validators of the old version are not sent after a change. */
    exchange_begin(&x, CREW_HTTP, (const char *const[]){"REQUEST_METHOD", "PUT", NULL});
    assert_false(crew_response_conditional(&x.request, &x.response, "v1", sunday));
    exchange_finish(&x);
    assert_null(exchange_field(&x, "ETag"));
    assert_null(exchange_field(&x, "Last-Modified"));
    exchange_end(&x);
}

/* A file time in the future: Last-Modified is not later than now. */
static void test_conditional_time_in_the_future(void **state) {
    (void)state;
    struct exchange x;
    exchange_begin(&x, CREW_HTTP, (const char *const[]){"REQUEST_METHOD", "GET", NULL});
    crew_response_conditional(&x.request, &x.response, NULL, time(NULL) + 1000000);
    exchange_finish(&x);
    struct tm tm = {0};
    assert_non_null(
        strptime(exchange_field(&x, "Last-Modified"), "%a, %d %b %Y %H:%M:%S GMT", &tm));
    time_t sent = timegm(&tm);
    assert_true(sent <= time(NULL));
    exchange_end(&x);
}

static void test_conditional_rejects_invalid_etags(void **state) {
    (void)state;
    char too_long[257];
    memset(too_long, 'x', sizeof too_long);
    too_long[256] = '\0';
    const char *const bad[] = {"\"v1\"", "a b", "a\r\nb", "\x7f", too_long};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct exchange x;
        exchange_begin(&x, CREW_HTTP,
                       (const char *const[]){"REQUEST_METHOD", "GET", NULL});
        assert_true(crew_response_conditional(&x.request, &x.response, bad[i], 0));
        exchange_finish(&x);
        assert_int_equal(x.answer.error, CREW_EBADRESPONSE);
        exchange_end(&x);
    }
}

static void test_conditional_range(void **state) {
    (void)state;
    const struct validators current = {"\"v1\"", sunday, sunday + 1000};
    const struct validators no_date = {"\"v1\"", 0, sunday + 1000};
    assert_true(conditional_range_holds(NULL, &current));
    assert_true(conditional_range_holds("\"v1\"", &current));
    assert_false(conditional_range_holds("\"v2\"", &current));
    assert_false(conditional_range_holds("W/\"v1\"", &current));
    assert_false(conditional_range_holds("\"v1\", \"v2\"", &current));
    assert_true(conditional_range_holds(SUNDAY, &current));
    assert_false(conditional_range_holds(A_SECOND_EARLIER, &current));
    assert_false(conditional_range_holds("Sun, 06 Nov 1994 08:49:38 GMT", &current));
    assert_false(conditional_range_holds(SUNDAY, &no_date));
    assert_false(conditional_range_holds("", &current));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditional_none_match),
        cmocka_unit_test(test_conditional_none_match_of_unsafe_methods),
        cmocka_unit_test(test_conditional_match),
        cmocka_unit_test(test_conditional_dates),
        cmocka_unit_test(test_conditional_order),
        cmocka_unit_test(test_conditional_validators_are_sent),
        cmocka_unit_test(test_conditional_time_in_the_future),
        cmocka_unit_test(test_conditional_rejects_invalid_etags),
        cmocka_unit_test(test_conditional_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
