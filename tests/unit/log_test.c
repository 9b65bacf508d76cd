/* daemon/log.h */
#include "child.h"
#include "daemon/log.h"
#include "daemon/log_event.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <regex.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static struct child_result result;

static void assert_matches(const char *text, const char *pattern) {
    regex_t compiled;
    assert_int_equal(regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&compiled, text, 0, NULL, 0) != 0)
        fail_msg("%s\ndoes not match\n%s", text, pattern);
    regfree(&compiled);
}

static unsigned count(const char *text, const char *piece) {
    unsigned found = 0;
    for (; (text = strstr(text, piece)) != NULL; text += strlen(piece))
        found++;
    return found;
}

/* ---- text ---- */

static void write_text_lines(void *arg) {
    (void)arg;
    log_open("prog");
    log_info("plain %d", 1);
    log_request(LOG_LEVEL_WARNING, "id\n1", "about it");
    log_request(LOG_LEVEL_ERROR, NULL, "about nothing");
    log_error("a\nb\tc\x1b[31m\xff\xc3\xa4\xc2\x85");
}

static void test_log_text_lines(void **state) {
    (void)state;
    child_run(write_text_lines, NULL, &result);
    assert_matches(result.err,
                   "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z "
                   "prog\\[[0-9]+\\] info: plain 1\n");
    assert_non_null(strstr(result.err, "] warning: [id\\n1] about it\n"));
    assert_non_null(strstr(result.err, "] error: about nothing\n"));
    assert_non_null(
        strstr(result.err, "error: a\\nb\\x09c\\x1b[31m\\xff\xc3\xa4\\xc2\\x85\n"));
    assert_int_equal(count(result.err, "\n"), 4);
}

static void write_long_line(void *arg) {
    char text[20001];
    (void)arg;
    memset(text, 'x', sizeof text - 1);
    text[20000] = '\0';
    log_info("%s", text);
}

static void test_log_truncated_line_says_how_much_is_missing(void **state) {
    (void)state;
    child_run(write_long_line, NULL, &result);
    assert_non_null(strstr(result.err, "xxx ... (3616 more bytes)\n"));
    assert_true(strlen(result.err) < 17000);
}

/* ---- JSON ---- */

static void write_json_lines(void *arg) {
    (void)arg;
    log_open("prog");
    assert_true(log_set_format("json"));
    log_request(LOG_LEVEL_INFO, "id-1", "a \"quoted\"\nline \xff end");
    log_warning("second");
}

static void test_log_json_lines(void **state) {
    (void)state;
    child_run(write_json_lines, NULL, &result);
    char *second = strchr(result.err, '\n') + 1;
    json_t *line = json_loadb(result.err, (size_t)(second - result.err), 0, NULL);
    assert_non_null(line);
    const char *message = json_string_value(json_object_get(line, "message"));
    assert_string_equal(message, "a \"quoted\"\nline \\xff end");
    assert_string_equal(json_string_value(json_object_get(line, "request")), "id-1");
    assert_string_equal(json_string_value(json_object_get(line, "level")), "info");
    assert_string_equal(json_string_value(json_object_get(line, "program")), "prog");
    assert_true(json_integer_value(json_object_get(line, "pid")) > 0);
    assert_matches(json_string_value(json_object_get(line, "time")), "^2.*T.*\\..{3}Z$");
    json_decref(line);
    line = json_loads(second, 0, NULL);
    assert_non_null(line);
    assert_null(json_object_get(line, "request"));
    json_decref(line);
    assert_int_equal(count(result.err, "\n"), 2);
}

/* ---- levels ---- */

static void write_every_level(void *arg) {
    assert_true(log_set_level(arg));
    assert_false(log_set_level("loud"));
    assert_false(log_set_format("xml"));
    log_debug("d");
    log_info("i");
    log_warning("w");
    log_error("e");
}

static void test_log_levels(void **state) {
    (void)state;
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    for (unsigned i = 0; i < 4; i++) {
        child_run(write_every_level, (void *)levels[i], &result);
        assert_int_equal(count(result.err, "\n"), i + 1);
    }
}

/* ---- a stderr that cannot be written ---- */

static void write_to_closed_stderr(void *arg) {
    (void)arg;
    close(STDERR_FILENO);
    log_open("prog");
    int next = open("/dev/null", O_RDONLY);
    errno = 77;
    log_error("to nobody");
    printf("%s %d", next > STDERR_FILENO ? "reserved" : "taken", errno);
}

static void write_to_broken_pipe(void *arg) {
    (void)arg;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    dup2(ends[1], STDERR_FILENO);
    log_open("prog");
    log_error("to nobody");
    printf("alive");
}

static void write_to_full_disk(void *arg) {
    (void)arg;
    dup2(open("/dev/full", O_WRONLY), STDERR_FILENO);
    log_open("prog");
    errno = 77;
    log_error("to nobody");
    printf("alive %d", errno); /* logging does not change errno */
}

static void test_log_ignores_errors_of_stderr(void **state) {
    (void)state;
    child_run(write_to_closed_stderr, NULL, &result);
    assert_string_equal(result.out, "reserved 77");
    child_run(write_to_broken_pipe, NULL, &result);
    assert_string_equal(result.out, "alive");
    child_run(write_to_full_disk, NULL, &result);
    assert_string_equal(result.out, "alive 77");
}

/* ---- libcrew's events ---- */

static void report_events(void *arg) {
    (void)arg;
    for (unsigned i = 0; i < 50; i++) {
        log_event(NULL, CREW_EVENT_DISCONNECTED, "connection refused");
        log_event(NULL, CREW_EVENT_DISCONNECTED, "wrong password");
    }
    log_event(NULL, CREW_EVENT_CONNECTED, "connected to it");
    log_event(NULL, CREW_EVENT_DISCONNECTED, "connection refused");
    log_event(NULL, CREW_EVENT_BLOCKED, "low on memory");
    log_event(NULL, CREW_EVENT_UNBLOCKED, "takes messages");
    log_event(NULL, CREW_EVENT_WARNING, "odd message");
    log_event(NULL, CREW_EVENT_WARNING, "odd message");
}

static void test_log_event_repeated_failures_are_one_line(void **state) {
    (void)state;
    child_run(report_events, NULL, &result);
    assert_int_equal(count(result.err, "warning: broker: wrong password"), 1);
    assert_int_equal(count(result.err, "warning: broker: connection refused"), 2);
    assert_int_equal(count(result.err, "info: broker: connected to it\n"), 1);
    assert_int_equal(count(result.err, "warning: broker: blocked: low on memory\n"), 1);
    assert_int_equal(count(result.err, "info: broker: takes messages\n"), 1);
    assert_int_equal(count(result.err, "warning: odd message\n"), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_text_lines),
        cmocka_unit_test(test_log_truncated_line_says_how_much_is_missing),
        cmocka_unit_test(test_log_json_lines),
        cmocka_unit_test(test_log_levels),
        cmocka_unit_test(test_log_ignores_errors_of_stderr),
        cmocka_unit_test(test_log_event_repeated_failures_are_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
