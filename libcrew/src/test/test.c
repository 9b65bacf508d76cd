/* A crew_test: the app, loaded as often as handlers run at a time, and what runs it. */
#include "test/test_room.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "wire/envelope.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEFT_MS = 30000, MAX_RESPONSE_BYTES = 16 * 1024 * 1024, PING_STATUS = 204 };

/* ---- making ---- */

static bool is_stopping(void *arg) {
    const struct crew_test *test = arg;
    const struct test_run *run = &test->runs[test->depth - 1];
    uint64_t now_ms = clock_ms();
    return now_ms >= run->stops_at_ms || now_ms >= run->ends_at_ms;
}

/* argv as app-worker would have it: the app, and what stands behind it. */
static void set_arguments(struct crew_test *test, const char *const *args) {
    size_t count = 0;
    while (args != NULL && args[count] != NULL)
        count++;
    test->argv = xreallocarray(NULL, count + 2, sizeof *test->argv);
    test->argv[0] = xstrdup(test->path);
    for (size_t i = 0; i < count; i++)
        test->argv[i + 1] = xstrdup(args[i]);
    test->argv[count + 1] = NULL;
    test->options.argc = (int)count + 1;
    test->options.argv = test->argv;
}

static crew_test *test_made(const char *path, int (*init)(crew_app *app),
                            const struct crew_test_options *options) {
    struct crew_test *test = xcalloc(1, sizeof *test);
    test->path = xstrdup(path);
    test->route_task =
        xstrdup(options->route_task != NULL ? options->route_task : "http");
    test->keeps_cookies = !options->no_cookies;
    test->left_ms = LEFT_MS;
    test->stop_after_ms = CREW_TEST_NEVER;
    test->options = (struct crew_host_options){
        .path = test->path,
        .init = init,
        .route_task = test->route_task,
        .node_uuid = "00000000-0000-4000-8000-000000000000",
        .max_response_bytes = options->max_response_bytes != 0
                                  ? options->max_response_bytes
                                  : MAX_RESPONSE_BYTES,
        .port = {test, test_group, test_log, is_stopping, NULL, test_publish},
    };
    set_arguments(test, options->args);
    return test;
}

/* One more handler process, as it were. */
static int add_host(struct crew_test *test, unsigned at, char *why, size_t why_bytes) {
    struct crew_host_options options = test->options;
    snprintf(test->uuids[at], sizeof test->uuids[at], "00000000-0000-4000-8000-%012u",
             at + 1);
    options.uuid = test->uuids[at];
    return crew_host_new(&options, &test->hosts[at], why, why_bytes);
}

static int make(const char *path, int (*init)(crew_app *app),
                const struct crew_test_options *options, crew_test **made, char *why,
                size_t why_bytes) {
    static const struct crew_test_options defaults;
    char unread[1];
    if (why == NULL) {
        why = unread;
        why_bytes = sizeof unread;
    }
    crew_test *test = test_made(path, init, options != NULL ? options : &defaults);
    int error = add_host(test, 0, why, why_bytes);
    if (error != CREW_OK) {
        crew_test_free(test);
        return error;
    }
    *made = test;
    return CREW_OK;
}

int crew_test_new(const char *path, const struct crew_test_options *options,
                  crew_test **test, char *why, size_t why_bytes) {
    return make(path, NULL, options, test, why, why_bytes);
}

int crew_test_new_app(int (*init)(crew_app *app), const struct crew_test_options *options,
                      crew_test **test, char *why, size_t why_bytes) {
    return make("the app", init, options, test, why, why_bytes);
}

void crew_test_clear(crew_test *test) {
    test_forget_exchanges(test);
    test_forget_calls(test);
    test_forget_publishes(test);
    test_forget_logs(test);
}

void crew_test_free(crew_test *test) {
    if (test == NULL)
        return;
    for (unsigned i = 0; i < TEST_DEPTH_MOST; i++)
        crew_host_free(test->hosts[i]);
    crew_test_clear(test);
    test_forget_callees(test);
    cookies_fini(&test->cookies);
    params_fini(&test->params);
    for (char **arg = test->argv; *arg != NULL; arg++)
        free(*arg);
    free(test->argv);
    free(test->route_task);
    free(test->path);
    free(test);
}

/* ---- the surroundings ---- */

void crew_test_set_left_ms(crew_test *test, uint32_t left_ms) {
    test->left_ms = left_ms;
}

void crew_test_stop_after_ms(crew_test *test, uint32_t run_ms) {
    test->stop_after_ms = run_ms;
}

const char *crew_test_cookie(const crew_test *test, const char *name) {
    return cookies_value(&test->cookies, name);
}

void crew_test_set_cookie(crew_test *test, const char *set_cookie) {
    cookies_take(&test->cookies, set_cookie, "localhost", "/");
}

void crew_test_clear_cookies(crew_test *test) {
    cookies_fini(&test->cookies);
}

/* ---- running ---- */

bool test_serves(const struct crew_test *test, const char *task) {
    size_t count;
    const char *const *tasks = crew_host_tasks(test->hosts[0], &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(tasks[i], task) == 0)
            return true;
    return false;
}

static struct crew_answer outcome(int error) {
    return (struct crew_answer){.error = error, .status = crew_error_status(error)};
}

/* The host for one more handler; null when there can be none. */
static crew_host *next_host(struct crew_test *test, const char *id) {
    char why[256];
    if (test->hosts[test->depth] == NULL &&
        add_host(test, test->depth, why, sizeof why) != CREW_OK)
        test_log(test, CREW_LOG_ERROR, id, why);
    return test->hosts[test->depth];
}

static void run_on(struct crew_test *test, crew_host *host,
                   const struct crew_task_view *view, uint32_t left_ms,
                   struct crew_answer *answer) {
    struct test_run *run = &test->runs[test->depth];
    uint64_t now_ms = clock_ms();
    run->ends_at_ms = now_ms + left_ms;
    run->stops_at_ms = UINT64_MAX;
    if (test->depth == 0 && test->stop_after_ms != CREW_TEST_NEVER)
        run->stops_at_ms = now_ms + test->stop_after_ms;
    test->depth++;
    crew_host_run(host, view, left_ms, answer);
    test->depth--;
    if (clock_ms() >= run->ends_at_ms)
        *answer = outcome(CREW_ETIMEOUT);
}

/* A handler's answer, or why there is none. */
static void serve(struct crew_test *test, const struct crew_task_view *view,
                  uint32_t left_ms, struct crew_answer *answer) {
    if (test->depth == TEST_DEPTH_MOST) {
        *answer = outcome(CREW_EOVERLOADED);
        return;
    }
    crew_host *host = next_host(test, view->id);
    if (host != NULL)
        run_on(test, host, view, left_ms, answer);
    else
        *answer = outcome(CREW_ENOWORKERS);
}

void test_run(struct crew_test *test, const struct crew_call *call,
              struct crew_answer *answer) {
    char id[32];
    struct buffer pairs = BUFFER_INIT;
    snprintf(id, sizeof id, "test-%lu", ++test->requests);
    for (size_t i = 0; i < call->pair_count; i++)
        wire_put_pair(&pairs, call->pairs[i].name, call->pairs[i].name_bytes,
                      call->pairs[i].value, call->pairs[i].value_bytes);
    const struct crew_task_view view = {.form = call->form,
                                        .task = call->task,
                                        .id = call->id != NULL ? call->id : id,
                                        .content_type = call->content_type,
                                        .pairs = pairs.data,
                                        .pairs_bytes = pairs.len,
                                        .body = call->body,
                                        .body_bytes = call->body_bytes};
    if (call->form == CREW_PING && test_serves(test, call->task))
        *answer = (struct crew_answer){.status = PING_STATUS};
    else
        serve(test, &view, call->expiration_ms, answer);
    buffer_fini(&pairs);
}
