/* Responses as the web server gets them. */
#include "cmocka_all.h"

#include "fcgi-bridge/fcgi/codec.h"
#include "fcgi-bridge/http/response.h"
#include "records.h"
#include <stdio.h>
#include <string.h>

static const char *text; /* of the last response */

static const char *own(struct response_style style, int outcome, const char *detail) {
    struct buffer out = BUFFER_INIT;
    response_error(&out, 1, &style, outcome, detail);
    return text = records_text(&out, NULL);
}

static const char *workers(struct response_style style, const struct crew_answer *answer,
                           int expected) {
    struct buffer out = BUFFER_INIT;
    assert_int_equal(response_answer(&out, 1, &style, answer), expected);
    return text = records_text(&out, NULL);
}

static const struct response_style plain = {0};
static const struct response_style head = {.head = true};
static const struct response_style json = {.json = true};

#define PAIR(n, v)                                              \
    {                                                           \
        .name = (n), .name_bytes = sizeof(n) - 1, .value = (v), \
        .value_bytes = sizeof(v) - 1                            \
    }

/* ---- the bridge's own ---- */

static void test_every_outcome(void **state) {
    (void)state;
    static const struct {
        int outcome;
        const char *status;
        const char *word;
        bool retry;
    } rows[] = {
        {CREW_EBROKER, "503", "broker", true},
        {CREW_EOVERLOADED, "503", "overloaded", true},
        {CREW_ENOWORKERS, "503", "no-workers", true},
        {CREW_EEXPIRED, "503", "expired", true},
        {CREW_ETIMEOUT, "504", "timeout", false},
        {CREW_EDEADLINE, "504", "deadline", false},
        {CREW_ECRASHED, "502", "crashed", false},
        {CREW_ELOST, "502", "lost", false},
        {CREW_EFAILED, "500", "failed", false},
        {CREW_EBADRESPONSE, "502", "bad-response", false},
        {CREW_EBADENVELOPE, "502", "bad-envelope", false},
        {RESPONSE_TOO_LARGE, "413", "too-large", false},
        {RESPONSE_BAD_REQUEST, "400", "bad-request", false},
        {CREW_ENOMEM, "503", "overloaded", true},
        {CREW_EINVAL, "400", "bad-request", false},
        {12345, "502", "lost", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *answer = own(plain, rows[i].outcome, NULL);
        char line[64];
        snprintf(line, sizeof line, "Status: %s ", rows[i].status);
        assert_memory_equal(answer, line, strlen(line));
        snprintf(line, sizeof line, "\r\nCrew-Error: %s\r\n", rows[i].word);
        assert_non_null(strstr(answer, line));
        assert_int_equal(strstr(answer, "\r\nRetry-After: ") != NULL, rows[i].retry);
    }
}

static void test_own_bodies(void **state) {
    (void)state;
    assert_string_equal(own(plain, RESPONSE_BAD_REQUEST, "Because"),
                        "Status: 400 Bad Request\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Length: 8\r\nCrew-Error: bad-request\r\n\r\nBecause\n");
    assert_non_null(
        strstr(own(json, CREW_EEXPIRED, NULL),
               "\r\n\r\n{\"error\":\"expired\",\"status\":503,\"message\":\""));
    assert_non_null(strstr(text, "Content-Type: application/json\r\n"));
    own(head, RESPONSE_BAD_REQUEST, "Because");
    assert_non_null(strstr(text, "Content-Length: 8\r\n"));
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
}

static void test_bad_method(void **state) {
    (void)state;
    assert_string_equal(own((struct response_style){.allow = "POST, PUT"},
                            RESPONSE_BAD_METHOD, "Because"),
                        "Status: 405 Method Not Allowed\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Length: 8\r\nAllow: POST, PUT\r\n"
                        "Crew-Error: bad-request\r\n\r\nBecause\n");
}

/* ---- a worker's ---- */

static void test_plain_answer(void **state) {
    (void)state;
    const struct crew_pair pairs[] = {
        PAIR("Content-Type", "a/b"), PAIR("Set-Cookie", "one"),   PAIR("Crew-Error", "x"),
        PAIR("Set-Cookie", "\xff"),  PAIR("Content-Length", "9"), PAIR("status", "500"),
        PAIR("Connection", "close")};
    const struct crew_answer answer = {
        .status = 201, .pairs = pairs, .pair_count = 7, .body = "body", .body_bytes = 4};
    assert_string_equal(workers(plain, &answer, 0),
                        "Status: 201 Created\r\nContent-Type: a/b\r\nSet-Cookie: one\r\n"
                        "Set-Cookie: \xff\r\nContent-Length: 4\r\n\r\nbody");
}

/* From a plain AMQP RPC server. */
static void test_foreign_answer(void **state) {
    (void)state;
    const struct crew_answer answer = {
        .status = 200, .content_type = "text/x", .body = "b", .body_bytes = 1};
    assert_string_equal(
        workers(plain, &answer, 0),
        "Status: 200 OK\r\nContent-Type: text/x\r\nContent-Length: 1\r\n\r\nb");
    const struct crew_answer smuggled = {.status = 200, .content_type = "a\r\nX: y"};
    workers(plain, &smuggled, CREW_EBADRESPONSE);
}

static void test_no_body(void **state) {
    (void)state;
    const struct crew_pair length[] = {PAIR("Content-Length", "99")};
    struct crew_answer answer = {
        .status = 200, .pairs = length, .pair_count = 1, .body = "body", .body_bytes = 4};
    assert_string_equal(workers(head, &answer, 0),
                        "Status: 200 OK\r\nContent-Length: 99\r\n\r\n");
    answer.status = 304;
    assert_string_equal(workers(plain, &answer, 0),
                        "Status: 304 Not Modified\r\nContent-Length: 99\r\n\r\n");
    answer.status = 204;
    assert_string_equal(workers(plain, &answer, 0), "Status: 204 No Content\r\n\r\n");
    assert_string_equal(workers(head, &answer, 0), "Status: 204 No Content\r\n\r\n");
    answer.status = 200;
    answer.pair_count = 0;
    assert_string_equal(workers(head, &answer, 0),
                        "Status: 200 OK\r\nContent-Length: 4\r\n\r\n");
    answer.status = 299;
    assert_string_equal(workers(plain, &answer, 0),
                        "Status: 299\r\nContent-Length: 4\r\n\r\nbody");
}

static void expect_bad_response(const struct crew_answer *answer) {
    assert_non_null(strstr(workers(plain, answer, CREW_EBADRESPONSE),
                           "\r\nCrew-Error: bad-response\r\n"));
    assert_memory_equal(text, "Status: 502 ", 12);
}

static void test_invalid_answers(void **state) {
    (void)state;
    static const int statuses[] = {-1, 0, 100, 199, 600, 70000};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        expect_bad_response(&(struct crew_answer){.status = statuses[i]});
    const struct crew_pair bad[] = {
        PAIR("A", "b\r\nC: d"), PAIR("A", "b\0"),    PAIR("A b", "c"), PAIR("", "c"),
        PAIR("A:", "c"),        PAIR("A\r\nB", "c"), PAIR("A", "b\n")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_bad_response(
            &(struct crew_answer){.status = 200, .pairs = &bad[i], .pair_count = 1});
}

static void test_workers_error(void **state) {
    (void)state;
    const struct crew_answer answer = {.error = CREW_ECRASHED, .status = 502};
    assert_non_null(strstr(workers(json, &answer, CREW_ECRASHED),
                           "{\"error\":\"crashed\",\"status\":502,"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_outcome),   cmocka_unit_test(test_own_bodies),
        cmocka_unit_test(test_bad_method),      cmocka_unit_test(test_plain_answer),
        cmocka_unit_test(test_foreign_answer),  cmocka_unit_test(test_no_body),
        cmocka_unit_test(test_invalid_answers), cmocka_unit_test(test_workers_error),
    };
    return cmocka_run_group_tests_name("answer", tests, records_begin, records_end);
}
