/* What a handler writes, and the answer that is made of it. */
#include "cmocka_all.h"

#include "app/response.h"
#include <stdlib.h>
#include <string.h>

static struct crew_response response;

static int begin(void **state) {
    (void)state;
    response_begin(&response, 100);
    return 0;
}

static int fini(void **state) {
    (void)state;
    response_fini(&response);
    return 0;
}

static struct crew_answer answer_to(enum crew_form form, bool head) {
    struct crew_answer answer;
    response_answer(&response, form, head, &answer);
    return answer;
}

static void assert_pair(const struct crew_answer *answer, size_t i, const char *name,
                        const char *value) {
    assert_true(i < answer->pair_count);
    const struct crew_pair *pair = &answer->pairs[i];
    assert_int_equal(pair->name_bytes, strlen(name));
    assert_memory_equal(pair->name, name, pair->name_bytes);
    assert_int_equal(pair->value_bytes, strlen(value));
    assert_memory_equal(pair->value, value, pair->value_bytes);
}

static void assert_body(const struct crew_answer *answer, const char *wanted) {
    assert_int_equal(answer->body_bytes, strlen(wanted));
    if (answer->body_bytes > 0)
        assert_memory_equal(answer->body, wanted, answer->body_bytes);
}

static void test_response_nothing_written(void **state) {
    (void)state;
    struct crew_answer answer = answer_to(CREW_HTTP, false);
    assert_int_equal(answer.error, CREW_OK);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.pair_count, 0);
    assert_int_equal(answer.body_bytes, 0);
    assert_null(answer.content_type);
}

static void test_response_text_is_text(void **state) {
    (void)state;
    assert_int_equal(crew_response_text(&response, "a"), CREW_OK);
    assert_int_equal(crew_response_printf(&response, "%d%s", 12, "b"), CREW_OK);
    assert_int_equal(crew_response_write(&response, "c", 1), CREW_OK);
    struct crew_answer answer = answer_to(CREW_HTTP, false);
    assert_body(&answer, "a12bc");
    assert_int_equal(answer.pair_count, 1);
    assert_pair(&answer, 0, "Content-Type", "text/plain; charset=utf-8");
}

static void test_response_bytes_are_bytes(void **state) {
    (void)state;
    crew_response_write(&response, "\0\xff", 2);
    struct crew_answer answer = answer_to(CREW_HTTP, false);
    assert_int_equal(answer.body_bytes, 2);
    assert_pair(&answer, 0, "Content-Type", "application/octet-stream");
}

static void test_response_error_replaces_the_body(void **state) {
    (void)state;
    crew_response_header(&response, "Content-Type", "image/png");
    crew_response_header(&response, "Retry-After", "3");
    crew_response_write(&response, "\x89PNG", 4);
    assert_int_equal(crew_response_error(&response, 503, "later"), CREW_OK);
    struct crew_answer answer = answer_to(CREW_HTTP, false);
    assert_int_equal(answer.status, 503);
    assert_body(&answer, "503 Service Unavailable: later\n");
    assert_pair(&answer, 0, "Content-Type", "text/plain; charset=utf-8");
    assert_pair(&answer, 1, "Retry-After", "3");
    assert_int_equal(crew_response_error(&response, 404, NULL), CREW_OK);
    answer = answer_to(CREW_HTTP, false);
    assert_body(&answer, "404 Not Found\n");
    assert_int_equal(crew_response_error(&response, 600, NULL), CREW_EINVAL);
    answer = answer_to(CREW_HTTP, false);
    assert_int_equal(answer.error, CREW_EBADRESPONSE);
}

static void test_response_empty_text_has_no_type(void **state) {
    (void)state;
    crew_response_text(&response, "");
    assert_int_equal(answer_to(CREW_HTTP, false).pair_count, 0);
}

static void test_response_headers_in_their_order(void **state) {
    (void)state;
    crew_response_header(&response, "Set-Cookie", "a=1");
    crew_response_header(&response, "content-type", "text/html");
    crew_response_header(&response, "X-Bytes", "\xff");
    crew_response_header(&response, "Set-Cookie", "b=2");
    crew_response_header(&response, "X-Empty", "");
    crew_response_header(&response, "Content-Type", "image/png");
    crew_response_text(&response, "x");
    struct crew_answer answer = answer_to(CREW_HTTP, false);
    assert_int_equal(answer.pair_count, 5);
    assert_pair(&answer, 0, "Content-Type", "image/png");
    assert_pair(&answer, 1, "Set-Cookie", "a=1");
    assert_pair(&answer, 2, "X-Bytes", "\xff");
    assert_pair(&answer, 3, "Set-Cookie", "b=2");
    assert_pair(&answer, 4, "X-Empty", "");
}

static void test_response_plain_answer_has_a_content_type(void **state) {
    (void)state;
    crew_response_header(&response, "X-One", "1");
    crew_response_text(&response, "x");
    struct crew_answer answer = answer_to(CREW_PLAIN, false);
    assert_string_equal(answer.content_type, "text/plain; charset=utf-8");
    assert_int_equal(answer.pair_count, 1);
    assert_pair(&answer, 0, "X-One", "1");
}

static void test_response_status(void **state) {
    (void)state;
    assert_int_equal(crew_response_status(&response, 599), CREW_OK);
    assert_int_equal(crew_response_status(&response, 204), CREW_OK);
    assert_int_equal(answer_to(CREW_HTTP, false).status, 204);
}

static void assert_invalid(int outcome) {
    crew_response_status(&response, 200);
    crew_response_text(&response, "nothing can save it");
    struct crew_answer answer = answer_to(CREW_HTTP, false);
    assert_int_equal(answer.error, outcome);
    assert_int_equal(answer.status, crew_error_status(outcome));
    assert_int_equal(answer.body_bytes, 0);
    assert_int_equal(answer.pair_count, 0);
    assert_true(response.why[0] != '\0');
    response_begin(&response, 100);
}

static void test_response_bad_status(void **state) {
    (void)state;
    static const int bad[] = {0, -1, 99, 100, 101, 199, 600, 1000, 65736};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(crew_response_status(&response, bad[i]), CREW_EINVAL);
        assert_invalid(CREW_EBADRESPONSE);
    }
}

static void test_response_bad_header(void **state) {
    (void)state;
    static const char *const bad[][2] = {{"X", "a\r\nSet-Cookie: evil"},
                                         {"X", "a\nb"},
                                         {"X", "\r"},
                                         {"", "x"},
                                         {"X Y", "x"},
                                         {"X:", "x"},
                                         {"X\n", "x"},
                                         {"Content-Type", "a\nb"},
                                         {NULL, "x"},
                                         {"X", NULL}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(crew_response_header(&response, bad[i][0], bad[i][1]),
                         CREW_EINVAL);
        assert_invalid(CREW_EBADRESPONSE);
    }
}

static void test_response_fields_of_the_bridge(void **state) {
    (void)state;
    static const char *const own[] = {"Status", "connection", "Transfer-Encoding",
                                      "Crew-Error", "keep-alive"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        assert_int_equal(crew_response_header(&response, own[i], "x"), CREW_EINVAL);
    struct crew_answer answer = answer_to(CREW_HTTP, false);
    assert_int_equal(answer.error, CREW_OK);
    assert_int_equal(answer.pair_count, 0);
}

static void test_response_body_over_the_limit(void **state) {
    (void)state;
    char block[101] = {0};
    assert_int_equal(crew_response_write(&response, block, 100), CREW_OK);
    assert_int_equal(answer_to(CREW_HTTP, false).error, CREW_OK);
    assert_int_equal(crew_response_write(&response, block, 1), CREW_ETOOLARGE);
    assert_invalid(CREW_EBADRESPONSE);
    assert_int_equal(crew_response_write(&response, block, 101), CREW_ETOOLARGE);
    assert_invalid(CREW_EBADRESPONSE);
    assert_int_equal(crew_response_printf(&response, "%101d", 1), CREW_ETOOLARGE);
    assert_invalid(CREW_EBADRESPONSE);
}

static void test_response_headers_over_the_limit(void **state) {
    (void)state;
    size_t bytes = 300 * 1024;
    char *value = calloc(1, bytes + 1);
    assert_non_null(value);
    memset(value, 'x', bytes);
    assert_int_equal(crew_response_header(&response, "A", value), CREW_OK);
    assert_int_equal(crew_response_header(&response, "A", value), CREW_OK);
    assert_int_equal(crew_response_header(&response, "A", value), CREW_OK);
    assert_int_equal(answer_to(CREW_HTTP, false).error, CREW_OK);
    assert_int_equal(crew_response_header(&response, "A", value), CREW_ETOOLARGE);
    assert_invalid(CREW_EBADRESPONSE);
    int error = CREW_OK;
    for (int i = 0; i < 10000 && error == CREW_OK; i++)
        error = crew_response_header(&response, "A", "");
    assert_int_equal(error, CREW_ETOOLARGE);
    assert_invalid(CREW_EBADRESPONSE);
    free(value);
}

static void test_response_content_type_is_a_short_string(void **state) {
    (void)state;
    char type[257];
    memset(type, 'x', sizeof type);
    type[255] = '\0';
    assert_int_equal(crew_response_header(&response, "Content-Type", type), CREW_OK);
    type[255] = 'x';
    type[256] = '\0';
    assert_int_equal(crew_response_header(&response, "Content-Type", type),
                     CREW_ETOOLARGE);
    assert_invalid(CREW_EBADRESPONSE);
}

static void test_response_to_head(void **state) {
    (void)state;
    crew_response_text(&response, "12345");
    struct crew_answer answer = answer_to(CREW_HTTP, true);
    assert_int_equal(answer.body_bytes, 0);
    assert_int_equal(answer.pair_count, 2);
    assert_pair(&answer, 0, "Content-Type", "text/plain; charset=utf-8");
    assert_pair(&answer, 1, "Content-Length", "5");

    response_begin(&response, 100);
    crew_response_header(&response, "content-length", "7");
    crew_response_text(&response, "12345");
    answer = answer_to(CREW_HTTP, true);
    assert_int_equal(answer.pair_count, 2);
    assert_pair(&answer, 1, "content-length", "7");
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, fini)
    const struct CMUnitTest tests[] = {
        TEST(test_response_nothing_written),
        TEST(test_response_text_is_text),
        TEST(test_response_bytes_are_bytes),
        TEST(test_response_error_replaces_the_body),
        TEST(test_response_empty_text_has_no_type),
        TEST(test_response_headers_in_their_order),
        TEST(test_response_plain_answer_has_a_content_type),
        TEST(test_response_status),
        TEST(test_response_bad_status),
        TEST(test_response_bad_header),
        TEST(test_response_fields_of_the_bridge),
        TEST(test_response_body_over_the_limit),
        TEST(test_response_headers_over_the_limit),
        TEST(test_response_content_type_is_a_short_string),
        TEST(test_response_to_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
