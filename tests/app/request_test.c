/* What a handler reads of a task. */
#include "cmocka_all.h"

#include "request_fixture.h"
#include "wire/envelope.h"
#include <crew/response.h>
#include <stdlib.h>
#include <string.h>

static void test_request_reads_http(void **state) {
    (void)state;
    struct request_fixture *b =
        NEW_REQUEST("REQUEST_METHOD", "POST", "QUERY_STRING", "a=%41&n=12", "PATH_INFO",
                    "/p q", "SCRIPT_NAME", "/script", "CONTENT_TYPE", "text/x");
    assert_string_equal(crew_request_method(&b->request), "POST");
    assert_string_equal(crew_request_path(&b->request), "/p q");
    assert_string_equal(crew_request_query(&b->request), "a=%41&n=12");
    assert_string_equal(crew_request_query_value(&b->request, "a"), "A");
    assert_string_equal(crew_request_query_value(&b->request, "a"), "A");
    assert_null(crew_request_query_value(&b->request, "b"));
    assert_int_equal(crew_request_query_number(&b->request, "n", 0, 12, -1), 12);
    assert_int_equal(crew_request_query_number(&b->request, "n", 0, 11, -1), -1);
    assert_int_equal(crew_request_query_number(&b->request, "x", 0, 11, -1), -1);
    assert_string_equal(crew_request_content_type(&b->request), "text/x");
    assert_string_equal(crew_request_task(&b->request), "http");
    assert_string_equal(crew_request_id(&b->request), "id-1");
    assert_int_equal(crew_request_form(&b->request), CREW_HTTP);
    uint32_t left_ms = crew_request_left_ms(&b->request);
    assert_in_range(left_ms, 1, 1000);
    request_fixture_free(b);
}

static void assert_path(const char *wanted, struct request_fixture *b) {
    assert_string_equal(crew_request_path(&b->request), wanted);
    assert_int_equal(b->request.path_bytes, strlen(wanted));
    request_fixture_free(b);
}

static void test_request_path_has_three_sources(void **state) {
    (void)state;
    assert_path("/info", NEW_REQUEST("SCRIPT_NAME", "/script", "PATH_INFO", "/info"));
    assert_path("/script", NEW_REQUEST("SCRIPT_NAME", "/script", "PATH_INFO", ""));
    assert_path("/script", NEW_REQUEST("REQUEST_URI", "/uri", "SCRIPT_NAME", "/script"));
    assert_path("/u+ i", NEW_REQUEST("REQUEST_URI", "/u+%20i?x=/y"));
    assert_path("/%20", NEW_REQUEST("PATH_INFO", "/%20", "REQUEST_URI", "/x"));
    assert_path("", NEW_REQUEST("REQUEST_METHOD", "GET"));
}

static void test_request_header_in_any_case(void **state) {
    (void)state;
    struct request_fixture *b = NEW_REQUEST(
        "HTTP_X_FORWARDED_FOR", "1", "HTTP_ACCEPT", "first", "HTTP_ACCEPT", "second",
        "CONTENT_TYPE", "text/x", "CONTENT_LENGTH", "5", "HTTP_CONTENT_LENGTH", "6",
        "X_FOO", "not a header", "HTTP_", "nothing");
    const struct crew_request *request = &b->request;
    assert_string_equal(crew_request_header(request, "X-Forwarded-For"), "1");
    assert_string_equal(crew_request_header(request, "x-forwarded-for"), "1");
    assert_string_equal(crew_request_header(request, "ACCEPT"), "first");
    assert_string_equal(crew_request_header(request, "content-type"), "text/x");
    assert_string_equal(crew_request_header(request, "Content-Length"), "5");
    assert_null(crew_request_header(request, "X-Foo"));
    assert_null(crew_request_header(request, "Accep"));
    assert_null(crew_request_header(request, "Accept-"));
    assert_null(crew_request_header(request, ""));
    request_fixture_free(b);
}

static void test_request_query_pairs(void **state) {
    (void)state;
    struct request_fixture *b =
        NEW_REQUEST("QUERY_STRING", "tag=a&x=1&tag=b+c&tag=%00&=&tag");
    size_t count;
    const char *const *tags = crew_request_query_values(&b->request, "tag", &count);
    assert_int_equal(count, 3);
    assert_string_equal(tags[0], "a");
    assert_string_equal(tags[1], "b c");
    assert_string_equal(tags[2], "");
    assert_null(tags[3]);
    const char *const *none = crew_request_query_values(&b->request, "y", &count);
    assert_int_equal(count, 0);
    assert_null(none[0]);
    const struct crew_pair *pairs = crew_request_query_pairs(&b->request, &count);
    assert_int_equal(count, 6);
    assert_string_equal(pairs[1].name, "x");
    assert_string_equal(pairs[1].value, "1");
    assert_int_equal(pairs[3].value_bytes, 1);
    assert_int_equal(pairs[4].name_bytes, 0);
    assert_string_equal(pairs[5].name, "tag");
    request_fixture_free(b);
}

static void test_request_reads_cookies(void **state) {
    (void)state;
    struct request_fixture *b =
        NEW_REQUEST("HTTP_COOKIE", "sid=deep; theme=\"dark\"", "HTTP_X", "y=1",
                    "HTTP_COOKIE", "sid=root; last=1");
    assert_string_equal(crew_request_cookie(&b->request, "sid"), "deep");
    assert_string_equal(crew_request_cookie(&b->request, "theme"), "dark");
    assert_string_equal(crew_request_cookie(&b->request, "last"), "1");
    assert_null(crew_request_cookie(&b->request, "SID"));
    assert_null(crew_request_cookie(&b->request, "y"));
    size_t count;
    const struct crew_pair *cookies = crew_request_cookies(&b->request, &count);
    assert_int_equal(count, 4);
    assert_string_equal(cookies[2].value, "root");
    request_fixture_free(b);
    const char *const headers[] = {"cookie", "a=1", NULL};
    b = request_fixture_new(CREW_PLAIN, NULL, headers);
    assert_string_equal(crew_request_cookie(&b->request, "a"), "1");
    request_fixture_free(b);
}

static void test_unescape_reverses_escape(void **state) {
    (void)state;
    static const char text[] = "a b+c%\xc3\xa4;\"%41";
    char *escaped = crew_escape_url(text), *unescaped = crew_unescape_url(escaped);
    assert_string_equal(unescaped, text);
    assert_null(crew_unescape_url("a%00b"));
    free(escaped);
    free(unescaped);
}

static void assert_origin(const char *client, const char *scheme, const char *host,
                          struct request_fixture *b) {
    const char *const found[] = {crew_request_client(&b->request),
                                 crew_request_scheme(&b->request),
                                 crew_request_host(&b->request)};
    const char *const wanted[] = {client, scheme, host};
    for (size_t i = 0; i < 3; i++)
        if (wanted[i] == NULL)
            assert_null(found[i]);
        else
            assert_string_equal(found[i], wanted[i]);
    request_fixture_free(b);
}

static void test_request_origin_is_what_the_web_server_says(void **state) {
    (void)state;
    assert_origin("192.0.2.1", "https", "example.com:8443",
                  NEW_REQUEST("REMOTE_ADDR", "192.0.2.1", "REQUEST_SCHEME", "https",
                              "HTTP_HOST", "example.com:8443", "SERVER_NAME", "other"));
    assert_origin(
        "::1", "http", "[::1]:8080",
        NEW_REQUEST("REMOTE_ADDR", "::1", "HTTPS", "off", "HTTP_HOST", "[::1]:8080"));
    assert_origin(NULL, "https", NULL,
                  NEW_REQUEST("HTTPS", "on", "REQUEST_SCHEME", "http"));
    assert_origin(NULL, "http", NULL, NEW_REQUEST("REMOTE_ADDR", ""));
    const char *const headers[] = {"REMOTE_ADDR", "1", "HTTPS", "on",
                                   "HTTP_HOST",   "x", NULL};
    assert_origin(NULL, NULL, NULL, request_fixture_new(CREW_PLAIN, NULL, headers));
}

static void test_request_origin_ignores_client_fields(void **state) {
    (void)state;
    assert_origin("192.0.2.1", "http", "example.com",
                  NEW_REQUEST("REMOTE_ADDR", "192.0.2.1", "HTTP_X_FORWARDED_FOR",
                              "10.0.0.1", "HTTP_X_FORWARDED_PROTO", "https",
                              "HTTP_X_FORWARDED_HOST", "evil", "HTTP_FORWARDED",
                              "for=10.0.0.1;proto=https", "SERVER_NAME", "example.com",
                              "SERVER_PORT", "80"));
}

static void test_request_host_falls_back_on_the_servers_name(void **state) {
    (void)state;
    assert_origin(NULL, "http", "n:8080",
                  NEW_REQUEST("SERVER_NAME", "n", "SERVER_PORT", "8080"));
    assert_origin(NULL, "http", "n:443",
                  NEW_REQUEST("SERVER_NAME", "n", "SERVER_PORT", "443"));
    assert_origin(NULL, "https", "n",
                  NEW_REQUEST("SERVER_NAME", "n", "SERVER_PORT", "443", "HTTPS", "on"));
    assert_origin(NULL, "http", "n",
                  NEW_REQUEST("SERVER_NAME", "n", "HTTP_HOST", "evil/..;@x"));
}

static void assert_prefix(const char *wanted, struct request_fixture *b) {
    assert_string_equal(crew_request_prefix(&b->request), wanted);
    request_fixture_free(b);
}

static void test_request_prefix_is_where_the_app_is_mounted(void **state) {
    (void)state;
    assert_prefix("/shop", NEW_REQUEST("SCRIPT_NAME", "/shop", "PATH_INFO", "/items"));
    assert_prefix("/a%20%22b/c",
                  NEW_REQUEST("SCRIPT_NAME", "/a \"b/c/", "PATH_INFO", "/"));
    assert_prefix("", NEW_REQUEST("SCRIPT_NAME", "/", "PATH_INFO", "/items"));
    assert_prefix("", NEW_REQUEST("SCRIPT_NAME", "", "PATH_INFO", "/items"));
    assert_prefix("", NEW_REQUEST("SCRIPT_NAME", "/items"));
    assert_prefix("/evil", NEW_REQUEST("SCRIPT_NAME", "//evil", "PATH_INFO", "/items"));
    const char *const headers[] = {"SCRIPT_NAME", "/a", "PATH_INFO", "/", NULL};
    assert_prefix("", request_fixture_new(CREW_PLAIN, NULL, headers));
}

static void test_request_params_keep_order_and_repetition(void **state) {
    (void)state;
    struct request_fixture *b = NEW_REQUEST("B", "1", "A", "2", "B", "3", "E", "");
    size_t count;
    const struct crew_pair *params = crew_request_params(&b->request, &count);
    assert_int_equal(count, 4);
    assert_string_equal(params[0].name, "B");
    assert_string_equal(params[1].name, "A");
    assert_string_equal(params[2].value, "3");
    assert_string_equal(params[3].value, "");
    assert_string_equal(crew_request_param(&b->request, "B"), "1");
    assert_string_equal(crew_request_param(&b->request, "E"), "");
    assert_null(crew_request_param(&b->request, "b"));
    request_fixture_free(b);
}

static void test_request_passes_bytes_as_they_are(void **state) {
    (void)state;
    struct request_fixture *b = NEW_REQUEST("HTTP_X", "\xff\xfe\x01");
    assert_string_equal(crew_request_header(&b->request, "x"), "\xff\xfe\x01");
    request_fixture_free(b);

    struct buffer block = BUFFER_INIT;
    wire_put_pair(&block, "PATH_INFO", 9, "/a\0b", 4);
    struct crew_task_view view = {.form = CREW_HTTP,
                                  .task = "http",
                                  .id = "1",
                                  .pairs = block.data,
                                  .pairs_bytes = block.len};
    struct crew_request request = {0};
    assert_int_equal(request_begin(&request, NULL, &view, 1), CREW_OK);
    size_t count;
    const struct crew_pair *params = crew_request_params(&request, &count);
    assert_int_equal(params[0].value_bytes, 4);
    assert_memory_equal(params[0].value, "/a\0b", 5);
    assert_string_equal(crew_request_path(&request), "/a");
    assert_int_equal(request.path_bytes, 4);
    request_fini(&request);
    buffer_fini(&block);
}

static void test_request_body_ends_with_a_zero(void **state) {
    (void)state;
    const char *const no_params[] = {NULL};
    struct task_maker maker;
    task_maker_init(&maker, CREW_HTTP, "http", no_params);
    struct crew_request request = {0};
    size_t bytes = 1;
    assert_int_equal(request_begin(&request, NULL, &maker.view, 1), CREW_OK);
    assert_string_equal(crew_request_body(&request, &bytes), "");
    assert_int_equal(bytes, 0);
    request_end(&request);

    size_t large_bytes = 3 * 1024 * 1024;
    char *large = malloc(large_bytes);
    assert_non_null(large);
    memset(large, 'x', large_bytes);
    task_maker_body(&maker, large, large_bytes);
    assert_int_equal(request_begin(&request, NULL, &maker.view, 1), CREW_OK);
    const char *body = crew_request_body(&request, &bytes);
    assert_int_equal(bytes, large_bytes);
    assert_memory_equal(body, large, large_bytes);
    assert_int_equal(body[large_bytes], '\0');
    request_end(&request);
    assert_true(request.input.cap <= 64 * 1024);
    free(large);
    request_fini(&request);
    task_maker_fini(&maker);
}

static void test_request_plain_call(void **state) {
    (void)state;
    const char *const headers[] = {"X-One", "1", "REQUEST_METHOD", "GET", NULL};
    struct request_fixture *b =
        request_fixture_new(CREW_PLAIN, "application/json", headers);
    assert_string_equal(crew_request_method(&b->request), "");
    assert_string_equal(crew_request_path(&b->request), "");
    assert_string_equal(crew_request_query(&b->request), "");
    assert_null(crew_request_query_value(&b->request, "a"));
    assert_string_equal(crew_request_content_type(&b->request), "application/json");
    assert_string_equal(crew_request_header(&b->request, "x-one"), "1");
    assert_int_equal(crew_request_form(&b->request), CREW_PLAIN);
    request_fixture_free(b);
    b = request_fixture_new(CREW_PLAIN, NULL, headers);
    assert_string_equal(crew_request_content_type(&b->request), "");
    request_fixture_free(b);
}

static void test_request_rejects_a_malformed_block(void **state) {
    (void)state;
    static const uint8_t torn[] = {0, 1, 0, 0, 0, 9, 'A', 'b'};
    struct crew_task_view view = {.form = CREW_HTTP,
                                  .task = "http",
                                  .id = "1",
                                  .pairs = torn,
                                  .pairs_bytes = sizeof torn};
    struct crew_request request = {0};
    assert_int_equal(request_begin(&request, NULL, &view, 1), CREW_EBADENVELOPE);
    request_end(&request);
    request_fini(&request);
}

static void test_request_keeps_the_last_complaint(void **state) {
    (void)state;
    struct request_fixture *b = NEW_REQUEST("REQUEST_METHOD", "GET");
    assert_null(crew_request_complaint(&b->request));
    assert_int_equal(complaint_set(&b->request.complaint, "%s", "first"),
                     CREW_EBADREQUEST);
    assert_int_equal(complaint_set(&b->request.complaint, "no %d", 2), CREW_EBADREQUEST);
    assert_string_equal(crew_request_complaint(&b->request), "no 2");
    complaint_set(&b->request.complaint, "near %s", "\"\x01\n\xc3\xa4\"");
    assert_string_equal(crew_request_complaint(&b->request), "near \"??\xc3\xa4\"");
    request_end(&b->request);
    assert_null(crew_request_complaint(&b->request));
    request_fixture_free(b);
}

static void test_request_is_reset_between_tasks(void **state) {
    (void)state;
    struct request_fixture *b =
        NEW_REQUEST("QUERY_STRING", "a=1", "PATH_INFO", "/x", "HTTP_COOKIE", "c=3");
    assert_string_equal(crew_request_query_value(&b->request, "a"), "1");
    assert_string_equal(crew_request_cookie(&b->request, "c"), "3");
    request_end(&b->request);
    task_maker_fini(&b->maker);
    const char *const params[] = {"QUERY_STRING", "b=2", NULL};
    task_maker_init(&b->maker, CREW_HTTP, "http", params);
    assert_int_equal(request_begin(&b->request, NULL, &b->maker.view, 0), CREW_OK);
    assert_null(crew_request_query_value(&b->request, "a"));
    assert_string_equal(crew_request_query_value(&b->request, "b"), "2");
    size_t count;
    crew_request_query_pairs(&b->request, &count);
    assert_int_equal(count, 1);
    assert_null(crew_request_cookie(&b->request, "c"));
    assert_string_equal(crew_request_path(&b->request), "");
    assert_int_equal(crew_request_left_ms(&b->request), 0);
    request_fixture_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_reads_http),
        cmocka_unit_test(test_request_path_has_three_sources),
        cmocka_unit_test(test_request_header_in_any_case),
        cmocka_unit_test(test_request_query_pairs),
        cmocka_unit_test(test_request_reads_cookies),
        cmocka_unit_test(test_unescape_reverses_escape),
        cmocka_unit_test(test_request_origin_is_what_the_web_server_says),
        cmocka_unit_test(test_request_origin_ignores_client_fields),
        cmocka_unit_test(test_request_host_falls_back_on_the_servers_name),
        cmocka_unit_test(test_request_prefix_is_where_the_app_is_mounted),
        cmocka_unit_test(test_request_params_keep_order_and_repetition),
        cmocka_unit_test(test_request_passes_bytes_as_they_are),
        cmocka_unit_test(test_request_body_ends_with_a_zero),
        cmocka_unit_test(test_request_plain_call),
        cmocka_unit_test(test_request_rejects_a_malformed_block),
        cmocka_unit_test(test_request_keeps_the_last_complaint),
        cmocka_unit_test(test_request_is_reset_between_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
