/* Loading apps and running their handlers, through libcrew.so as app-worker does. */
#include "cmocka_all.h"

#include "host_port.h"
#include "host_run.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct host_port port;
static crew_host *host;

/* ---- what cannot be used ---- */

static void assert_refused(const char *path, int wanted_error, const char *wanted_word) {
    char word[] = "argument";
    char *argv[] = {word, word};
    struct crew_host_options options = host_port_options(&port, path, argv);
    crew_host *made = NULL;
    char why[256] = "";
    int error = crew_host_new(&options, &made, why, sizeof why);
    if (error != wanted_error || strstr(why, wanted_word) == NULL)
        fail_msg("%s: %d, %s", path, error, why);
    assert_null(made);
    assert_null(strchr(why, '\n'));
    if (strstr(path, "bad_") != NULL)
        assert_non_null(strstr(why, path));
}

static void test_host_rejects_files_that_are_not_apps(void **state) {
    (void)state;
    assert_refused("/nowhere/app.so", CREW_EINVAL, "No such file");
    assert_refused("nowhere.so", CREW_EINVAL, "./nowhere.so");
    assert_refused("/etc/passwd", CREW_EINVAL, "/etc/passwd");
    assert_refused(APPS "/bad_not_an_app.so", CREW_EINVAL, "not a crew app");
    assert_refused(APPS "/bad_abi.so", CREW_EINVAL, "ABI 999");
}

static void test_host_rejects_apps_that_cannot_be_served(void **state) {
    (void)state;
    assert_refused(APPS "/bad_empty.so", CREW_EINVAL, "neither routes nor tasks");
    assert_refused(APPS "/bad_failing.so", CREW_EFAILED, "CREW_APP returned 5");
    assert_refused(APPS "/bad_setup.so", CREW_EFAILED, "set-up returned 3");
    assert_refused(APPS "/bad_duplicate.so", CREW_EEXIST, "task one is there twice");
    assert_refused(APPS "/bad_conflict.so", CREW_EEXIST, "task http is there twice");
}

static void test_host_names_invalid_registrations(void **state) {
    (void)state;
    assert_refused(APPS "/bad_pattern.so", CREW_EINVAL,
                   "route GET, POST /a/:x/:x is not acceptable");
    assert_refused(APPS "/bad_ambiguous.so", CREW_EEXIST,
                   "route GET /users/:name is there twice");
    assert_refused(APPS "/bad_before.so", CREW_EINVAL,
                   "the hook before /admin/ is not acceptable");
    assert_refused(APPS "/bad_after.so", CREW_EINVAL,
                   "the hook after /:a is not acceptable");
}

static void test_host_finds_an_app_in_this_folder(void **state) {
    (void)state;
    char word[] = "argument";
    char *argv[] = {word, word};
    struct crew_host_options options = host_port_options(&port, "sample.so", argv);
    crew_host *made;
    char why[256];
    assert_int_equal(chdir(APPS), 0);
    assert_int_equal(crew_host_new(&options, &made, why, sizeof why), CREW_OK);
    crew_host_free(made);
}

/* ---- running ---- */

static int load(void **state) {
    (void)state;
    return host_load(APPS "/sample.so", &port, &host);
}

static int unload(void **state) {
    (void)state;
    host_unload(&port, host);
    return 0;
}

static struct crew_answer run_task(enum crew_form form, const char *task,
                                   const char *const *params, const char *body) {
    return host_run(host, form, task, params, body);
}

static struct crew_answer run_route(const char *method, const char *path) {
    const char *const params[] = {"REQUEST_METHOD", method, "PATH_INFO", path, NULL};
    return run_task(CREW_HTTP, "http", params, "");
}

static struct crew_answer run_plain(const char *task, const char *body) {
    const char *const no_params[] = {NULL};
    return run_task(CREW_PLAIN, task, no_params, body);
}

static void test_host_names_its_tasks(void **state) {
    (void)state;
    size_t count;
    const char *const *tasks = crew_host_tasks(host, &count);
    assert_int_equal(count, 6);
    assert_string_equal(tasks[0], "failing");
    assert_string_equal(tasks[5], "http");
}

static void test_host_keeps_state_between_requests(void **state) {
    (void)state;
    struct crew_answer answer = run_route("GET", "/counter");
    assert_answer(&answer, 200, "1 process-uuid node-uuid");
    answer = run_plain("counter", "");
    assert_answer(&answer, 200, "2 process-uuid node-uuid");
    assert_string_equal(answer.content_type, "text/plain; charset=utf-8");
    answer = run_route("GET", "/counter");
    assert_answer(&answer, 200, "3 process-uuid node-uuid");
    assert_null(answer.content_type);
    assert_int_equal(answer.pair_count, 1);
}

static void test_host_answers_404_405_and_options(void **state) {
    (void)state;
    struct crew_answer answer = run_route("GET", "/other");
    assert_answer(&answer, 404, "404 Not Found\n");
    answer = run_plain("http", "");
    assert_answer(&answer, 404, "404 Not Found\n");

    answer = run_route("DELETE", "/counter");
    assert_answer(&answer, 405, "405 Method Not Allowed\n");
    assert_int_equal(answer.pair_count, 2);
    assert_memory_equal(answer.pairs[1].name, "Allow", 5);
    assert_memory_equal(answer.pairs[1].value, "GET, POST, HEAD, OPTIONS", 24);

    answer = run_route("OPTIONS", "/counter");
    assert_answer(&answer, 204, "");
    assert_int_equal(answer.pair_count, 1);
    assert_memory_equal(answer.pairs[0].value, "GET, POST, HEAD, OPTIONS", 24);
}

static void test_host_reads_a_number_of_the_path(void **state) {
    (void)state;
    struct crew_answer answer = run_route("GET", "/number/7");
    assert_answer(&answer, 200, "7");
    answer = run_route("GET", "/number/100");
    assert_answer(&answer, 200, "-1");
    answer = run_route("GET", "/number/7x");
    assert_answer(&answer, 200, "-1");
}

static void test_host_serves_head_by_get(void **state) {
    (void)state;
    struct crew_answer answer = run_route("HEAD", "/counter");
    assert_answer(&answer, 200, "");
    assert_int_equal(answer.pair_count, 2);
    assert_memory_equal(answer.pairs[1].name, "Content-Length", 14);
    assert_memory_equal(answer.pairs[1].value, "24", 2);
}

static void assert_logged(const char *text) {
    buffer_append(&port.log, "", 1);
    if (strstr((char *)port.log.data, text) == NULL)
        fail_msg("log: %s", (char *)port.log.data);
}

static void test_host_answers_for_handlers_that_fail(void **state) {
    (void)state;
    struct crew_answer answer = run_route("GET", "/failing");
    assert_outcome(&answer, CREW_EFAILED);
    assert_logged("2 id-1 the handler returned 7\n");
    answer = run_plain("failing", "");
    assert_outcome(&answer, CREW_EFAILED);
}

static void test_host_answers_bad_requests(void **state) {
    (void)state;
    struct crew_answer answer = run_route("GET", "/refusing");
    assert_answer(&answer, 400, "400 Bad Request\n");
    assert_int_equal(answer.pair_count, 1);
    assert_memory_equal(answer.pairs[0].value, "text/plain; charset=utf-8", 25);
    assert_int_equal(port.log.len, 0);
}

static void test_host_answers_for_responses_that_are_invalid(void **state) {
    (void)state;
    struct crew_answer answer = run_route("GET", "/invalid");
    assert_outcome(&answer, CREW_EBADRESPONSE);
    assert_logged("2 id-1 the response is not valid: not a field value, in: X\n");
    answer = run_route("GET", "/large");
    assert_outcome(&answer, CREW_EBADRESPONSE);
    answer = run_route("GET", "/counter");
    assert_answer(&answer, 200, "1 process-uuid node-uuid");
}

static void test_host_answers_malformed_tasks(void **state) {
    (void)state;
    struct crew_answer answer = run_plain("unknown", "");
    assert_outcome(&answer, CREW_ENOWORKERS);
    static const uint8_t torn[] = {0, 1, 0};
    struct crew_task_view view = {.form = CREW_HTTP,
                                  .task = "http",
                                  .id = "1",
                                  .pairs = torn,
                                  .pairs_bytes = sizeof torn};
    crew_host_run(host, &view, 1000, &answer);
    assert_outcome(&answer, CREW_EBADENVELOPE);
}

static void test_host_passes_log_and_stop_through_the_port(void **state) {
    (void)state;
    struct crew_answer answer = run_route("GET", "/logging");
    assert_answer(&answer, 200, "running");
    port.stopping = true;
    answer = run_route("GET", "/logging");
    assert_answer(&answer, 200, "stopping");
    assert_logged("1 id-1 a line, 1\n");
}

static void test_host_passes_calls_through_the_port(void **state) {
    (void)state;
    port.answer = (struct crew_answer){.status = 200};
    struct crew_answer answer = run_plain("calling", "one");
    assert_answer(&answer, 200, "0 200");
    assert_in_range(port.call_expiration_ms, 4000, 5000);

    port.answer = (struct crew_answer){.error = CREW_ETIMEOUT, .status = 504};
    answer = run_plain("calling", "longer");
    char wanted[32];
    snprintf(wanted, sizeof wanted, "%d 504", CREW_ETIMEOUT);
    assert_answer(&answer, 200, wanted);
    assert_in_range(port.call_expiration_ms, 4000, 5000);

    assert_int_equal(port.calls, 2);
    answer = run_plain("calling", "");
    snprintf(wanted, sizeof wanted, "%d 500", CREW_EINVAL);
    assert_answer(&answer, 200, wanted);
    assert_int_equal(port.calls, 2);
}

static void test_host_passes_publications_through_the_port(void **state) {
    (void)state;
    struct crew_answer answer = run_plain("publishing", "news.today");
    assert_answer(&answer, 200, "0");
    assert_in_range(port.publish_expiration_ms, 4000, 5000);
    port.publish_error = CREW_EOVERLOADED;
    answer = run_plain("publishing", "full");
    char wanted[32];
    snprintf(wanted, sizeof wanted, "%d", CREW_EOVERLOADED);
    assert_answer(&answer, 200, wanted);

    answer = run_plain("publishing", "news.*"); /* not reached */
    snprintf(wanted, sizeof wanted, "%d", CREW_EINVAL);
    assert_answer(&answer, 200, wanted);
    buffer_u8(&port.published, 0);
    assert_string_equal(port.published.data, "news.today - hello\nfull - hello\n");
}

static void test_host_passes_groups_through_the_port(void **state) {
    (void)state;
    port.answer = (struct crew_answer){.status = 201};
    struct crew_answer answer = run_plain("grouping", "one");
    assert_answer(&answer, 200, "0: 201 201 201");
    assert_int_equal(port.calls, 3);
    assert_in_range(port.call_expiration_ms, 4000, 5000);

    /* An invalid task name: no call is made, and all answers have the error. */
    answer = run_plain("grouping", "");
    char wanted[32];
    snprintf(wanted, sizeof wanted, "%d: 500 500 500", CREW_EINVAL);
    assert_answer(&answer, 200, wanted);
    assert_int_equal(port.calls, 3);
}

static struct crew_answer run_streaming(const char *body) {
    const char *const params[] = {"REQUEST_METHOD", "POST", "PATH_INFO", "/streaming",
                                  NULL};
    port.flushed.len = 0;
    return run_task(CREW_HTTP, "http", params, body);
}

static void test_host_streams_through_the_port(void **state) {
    (void)state;
    struct crew_answer answer = run_streaming("");
    assert_answer(&answer, 200, "");
    assert_memory_equal(port.flushed.data, "[200 1]one|two||", 16);

    answer = run_streaming("3");
    assert_outcome(&answer, CREW_EFAILED);
    assert_logged("2 id-1 the handler returned 3\n");

    /* After a failed flush its result does not matter. */
    port.log.len = 0;
    port.flush_error = CREW_ECANCELLED;
    answer = run_streaming("");
    assert_int_equal(answer.error, CREW_ECANCELLED);
    assert_int_equal(port.log.len, 0);
}

int main(void) {
#define LOADED(f) cmocka_unit_test_setup_teardown(f, load, unload)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_rejects_files_that_are_not_apps),
        cmocka_unit_test(test_host_rejects_apps_that_cannot_be_served),
        cmocka_unit_test(test_host_names_invalid_registrations),
        cmocka_unit_test(test_host_finds_an_app_in_this_folder),
        LOADED(test_host_names_its_tasks),
        LOADED(test_host_keeps_state_between_requests),
        LOADED(test_host_answers_404_405_and_options),
        LOADED(test_host_reads_a_number_of_the_path),
        LOADED(test_host_serves_head_by_get),
        LOADED(test_host_answers_for_handlers_that_fail),
        LOADED(test_host_answers_bad_requests),
        LOADED(test_host_answers_for_responses_that_are_invalid),
        LOADED(test_host_answers_malformed_tasks),
        LOADED(test_host_passes_log_and_stop_through_the_port),
        LOADED(test_host_passes_calls_through_the_port),
        LOADED(test_host_passes_publications_through_the_port),
        LOADED(test_host_passes_groups_through_the_port),
        LOADED(test_host_streams_through_the_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
