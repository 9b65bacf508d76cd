/* What the bridge reads from the parameters of a request. */
#include "cmocka_all.h"

#include "fcgi-bridge/http/params.h"
#include <string.h>

#define MOST_PAIRS 16

static const struct params_defaults defaults = {.task = "http", .expiration_ms = 30000};

static struct crew_pair pairs[MOST_PAIRS];
static struct params params;

/* NAME, VALUE, ..., null. A GET unless REQUEST_METHOD is among them. */
static const char *read_params(const char *const *texts) {
    size_t n = 0;
    bool method = false;
    for (; *texts; texts += 2) {
        pairs[n++] =
            (struct crew_pair){texts[0], strlen(texts[0]), texts[1], strlen(texts[1])};
        method = method || strcmp(texts[0], "REQUEST_METHOD") == 0;
    }
    if (!method)
        pairs[n++] = (struct crew_pair){"REQUEST_METHOD", 14, "GET", 3};
    params_read(&params, &defaults, pairs, n);
    return params.complaint;
}

#define READ(...) read_params((const char *const[]){__VA_ARGS__, NULL})

static void test_defaults(void **state) {
    (void)state;
    assert_null(READ("HTTP_HOST", "h"));
    assert_string_equal(params.call.task, "http");
    assert_int_equal(params.call.expiration_ms, 30000);
    assert_int_equal(params.call.form, CREW_HTTP);
    assert_int_equal(params.call.repeat, CREW_REPEAT_ALWAYS);
    assert_false(params.call.persistent);
    assert_false(params.call.fail_without_workers);
    assert_int_equal(params.content_length, -1);
    assert_int_equal(params.call.pair_count, 2);
}

static void test_all_set(void **state) {
    (void)state;
    assert_null(READ("CREW_TASK", "other", "CREW_EXPIRATION", "2.5", "CREW_PRIORITY",
                     "255", "CREW_PERSISTENT", "1", "CREW_REPEAT", "never",
                     "CREW_NO_WORKERS", "fail"));
    assert_string_equal(params.call.task, "other");
    assert_int_equal(params.call.expiration_ms, 2500);
    assert_int_equal(params.call.priority, 255);
    assert_true(params.call.persistent);
    assert_int_equal(params.call.repeat, CREW_REPEAT_NEVER);
    assert_true(params.call.fail_without_workers);
    assert_int_equal(params.call.pair_count, 1); /* the method */
}

static void test_what_the_handler_sees(void **state) {
    (void)state;
    assert_null(READ("B", "1", "HTTP_PROXY", "evil", "A", "2", "CREW_TASK", "t", "B", "3",
                     "CREW_SOMETHING", "x"));
    assert_int_equal(params.call.pair_count, 4);
    assert_memory_equal(params.call.pairs[0].value, "1", 1);
    assert_memory_equal(params.call.pairs[1].value, "2", 1);
    assert_memory_equal(params.call.pairs[2].value, "3", 1);
}

static void test_empty_is_absent(void **state) {
    (void)state;
    assert_null(READ("CREW_TASK", "", "CREW_EXPIRATION", "", "CREW_PRIORITY", "",
                     "CREW_PERSISTENT", "", "CREW_REPEAT", "", "CREW_NO_WORKERS", "",
                     "CREW_SUBSCRIBE", "", "CREW_PUBLISH", ""));
    assert_string_equal(params.call.task, "http");
    assert_int_equal(params.purpose, PURPOSE_CALL);
}

static void test_bad_values(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {"CREW_TASK", "a\nb"},
        {"CREW_EXPIRATION", "0"},
        {"CREW_EXPIRATION", "-1"},
        {"CREW_EXPIRATION", "1500.001"},
        {"CREW_EXPIRATION", "1."},
        {"CREW_EXPIRATION", "."},
        {"CREW_EXPIRATION", "1e3"},
        {"CREW_EXPIRATION", "0.0"},
        {"CREW_EXPIRATION", "1 "},
        {"CREW_EXPIRATION", "99999999999999999999"},
        {"CREW_PRIORITY", "256"},
        {"CREW_PRIORITY", "-1"},
        {"CREW_PRIORITY", "x"},
        {"CREW_PERSISTENT", "yes"},
        {"CREW_REPEAT", "SAFE"},
        {"CREW_NO_WORKERS", "maybe"},
        {"CREW_SUBSCRIBE", "a.*"},
        {"CREW_PUBLISH", "#"},
        {"CREW_STATUS", "json"},
        {"CONTENT_LENGTH", "1x"},
        {"CONTENT_LENGTH", "-2"},
        {"CONTENT_LENGTH", "99999999999999999999"},
        {"REQUEST_METHOD", ""},
        {"REQUEST_METHOD", "G T"},
        {"CREW_SUBSCRIBE_PATTERN", "yes"},
        {"CREW_SUBSCRIBE_MODE", "SSE"},
        {"CREW_SUBSCRIBE_TIMEOUT", "-1"},
        {"CREW_SUBSCRIBE_TIMEOUT", "86400.001"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *complaint = READ(bad[i][0], bad[i][1]);
        assert_non_null(complaint);
        assert_memory_equal(complaint, bad[i][0], strlen(bad[i][0]));
    }
}

static void test_expiration(void **state) {
    (void)state;
    static const struct {
        const char *text;
        unsigned ms;
    } good[] = {{"1500", 1500000}, {"1500.0", 1500000}, {"3", 3000},    {"0.001", 1},
                {"0.0001", 1},     {".5", 500},         {"1.25", 1250}, {"007", 7000}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_null(READ("CREW_EXPIRATION", good[i].text));
        assert_int_equal(params.call.expiration_ms, good[i].ms);
    }
}

static void test_repeat_by_method(void **state) {
    (void)state;
    assert_null(READ("REQUEST_METHOD", "POST"));
    assert_int_equal(params.call.repeat, CREW_REPEAT_NEVER);
    assert_null(READ("REQUEST_METHOD", "POST", "CREW_REPEAT", "always"));
    assert_int_equal(params.call.repeat, CREW_REPEAT_ALWAYS);
    assert_null(READ("REQUEST_METHOD", "DELETE", "CREW_REPEAT", "safe"));
    assert_int_equal(params.call.repeat, CREW_REPEAT_ALWAYS);
    assert_null(READ("REQUEST_METHOD", "get"));
    assert_int_equal(params.call.repeat, CREW_REPEAT_NEVER);
}

static void test_to_publish(void **state) {
    (void)state;
    assert_null(READ("REQUEST_METHOD", "POST", "CREW_PUBLISH", "news.de"));
    assert_int_equal(params.purpose, PURPOSE_PUBLISH);
    assert_string_equal(params.publish_channel, "news.de");
    assert_null(params.style.allow);
    assert_null(READ("REQUEST_METHOD", "PUT", "CREW_PUBLISH", "*x.a#"));
    assert_null(params.style.allow);
    assert_null(READ("REQUEST_METHOD", "GET", "CREW_PUBLISH", "c"));
    assert_string_equal(params.style.allow, "POST, PUT");
    assert_null(READ("REQUEST_METHOD", "post", "CREW_PUBLISH", "c"));
    assert_non_null(params.style.allow);
    assert_null(READ("REQUEST_METHOD", "DELETE"));
    assert_null(params.style.allow);
    assert_non_null(
        READ("REQUEST_METHOD", "POST", "CREW_PUBLISH", "c", "CREW_TASK", "t"));
    assert_non_null(params.advice);
}

static void test_channels(void **state) {
    (void)state;
    char longest[257];
    memset(longest, 'x', sizeof longest - 1);
    longest[256] = '\0';
    static const char *const bad[] = {"*", "a.#", "#.a", "a\nb", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_non_null(READ("REQUEST_METHOD", "POST", "CREW_PUBLISH", bad[i]));
    assert_non_null(READ("REQUEST_METHOD", "POST", "CREW_PUBLISH", longest));
    longest[255] = '\0';
    assert_null(READ("REQUEST_METHOD", "POST", "CREW_PUBLISH", longest));
    assert_string_equal(params.publish_channel, longest);
}

static void test_style(void **state) {
    (void)state;
    assert_null(
        READ("REQUEST_METHOD", "HEAD", "HTTP_ACCEPT", "text/html, Application/JSON"));
    assert_true(params.style.head);
    assert_true(params.style.json);
    assert_null(READ("HTTP_ACCEPT", "application/problem+json;q=0.5"));
    assert_true(params.style.json);
    assert_null(READ("HTTP_ACCEPT", "text/html,*/*;q=0.8", "HTTP_X", "application/json"));
    assert_false(params.style.json);
    assert_null(READ("HTTP_ACCEPT", "/js"));
    assert_false(params.style.json);
}

static void test_content_length(void **state) {
    (void)state;
    assert_null(READ("CONTENT_LENGTH", "12"));
    assert_int_equal(params.content_length, 12);
    assert_null(READ("CONTENT_LENGTH", ""));
    assert_int_equal(params.content_length, -1);
    assert_null(READ("CONTENT_LENGTH", "-1"));
    assert_int_equal(params.content_length, -1);
    assert_int_equal(params.call.pair_count,
                     1); /* the method; the handler does not see it */
    assert_null(READ("CONTENT_LENGTH", "3", "CONTENT_LENGTH", "3"));
    assert_non_null(READ("CONTENT_LENGTH", "3", "CONTENT_LENGTH", "4"));
    assert_null(params.advice);
}

static void test_advice_for_the_log(void **state) {
    (void)state;
    assert_non_null(READ("REQUEST_METHOD", ""));
    assert_non_null(strstr(params.advice, "include fastcgi_params;"));
    assert_non_null(READ("CREW_PRIORITY", "high"));
    assert_non_null(params.advice);
}

static void test_subscribe(void **state) {
    (void)state;
    assert_null(READ("CREW_SUBSCRIBE", "a,b.c"));
    assert_int_equal(params.purpose, PURPOSE_SUBSCRIBE);
    assert_string_equal(params.subscribe.channel, "a,b.c");
    assert_int_equal(params.subscribe.timeout_ms, 25000);
    assert_int_equal(params.subscribe.mode, SUBSCRIBE_LONG_POLL);
    assert_false(params.subscribe.pattern || params.subscribe.list ||
                 params.subscribe.since);
    assert_null(READ("CREW_SUBSCRIBE_PATTERN", "1", "CREW_SUBSCRIBE", "a.*",
                     "CREW_SUBSCRIBE_TIMEOUT", "0", "HTTP_CREW_CURSOR", "7"));
    assert_true(params.subscribe.pattern && params.subscribe.since);
    assert_true(params.subscribe.cursor == 7);
    assert_int_equal(params.subscribe.timeout_ms, 0);
    assert_null(READ("HTTP_HOST", "h"));
    assert_int_equal(params.purpose, PURPOSE_CALL);
}

/* In a location with both channels the method decides. */
static void test_subscribe_and_publish(void **state) {
    (void)state;
#define BOTH "CREW_SUBSCRIBE", "s", "CREW_PUBLISH", "p", "REQUEST_METHOD"
    assert_null(READ(BOTH, "GET"));
    assert_int_equal(params.purpose, PURPOSE_SUBSCRIBE);
    assert_null(READ(BOTH, "HEAD"));
    assert_int_equal(params.purpose, PURPOSE_SUBSCRIBE);
    assert_null(READ(BOTH, "POST"));
    assert_int_equal(params.purpose, PURPOSE_PUBLISH);
    assert_null(READ(BOTH, "PUT"));
    assert_int_equal(params.purpose, PURPOSE_PUBLISH);
    assert_null(params.style.allow);
    assert_null(READ(BOTH, "DELETE"));
    assert_string_equal(params.style.allow, "GET, HEAD, POST, PUT");
#undef BOTH
}

static void test_subscribe_mode(void **state) {
    (void)state;
    static const char accept[] = "application/json, text/event-stream";
    assert_null(READ("CREW_SUBSCRIBE", "c", "HTTP_ACCEPT", accept));
    assert_int_equal(params.subscribe.mode, SUBSCRIBE_SSE);
    assert_true(params.subscribe.list);
    assert_null(READ("CREW_SUBSCRIBE", "c", "HTTP_ACCEPT", accept, "CREW_SUBSCRIBE_MODE",
                     "poll"));
    assert_int_equal(params.subscribe.mode, SUBSCRIBE_LONG_POLL);
    assert_null(READ("CREW_SUBSCRIBE", "c", "CREW_SUBSCRIBE_MODE", "sse"));
    assert_int_equal(params.subscribe.mode, SUBSCRIBE_SSE);
}

static void test_subscribe_refused(void **state) {
    (void)state;
    assert_non_null(READ("CREW_SUBSCRIBE", "c", "HTTP_LAST_EVENT_ID", "x"));
    assert_non_null(READ("CREW_SUBSCRIBE", "c", "QUERY_STRING", "cursor=%2D1"));
    assert_null(params.advice); /* the client sent it: nothing to log */
    assert_non_null(READ("CREW_SUBSCRIBE", "c", "CREW_TASK", "t"));
    assert_non_null(params.advice);
    assert_null(READ("CREW_SUBSCRIBE", "c", "REQUEST_METHOD", "POST"));
    assert_null(params.style.allow);
    assert_null(READ("CREW_SUBSCRIBE", "c", "REQUEST_METHOD", "DELETE"));
    assert_non_null(params.style.allow);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_all_set),
        cmocka_unit_test(test_what_the_handler_sees),
        cmocka_unit_test(test_empty_is_absent),
        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_expiration),
        cmocka_unit_test(test_repeat_by_method),
        cmocka_unit_test(test_to_publish),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_style),
        cmocka_unit_test(test_content_length),
        cmocka_unit_test(test_advice_for_the_log),
        cmocka_unit_test(test_subscribe),
        cmocka_unit_test(test_subscribe_and_publish),
        cmocka_unit_test(test_subscribe_mode),
        cmocka_unit_test(test_subscribe_refused),
    };
    return cmocka_run_group_tests_name("params", tests, NULL, NULL);
}
