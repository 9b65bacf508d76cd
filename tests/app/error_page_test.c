/* The error page of an app: which errors use it, and its errors. */
#include "cmocka_all.h"

#include "host_port.h"
#include "host_run.h"
#include <string.h>

static struct host_port port;
static crew_host *host;

static int load(void **state) {
    (void)state;
    return host_load(APPS "/error_page.so", &port, &host);
}

static int unload(void **state) {
    (void)state;
    host_unload(&port, host);
    return 0;
}

static struct crew_answer run(const char *method, const char *path, const char *body) {
    const char *const params[] = {"REQUEST_METHOD", method, "PATH_INFO", path, NULL};
    return host_run(host, CREW_HTTP, "http", params, body);
}

static void assert_logged(const char *wanted) {
    buffer_u8(&port.log, 0);
    assert_string_equal((char *)port.log.data, wanted);
}

static void test_error_page_for_errors_of_the_app(void **state) {
    (void)state;
    struct crew_answer answer = run("GET", "/nowhere", "");
    assert_answer(&answer, 404, "<p>/nowhere: 404 </p>");
    assert_string_equal(answer_field(&answer, "Content-Type"), "text/html");
    answer = run("GET", "/erring", "");
    assert_answer(&answer, 405, "<p>/erring: 405 </p>");
    assert_string_equal(answer_field(&answer, "Allow"), "POST, OPTIONS");
    answer = run("GET", "/refusing", "");
    assert_answer(&answer, 400, "<p>/refusing: 400 </p>");
    answer = run("GET", "/before/x", "");
    assert_answer(&answer, 401, "<p>/before/x: 401 </p>");
    answer = run("GET", "/after", "");
    assert_answer(&answer, 503, "<p>/after: 503 late</p>");
    const char *const no_params[] = {NULL};
    answer = host_run(host, CREW_PLAIN, "refusing", no_params, "");
    assert_answer(&answer, 400, "<p>: 400 </p>");
}

static void test_error_page_replaces_the_body(void **state) {
    (void)state;
    struct crew_answer answer = run("POST", "/erring", "not now");
    assert_answer(&answer, 409, "<p>/erring: 409 not now</p>");
    assert_string_equal(answer_field(&answer, "Content-Type"), "text/html");
    assert_string_equal(answer_field(&answer, "Retry-After"), "3");
    assert_int_equal(answer.pair_count, 2);
}

static void test_error_page_for_head_has_a_length(void **state) {
    (void)state;
    struct crew_answer answer = run("HEAD", "/nowhere", "");
    assert_answer(&answer, 404, "");
    assert_string_equal(answer_field(&answer, "Content-Length"), "21");
}

static void test_error_page_not_for_a_plain_status(void **state) {
    (void)state;
    struct crew_answer answer = run("GET", "/own", "");
    assert_answer(&answer, 404, "my own");
    answer = run("GET", "/failing", "");
    assert_outcome(&answer, CREW_EFAILED);
    assert_logged("2 id-1 the handler returned 7\n");
    answer = run("OPTIONS", "/erring", "");
    assert_answer(&answer, 204, "");
}

static void test_error_page_may_fail(void **state) {
    (void)state;
    struct crew_answer answer = run("POST", "/erring", "fail");
    assert_outcome(&answer, CREW_EFAILED);
    assert_logged("1 id-1 page 409\n2 id-1 the error page returned 3\n");
    answer = run("POST", "/erring", "spoil");
    assert_outcome(&answer, CREW_EBADRESPONSE);
    answer = run("POST", "/erring", "again");
    assert_answer(&answer, 418, "418: again\n");
    answer = run("POST", "/erring", "fine");
    assert_answer(&answer, 409, "<p>/erring: 409 fine</p>");
}

int main(void) {
#define LOADED(f) cmocka_unit_test_setup_teardown(f, load, unload)
    const struct CMUnitTest tests[] = {
        LOADED(test_error_page_for_errors_of_the_app),
        LOADED(test_error_page_replaces_the_body),
        LOADED(test_error_page_for_head_has_a_length),
        LOADED(test_error_page_not_for_a_plain_status),
        LOADED(test_error_page_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
