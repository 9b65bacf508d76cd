/* Hooks before and after handlers: which of them run, in which order, and with which
 * result. */
#include "cmocka_all.h"

#include "host_port.h"
#include "host_run.h"
#include <string.h>

static struct host_port port;
static crew_host *host;

static int load(void **state) {
    (void)state;
    return host_load(APPS "/hooks.so", &port, &host);
}

static int unload(void **state) {
    (void)state;
    host_unload(&port, host);
    return 0;
}

static struct crew_answer run_http(const char *task, const char *method, const char *path,
                                   const char *query) {
    const char *const params[] = {"REQUEST_METHOD", method, "PATH_INFO", path,
                                  "QUERY_STRING",   query,  NULL};
    port.log.len = 0;
    return host_run(host, CREW_HTTP, task, params, "");
}

static struct crew_answer run_get(const char *path, const char *query) {
    return run_http("http", "GET", path, query);
}

static struct crew_answer run_plain(const char *task) {
    const char *const no_params[] = {NULL};
    port.log.len = 0;
    return host_run(host, CREW_PLAIN, task, no_params, "");
}

/* The log, "LEVEL id-1 TEXT\n" ..., as "TEXT, TEXT". */
static void assert_said(const char *wanted) {
    char said[500] = "";
    buffer_u8(&port.log, 0);
    char *rest = (char *)port.log.data;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
        strncat(said, said[0] != '\0' ? ", " : "", sizeof said - strlen(said) - 1);
        strncat(said, strstr(line, "id-1 ") + 5, sizeof said - strlen(said) - 1);
    }
    assert_string_equal(said, wanted);
}

/* ---- which ones, and in which order ---- */

static void test_hooks_run_around_the_handler(void **state) {
    (void)state;
    struct crew_answer answer = run_get("/admin/7", "do=neo");
    assert_answer(&answer, 200, "7 neo");
    assert_string_equal(answer_field(&answer, "X-Before"), "1");
    assert_string_equal(answer_field(&answer, "X-After"), "1");
    assert_said("before all, before paths, before admin 7, before admin too, handler, "
                "after admin neo, after paths, after all 200");
    answer = run_get("/admin/eight", "do=trinity");
    assert_answer(&answer, 200, "eight trinity");
}

static void test_hooks_of_a_prefix_are_for_whole_segments(void **state) {
    (void)state;
    struct crew_answer answer = run_get("/administrator", "");
    assert_answer(&answer, 200, "text");
    assert_said("before all, before paths, handler, after paths, after all 200");
}

static void test_hooks_run_without_a_route(void **state) {
    (void)state;
    struct crew_answer answer = run_get("/nowhere", "");
    assert_answer(&answer, 404, "404 Not Found\n");
    assert_string_equal(answer_field(&answer, "X-After"), "1");
    assert_said("before all, before paths, after paths, after all 404");

    answer = run_http("http", "PUT", "/failing", "");
    assert_answer(&answer, 405, "405 Method Not Allowed\n");
    assert_string_equal(answer_field(&answer, "Allow"), "GET, HEAD, OPTIONS");
    assert_said("before all, before paths, after paths, after all 405");

    answer = run_http("http", "OPTIONS", "/admin/7", "do=neo");
    assert_answer(&answer, 204, "");
    assert_said("before all, before paths, before admin -, before admin too, "
                "after admin neo, after paths, after all 204");

    answer = run_get("/admin", "do=neo");
    assert_answer(&answer, 404, "404 Not Found\n");
    assert_said("before all, before paths, before admin -, before admin too, "
                "after admin neo, after paths, after all 404");
}

static void test_hooks_depend_on_the_path_only(void **state) {
    (void)state;
    struct crew_answer answer = run_plain("text");
    assert_answer(&answer, 200, "text");
    assert_said("before all, handler, after all 200");
    run_get("/admin/7", "do=neo");
    answer = run_http("text", "POST", "/admin/x", "do=neo");
    assert_answer(&answer, 200, "text");
    assert_said("before all, before paths, before admin -, before admin too, handler, "
                "after admin neo, after paths, after all 200");
    answer = run_plain("unknown");
    assert_outcome(&answer, CREW_ENOWORKERS);
    assert_said("the app has no task unknown");
}

/* ---- what a before-hook returns ---- */

static void test_hooks_may_replace_the_handler(void **state) {
    (void)state;
    static const char said[] = "before all, before paths, before admin 7, "
                               "after admin -, after paths, after all ";
    char wanted[200];
    struct crew_answer answer = run_get("/admin/7", "");
    assert_answer(&answer, 401, "401 Unauthorized: log in\n");
    assert_said(strcat(strcpy(wanted, said), "401"));
    answer = run_get("/admin/7", "do=redirect");
    assert_answer(&answer, 303, "");
    assert_string_equal(answer_field(&answer, "Location"), "/login");
    assert_string_equal(answer_field(&answer, "X-After"), "1");
    assert_said(strcat(strcpy(wanted, said), "303"));
    answer = run_get("/admin/7", "do=refuse");
    assert_answer(&answer, 400, "400 Bad Request\n");
    assert_said(strcat(strcpy(wanted, said), "400"));
}

static void test_hooks_that_fail_prevent_the_handler(void **state) {
    (void)state;
    struct crew_answer answer = run_get("/admin/7", "do=fail");
    assert_outcome(&answer, CREW_EFAILED);
    assert_said("before all, before paths, before admin 7, a before-hook returned -1, "
                "after admin -, after paths, after all 500");
    answer = run_get("/admin/7", "do=spoil");
    assert_outcome(&answer, CREW_EBADRESPONSE);
    assert_said("before all, before paths, before admin 7, "
                "after admin spoil, after paths, after all 502, "
                "the response is not valid: no such status: 1");
}

/* ---- after ---- */

static void test_hooks_see_that_the_handler_failed(void **state) {
    (void)state;
    struct crew_answer answer = run_get("/failing", "");
    assert_outcome(&answer, CREW_EFAILED);
    assert_said("before all, before paths, handler, the handler returned 7, "
                "after paths, after all 500");
}

static void test_hooks_may_replace_the_response(void **state) {
    (void)state;
    struct crew_answer answer = run_get("/replaced", "");
    assert_answer(&answer, 503, "503 Service Unavailable: not now\n");
    assert_said("before all, before paths, handler, after paths, after all 503");
}

static void test_hooks_may_make_the_response_invalid(void **state) {
    (void)state;
    struct crew_answer answer = run_get("/spoiled", "");
    assert_outcome(&answer, CREW_EBADRESPONSE);
    assert_said("before all, before paths, handler, after paths, after all 502, "
                "the response is not valid: not a field value, in: X");
}

/* ---- what a request carries ---- */

static void test_hooks_values_are_destroyed_with_the_request(void **state) {
    (void)state;
    run_get("/admin/7", "do=neo"); /* sets two values, one of them twice */
    struct crew_answer answer = run_plain("count");
    assert_answer(&answer, 200, "2");
    run_get("/admin/7", "");
    answer = run_plain("count");
    assert_answer(&answer, 200, "2");
    run_get("/admin/7", "do=spoil");
    answer = run_plain("count");
    assert_answer(&answer, 200, "4");
}

int main(void) {
#define LOADED(f) cmocka_unit_test_setup_teardown(f, load, unload)
    const struct CMUnitTest tests[] = {
        LOADED(test_hooks_run_around_the_handler),
        LOADED(test_hooks_of_a_prefix_are_for_whole_segments),
        LOADED(test_hooks_run_without_a_route),
        LOADED(test_hooks_depend_on_the_path_only),
        LOADED(test_hooks_may_replace_the_handler),
        LOADED(test_hooks_that_fail_prevent_the_handler),
        LOADED(test_hooks_see_that_the_handler_failed),
        LOADED(test_hooks_may_replace_the_response),
        LOADED(test_hooks_may_make_the_response_invalid),
        LOADED(test_hooks_values_are_destroyed_with_the_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
