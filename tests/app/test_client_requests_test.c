/* The test client: requests and responses. */
#include "test_client_fixture.h"

#include <stdio.h>
#include <stdlib.h>

typedef const struct crew_test_response *answered; /* shorter here */

/* ---- the app ---- */

static void test_new_explains_errors(void **state) {
    (void)state;
    const char *const args[] = {"broken", NULL};
    const struct crew_test_options options = {.args = args};
    crew_test *made = NULL;
    char why[256];
    assert_int_equal(crew_test_new("/nowhere.so", NULL, &made, why, sizeof why),
                     CREW_EINVAL);
    assert_non_null(strstr(why, "/nowhere.so"));
    assert_int_equal(crew_test_new_app(crew_app_init, &options, &made, why, sizeof why),
                     CREW_EFAILED);
    assert_string_equal(why, "the app: its set-up returned 3");
    assert_int_equal(crew_test_new_app(crew_app_init, &options, &made, NULL, 0),
                     CREW_EFAILED);
    assert_null(made);
}

static void test_options(void **state) {
    (void)state;
    const struct crew_test_options options = {.route_task = "count2",
                                              .max_response_bytes = 20};
    crew_test *made = NULL;
    assert_int_equal(crew_test_new_app(crew_app_init, &options, &made, NULL, 0), 0);
    assert_int_equal(crew_test_get(made, "/bytes?n=20")->status, 200);
    assert_string_equal(crew_test_get(made, "/bytes?n=21")->outcome, "bad-response");
    assert_int_equal(crew_test_task(made, "count2", NULL)->status, 404);
    assert_string_equal(crew_test_task(made, "http", NULL)->outcome, "no-workers");
    crew_test_free(made);
}

static void test_state_lasts(void **state) {
    (void)state;
    answered first = crew_test_get(test, "/count");
    assert_string_equal(crew_test_get(test, "/count")->body,
                        "00000000-0000-4000-8000-000000000001 2");
    assert_string_equal(first->body, "00000000-0000-4000-8000-000000000001 1");
}

/* ---- responses ---- */

static void test_response_fields(void **state) {
    (void)state;
    answered response = crew_test_get(test, "/bytes");
    assert_int_equal(response->error, 0);
    assert_string_equal(response->outcome, "");
    assert_int_equal(response->status, 200);
    assert_int_equal(response->body_bytes, 3);
    assert_memory_equal(response->body, "x\0x", 4);
    assert_string_equal(response->content_type, "application/octet-stream");
    assert_string_equal(crew_test_header(response, "x-twice"), "one");
    assert_null(crew_test_header(response, "X-Thrice"));
    assert_int_equal(response->header_count, 3);
    assert_string_equal(response->headers[2].value, "two");
}

static void test_response_outcomes(void **state) {
    (void)state;
    answered response = crew_test_get(test, "/failing");
    assert_int_equal(response->error, CREW_EFAILED);
    assert_int_equal(response->status, 500);
    assert_string_equal(response->outcome, "failed");
    assert_string_equal(response->body, "");
    response = crew_test_get(test, "/bad");
    assert_int_equal(response->status, 502);
    assert_string_equal(response->outcome, "bad-response");
    assert_true(crew_test_logged(test, "not a field value, in: X"));
    assert_false(crew_test_logged(test, "no such line"));
}

static void test_logs_are_recorded(void **state) {
    (void)state;
    size_t count;
    crew_test_get(test, "/count");
    crew_test_get(test, "/failing");
    const struct crew_test_log *logs = crew_test_logs(test, &count);
    assert_int_equal(count, 2);
    assert_string_equal(logs[0].text, "on my way down");
    assert_int_equal(logs[0].level, CREW_LOG_DEBUG);
    assert_string_equal(logs[0].request_id, "test-2");
    assert_string_equal(logs[1].text, "the handler returned 7");
    crew_test_clear(test);
    crew_test_logs(test, &count);
    assert_int_equal(count, 0);
    assert_int_equal(crew_test_get(test, "/count")->status, 200);
}

/* ---- requests ---- */

static void test_usual_requests(void **state) {
    (void)state;
    assert_string_equal(crew_test_get(test, "/echo?a=1&b=%20")->body,
                        "GET /echo?a=1&b=%20\nno type, 0 bytes\n");
    assert_string_equal(crew_test_post(test, "/echo", "text/x", "body", 4)->body,
                        "POST /echo?\ntext/x, 4 bytes\nbody");
    assert_string_equal(crew_test_post_json(test, "/echo", "{\"a\": 1}")->body,
                        "POST /echo?\napplication/json, 8 bytes\n{\"a\": 1}");
    assert_string_equal(crew_test_post_form(test, "/echo", "a", "milk & tea",
                                            "\xc3\xa9=", "100%*-._~", NULL)
                            ->body,
                        "POST /echo?\napplication/x-www-form-urlencoded, 38 bytes\n"
                        "a=milk+%26+tea&%C3%A9%3D=100%25*-._%7E");
    assert_string_equal(crew_test_post_form(test, "/echo", NULL)->body,
                        "POST /echo?\napplication/x-www-form-urlencoded, 0 bytes\n");
}

static void test_send_takes_any_request(void **state) {
    (void)state;
    struct crew_test_request request = {.path = "/echo", .body = "x", .body_bytes = 1};
    assert_string_equal(crew_test_send(test, &request)->body,
                        "POST /echo?\nno type, 1 bytes\nx");
    request.method = "PUT";
    request.task = "echo";
    request.path = "/anywhere/x?y";
    assert_string_equal(crew_test_send(test, &request)->body,
                        "PUT /anywhere/x?y\nno type, 1 bytes\nx");
    request = (struct crew_test_request){.method = "HEAD", .path = "/bytes?n=9"};
    answered response = crew_test_send(test, &request);
    assert_int_equal(response->body_bytes, 0);
    assert_string_equal(crew_test_header(response, "Content-Length"), "9");
}

static void assert_not_sent(const struct crew_test_request *request) {
    answered response = crew_test_send(test, request);
    assert_int_equal(response->error, CREW_EINVAL);
    assert_int_equal(response->status, 0);
    assert_string_equal(response->outcome, "");
    assert_string_equal(response->body, "");
}

static void test_invalid_requests_are_not_sent(void **state) {
    (void)state;
    static const char *const paths[] = {"",       "echo",     "?a",     "/a b", "/a\n",
                                        "/a\x7f", "/a%00b?c", "/a?b c", NULL};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_not_sent(&(struct crew_test_request){.path = paths[i]});
    const char *const name[] = {"X Y", "z", NULL}, *const value[] = {"X", "y\n", NULL};
    assert_not_sent(&(struct crew_test_request){.path = "/echo", .headers = name});
    assert_not_sent(&(struct crew_test_request){.path = "/echo", .headers = value});
    assert_not_sent(&(struct crew_test_request){.path = "/echo", .method = "G T"});
    assert_not_sent(&(struct crew_test_request){.path = "/echo", .task = ""});
    assert_int_equal(crew_test_task(test, "", NULL)->error, CREW_EINVAL);
    assert_int_equal(crew_test_get(test, "/echo?a%00b")->status, 200);
}

/* ---- what the web server adds ---- */

/* TEXT has exactly COUNT lines of parameter NAME. */
static void assert_param(const char *text, const char *name, const char *value) {
    char line[256];
    snprintf(line, sizeof line, "\n%s=%s\n", name, value);
    if (strstr(text, line) == NULL && strncmp(text, line + 1, strlen(line + 1)) != 0)
        fail_msg("no %s=%s in:\n%s", name, value, text);
    snprintf(line, sizeof line, "\n%s=", name);
    const char *first = strstr(text, line);
    if (first != NULL && strstr(first + 1, line) != NULL)
        fail_msg("%s is there twice in:\n%s", name, text);
}

static void assert_no_param(const char *text, const char *name) {
    char line[256];
    snprintf(line, sizeof line, "\n%s=", name);
    if (strstr(text, line) != NULL)
        fail_msg("there is %s in:\n%s", name, text);
}

/* system.testclient compares them with those of nginx. */
static void test_params_of_nginx(void **state) {
    (void)state;
    const char *env = crew_test_get(test, "/e%6ev?a=%20")->body;
    assert_param(env, "QUERY_STRING", "a=%20");
    assert_param(env, "PATH_INFO", "/env");
    assert_param(env, "REQUEST_URI", "/e%6ev?a=%20");
    assert_param(env, "DOCUMENT_URI", "/env");
    assert_param(env, "SERVER_PORT", "80");
    assert_param(env, "HTTP_HOST", "localhost");
    assert_param(env, "CONTENT_LENGTH", "");
    assert_no_param(env, "HTTPS");
    assert_no_param(env, "HTTP_COOKIE");
    assert_int_equal(crew_test_get(test, "/a%20b")->status, 200);
}

static void test_params_can_be_set(void **state) {
    (void)state;
    crew_test_set_param(test, "SCRIPT_NAME", "/app");
    crew_test_set_param(test, "REMOTE_ADDR", "192.0.2.1");
    crew_test_set_param(test, "SERVER_NAME", NULL);
    crew_test_set_param(test, "HTTPS", "on");
    crew_test_set_header(test, "Accept-Language", "de");
    const char *env = crew_test_get(test, "/env?a")->body;
    assert_param(env, "REQUEST_URI", "/app/env?a");
    assert_param(env, "DOCUMENT_URI", "/app/env");
    assert_param(env, "PATH_INFO", "/env");
    assert_param(env, "REMOTE_ADDR", "192.0.2.1");
    assert_param(env, "REQUEST_SCHEME", "https");
    assert_param(env, "SERVER_PORT", "443");
    assert_param(env, "HTTP_ACCEPT_LANGUAGE", "de");
    assert_no_param(env, "SERVER_NAME");
    crew_test_set_header(test, "Accept-Language", NULL);
    assert_no_param(crew_test_get(test, "/env")->body, "HTTP_ACCEPT_LANGUAGE");
}

static void test_params_of_a_request_come_first(void **state) {
    (void)state;
    const char *const headers[] = {"Host", "a",     "X-Two", "b", "X-Two",
                                   "c",    "Proxy", "evil",  NULL};
    const char *const params[] = {"REMOTE_USER", "neo", "HTTPS", "on", NULL};
    const struct crew_test_request request = {
        .path = "/env", .headers = headers, .params = params};
    crew_test_set_header(test, "X-Two", "never");
    crew_test_set_param(test, "REMOTE_USER", "smith");
    const char *env = crew_test_send(test, &request)->body;
    assert_param(env, "HTTP_HOST", "a");
    assert_non_null(strstr(env, "\nHTTP_X_TWO=b\nHTTP_X_TWO=c\n"));
    assert_null(strstr(env, "never"));
    assert_param(env, "REMOTE_USER", "neo");
    assert_param(env, "SERVER_PORT", "443");
    assert_no_param(env, "HTTP_PROXY");
    assert_param(crew_test_get(test, "/env")->body, "REMOTE_USER", "smith");
}

static void test_content_type_can_be_a_header(void **state) {
    (void)state;
    const char *const headers[] = {"Content-Type", "text/x", NULL};
    const struct crew_test_request request = {
        .path = "/env", .headers = headers, .body = "", .body_bytes = 0};
    const char *env = crew_test_send(test, &request)->body;
    assert_param(env, "CONTENT_TYPE", "text/x");
    assert_param(env, "CONTENT_LENGTH", "0");
}

/* ---- plain calls ---- */

static void test_plain_calls(void **state) {
    (void)state;
    answered response = crew_test_task(test, "echo", "hi");
    assert_string_equal(response->body, " ?\ntext/plain; charset=utf-8, 2 bytes\nhi");
    assert_string_equal(response->content_type, "text/plain; charset=utf-8");
    assert_int_equal(response->header_count, 0);
    assert_string_equal(crew_test_task(test, "unknown", NULL)->outcome, "no-workers");

    const struct crew_pair header = {"X-A", 3, "b", 1};
    struct crew_call call = {.task = "env", .pairs = &header, .pair_count = 1};
    assert_string_equal(crew_test_run(test, &call)->body, "X-A=b\n");
    call = (struct crew_call){.task = "left", .expiration_ms = 500};
    assert_in_range(atoi(crew_test_run(test, &call)->body), 1, 500);
    call = (struct crew_call){.task = "left", .form = CREW_PING};
    assert_int_equal(crew_test_run(test, &call)->status, 204);
}

/* ---- time ---- */

static void test_timeout(void **state) {
    (void)state;
    assert_in_range(atoi(crew_test_get(test, "/left")->body), 20000, 30000);
    crew_test_set_left_ms(test, 50);
    answered response = crew_test_get(test, "/work");
    assert_int_equal(response->status, 504);
    assert_string_equal(response->outcome, "timeout");
    assert_string_equal(response->body, "");
    assert_true(crew_test_logged(test, "stopped after"));
    assert_false(crew_test_logged(test, "1000 rounds"));
}

static void test_stop_before_the_deadline(void **state) {
    (void)state;
    crew_test_stop_after_ms(test, 200);
    answered response = crew_test_get(test, "/work");
    assert_int_equal(response->status, 200);
    assert_string_equal(response->body, "stopped");
    assert_false(crew_test_logged(test, "after 0 rounds"));
    crew_test_stop_after_ms(test, 0);
    crew_test_get(test, "/work");
    assert_true(crew_test_logged(test, "after 0 rounds"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_explains_errors),
        cmocka_unit_test(test_options),
        TEST(test_state_lasts),
        TEST(test_response_fields),
        TEST(test_response_outcomes),
        TEST(test_logs_are_recorded),
        TEST(test_usual_requests),
        TEST(test_send_takes_any_request),
        TEST(test_invalid_requests_are_not_sent),
        TEST(test_params_of_nginx),
        TEST(test_params_can_be_set),
        TEST(test_params_of_a_request_come_first),
        TEST(test_content_type_can_be_a_header),
        TEST(test_plain_calls),
        TEST(test_timeout),
        TEST(test_stop_before_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
