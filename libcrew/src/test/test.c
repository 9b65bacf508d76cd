/* The test client: the public functions of crew/test.h, and the port through which
 * handlers reach the outside. Each module of this folder has a part of the state; they do
 * not know of each other. */
#include "base/xalloc.h"
#include "test/answer.h"
#include "test/answer_stubs.h"
#include "test/cgi_environment.h"
#include "test/cookie_jar.h"
#include "test/exchange.h"
#include "test/host_stack.h"
#include "test/location.h"
#include "test/params.h"
#include "test/recorded_calls.h"
#include "test/recorded_logs.h"
#include "test/recorded_publications.h"
#include "wire/envelope.h"
#include "wire/http_fields.h"
#include "wire/task_name.h"
#include <crew/test.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEFT_MS = 30000,
    MAX_RESPONSE_BYTES = 16 * 1024 * 1024,
    PING_STATUS = 204,
    REDIRECTS_MAX = 20
};

struct crew_test {
    struct host_stack hosts;
    char *path;
    char **argv;
    char *route_task;

    struct params defaults; /* CGI parameters of all requests */
    struct cookie_jar cookies;
    bool keeps_cookies;
    uint32_t left_ms;
    uint32_t stop_after_ms;
    unsigned long run_count; /* numbers the request ids */

    struct answer_stubs stubs;
    int publish_error;
    struct exchanges exchanges;
    struct recorded_calls calls;
    struct recorded_publications publications;
    struct recorded_logs logs;
};

/* ---- running a handler ---- */

/* Let the app answer CALL, of the test or of a handler. ANSWER's memory is valid until
 * the next run at the same depth. */
static void run(struct crew_test *test, const struct crew_call *call,
                struct crew_answer *answer) {
    char id[32];
    struct buffer pairs = BUFFER_INIT;
    snprintf(id, sizeof id, "test-%lu", ++test->run_count);
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
    if (call->form == CREW_PING && host_stack_serves(&test->hosts, call->task))
        *answer = (struct crew_answer){.status = PING_STATUS};
    else
        host_stack_run(&test->hosts, &view, call->expiration_ms, test->stop_after_ms,
                       answer);
    buffer_fini(&pairs);
}

/* ---- the port: what handlers ask of the outside ---- */

static bool port_stopping(void *arg) {
    const struct crew_test *test = arg;
    return host_stack_is_stopping(&test->hosts);
}

static void port_log(void *arg, enum crew_log_level level, const char *request_id,
                     const char *text) {
    struct crew_test *test = arg;
    recorded_logs_add(&test->logs, level, request_id, text);
}

static int port_publish(void *arg, const struct crew_publication *publication) {
    struct crew_test *test = arg;
    recorded_publications_add(&test->publications, publication);
    return test->publish_error;
}

static struct crew_answer answer_call(struct crew_test *test,
                                      const struct crew_call *call) {
    struct crew_answer answer = {0};
    if (!answer_stubs_answer(&test->stubs, call, &answer)) {
        if (host_stack_serves(&test->hosts, call->task))
            run(test, call, &answer);
        else
            answer.error = CREW_ENOWORKERS;
    }
    if (answer.status == 0)
        answer.status = answer.error != 0 ? crew_error_status(answer.error) : 200;
    return answer;
}

/* The call of the group at INDEX, its expiration bounded by that of the group. */
static struct crew_call group_call(const struct crew_group *group, size_t index) {
    struct crew_call call = group->calls[index];
    if (call.expiration_ms > group->expiration_ms)
        call.expiration_ms = group->expiration_ms;
    return call;
}

/* Ends as crew_client_group_wait when the answers come in the order of the calls.
 * Handlers that run here may add calls to the record, so indexes are used, not
 * pointers. */
static int port_group(void *arg, const struct crew_group *group,
                      const struct crew_answer *answers[]) {
    struct crew_test *test = arg;
    if (port_stopping(test))
        return CREW_ETIMEOUT;
    size_t first = test->calls.count;
    for (size_t i = 0; i < group->count; i++) {
        struct crew_call call = group_call(group, i);
        recorded_calls_add(&test->calls, &call);
    }

    bool has_ended = false, any_answered = false;
    int first_error = 0;
    for (size_t i = 0; i < group->count; i++) {
        struct crew_call call = group_call(group, i);
        struct crew_answer answer =
            has_ended ? answer_error(CREW_ECANCELLED) : answer_call(test, &call);
        answers[i] = recorded_calls_answer(&test->calls, first + i, &answer);
        if (has_ended)
            continue;
        if (answer.error == 0)
            any_answered = true;
        else if (first_error == 0)
            first_error = answer.error;
        has_ended = group->end == CREW_GROUP_FIRST ||
                    (group->end == CREW_GROUP_ANY && any_answered);
    }
    return group->end != CREW_GROUP_ALL && any_answered ? 0 : first_error;
}

/* ---- new and free ---- */

/* argv as app-worker has it: the app, then its arguments. */
static int set_argv(struct crew_test *test, const char *const *args) {
    size_t count = 0;
    while (args != NULL && args[count] != NULL)
        count++;
    test->argv = xreallocarray(NULL, count + 2, sizeof *test->argv);
    test->argv[0] = xstrdup(test->path);
    for (size_t i = 0; i < count; i++)
        test->argv[i + 1] = xstrdup(args[i]);
    test->argv[count + 1] = NULL;
    return (int)count + 1;
}

static int test_new(const char *path, int (*init)(crew_app *app),
                    const struct crew_test_options *options, crew_test **out, char *why,
                    size_t why_bytes) {
    static const struct crew_test_options no_options;
    char unused[1];
    if (options == NULL)
        options = &no_options;
    if (why == NULL) {
        why = unused;
        why_bytes = sizeof unused;
    }

    struct crew_test *test = xcalloc(1, sizeof *test);
    test->path = xstrdup(path);
    test->route_task =
        xstrdup(options->route_task != NULL ? options->route_task : "http");
    test->keeps_cookies = !options->no_cookies;
    test->left_ms = LEFT_MS;
    test->stop_after_ms = CREW_TEST_NEVER;
    int argc = set_argv(test, options->args);
    const struct crew_host_options host_options = {
        .path = test->path,
        .init = init,
        .argc = argc,
        .argv = test->argv,
        .route_task = test->route_task,
        .node_uuid = "00000000-0000-4000-8000-000000000000",
        .max_response_bytes = options->max_response_bytes != 0
                                  ? options->max_response_bytes
                                  : MAX_RESPONSE_BYTES,
        .port = {.arg = test,
                 .group = port_group,
                 .log = port_log,
                 .stopping = port_stopping,
                 .publish = port_publish},
    };
    int error = host_stack_init(&test->hosts, &host_options, why, why_bytes);
    if (error != CREW_OK) {
        crew_test_free(test);
        return error;
    }
    *out = test;
    return CREW_OK;
}

int crew_test_new(const char *path, const struct crew_test_options *options,
                  crew_test **test, char *why, size_t why_bytes) {
    return test_new(path, NULL, options, test, why, why_bytes);
}

int crew_test_new_app(int (*init)(crew_app *app), const struct crew_test_options *options,
                      crew_test **test, char *why, size_t why_bytes) {
    return test_new("the app", init, options, test, why, why_bytes);
}

void crew_test_clear(crew_test *test) {
    exchanges_fini(&test->exchanges);
    recorded_calls_fini(&test->calls);
    recorded_publications_fini(&test->publications);
    recorded_logs_fini(&test->logs);
}

void crew_test_free(crew_test *test) {
    if (test == NULL)
        return;
    host_stack_fini(&test->hosts); /* tear-down may log and publish */
    crew_test_clear(test);
    answer_stubs_fini(&test->stubs);
    cookie_jar_fini(&test->cookies);
    params_fini(&test->defaults);
    for (char **arg = test->argv; *arg != NULL; arg++)
        free(*arg);
    free(test->argv);
    free(test->route_task);
    free(test->path);
    free(test);
}

/* ---- settings ---- */

void crew_test_set_left_ms(crew_test *test, uint32_t left_ms) {
    test->left_ms = left_ms;
}

void crew_test_stop_after_ms(crew_test *test, uint32_t run_ms) {
    test->stop_after_ms = run_ms;
}

void crew_test_set_param(crew_test *test, const char *name, const char *value) {
    params_set(&test->defaults, name, value);
}

void crew_test_set_header(crew_test *test, const char *name, const char *value) {
    params_remove_header(&test->defaults, name);
    params_add_header(&test->defaults, name, value);
}

const char *crew_test_cookie(const crew_test *test, const char *name) {
    return cookie_jar_value(&test->cookies, name);
}

void crew_test_set_cookie(crew_test *test, const char *set_cookie) {
    cookie_jar_take(&test->cookies, set_cookie, "localhost", "/");
}

void crew_test_clear_cookies(crew_test *test) {
    cookie_jar_fini(&test->cookies);
}

/* ---- requests ---- */

static bool path_is_valid(const char *path) {
    if (path == NULL || *path != '/')
        return false;
    const char *question = strchr(path, '?');
    const char *zero = strstr(path, "%00");
    for (const char *at = path; *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || *at == 127)
            return false;
    return zero == NULL || (question != NULL && question < zero);
}

static bool headers_are_valid(const char *const *headers) {
    for (; headers != NULL && headers[0] != NULL && headers[1] != NULL; headers += 2)
        if (!http_field_name_valid(headers[0], strlen(headers[0])) ||
            !http_field_value_valid(headers[1], strlen(headers[1])))
            return false;
    return true;
}

static bool request_is_valid(const struct crew_test_request *request) {
    const char *method = request->method, *task = request->task;
    return path_is_valid(request->path) && headers_are_valid(request->headers) &&
           (method == NULL || http_field_name_valid(method, strlen(method))) &&
           (task == NULL || task_name_valid(task, strlen(task)));
}

static void take_cookies(struct crew_test *test, const struct exchange *exchange) {
    for (size_t i = 0; i < exchange->response.header_count; i++) {
        const struct crew_pair *field = &exchange->response.headers[i];
        if (http_name_equal(field->name, field->name_bytes, "Set-Cookie"))
            cookie_jar_take(&test->cookies, field->value,
                            params_or_empty(&exchange->params, "HTTP_HOST"),
                            params_or_empty(&exchange->params, "DOCUMENT_URI"));
    }
}

const struct crew_test_response *crew_test_send(crew_test *test,
                                                const struct crew_test_request *request) {
    struct exchange *exchange = exchanges_add(&test->exchanges);
    if (!request_is_valid(request))
        return &exchange->response;
    exchange_set_request(exchange, request);
    cgi_environment_make(&test->defaults, &test->cookies, request, &exchange->params);

    size_t count;
    struct crew_pair *pairs = params_list(&exchange->params, &count);
    const struct crew_call call = {.form = CREW_HTTP,
                                   .task = request->task != NULL ? request->task
                                                                 : test->route_task,
                                   .expiration_ms = test->left_ms,
                                   .pairs = pairs,
                                   .pair_count = count,
                                   .body = request->body,
                                   .body_bytes = request->body_bytes};
    struct crew_answer answer;
    run(test, &call, &answer);
    exchange_set_answer(exchange, &answer);
    free(pairs);
    if (test->keeps_cookies)
        take_cookies(test, exchange);
    return &exchange->response;
}

const struct crew_test_response *crew_test_get(crew_test *test, const char *path) {
    return crew_test_send(test, &(struct crew_test_request){.path = path});
}

const struct crew_test_response *crew_test_post(crew_test *test, const char *path,
                                                const char *content_type,
                                                const void *body, size_t body_bytes) {
    const struct crew_test_request request = {.method = "POST",
                                              .path = path,
                                              .content_type = content_type,
                                              .body = body != NULL ? body : "",
                                              .body_bytes = body_bytes};
    return crew_test_send(test, &request);
}

const struct crew_test_response *crew_test_post_json(crew_test *test, const char *path,
                                                     const char *json) {
    return crew_test_post(test, path, "application/json", json, strlen(json));
}

/* Percent-encode a name or value of a form (URL Standard §5.2). */
static void put_form_text(struct buffer *to, const char *text) {
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c < 128 && isalnum(c)) || strchr("*-._", c) != NULL)
            buffer_u8(to, c);
        else if (c == ' ')
            buffer_u8(to, '+');
        else
            buffer_printf(to, "%%%02X", c);
    }
}

const struct crew_test_response *crew_test_post_form(crew_test *test, const char *path,
                                                     ...) {
    struct buffer form = BUFFER_INIT;
    const char *name, *value;
    va_list fields;
    va_start(fields, path);
    while ((name = va_arg(fields, const char *)) != NULL &&
           (value = va_arg(fields, const char *)) != NULL) {
        if (form.len > 0)
            buffer_u8(&form, '&');
        put_form_text(&form, name);
        buffer_u8(&form, '=');
        put_form_text(&form, value);
    }
    va_end(fields);
    const struct crew_test_response *response =
        crew_test_post(test, path, "application/x-www-form-urlencoded",
                       form.len > 0 ? (const char *)form.data : "", form.len);
    buffer_fini(&form);
    return response;
}

const char *crew_test_header(const struct crew_test_response *response,
                             const char *name) {
    return response_header(response, name);
}

/* ---- redirects ---- */

/* A redirected POST becomes a GET unless the status is 307 or 308, as in browsers (RFC
 * 9110 §15.4, Fetch Standard §4.4). */
static void become_get(struct crew_test_request *request, const char *method,
                       int status) {
    bool is_post = strcmp(method, "POST") == 0;
    if (status == 307 || status == 308 || strcmp(method, "HEAD") == 0 ||
        (status != 303 && !is_post))
        return;
    request->method = "GET";
    request->content_type = NULL;
    request->body = NULL;
    request->body_bytes = 0;
}

/* The response to the request that RESPONSE redirects to; null when it is no redirect
 * into the app. */
static const struct crew_test_response *
follow_once(crew_test *test, const struct crew_test_response *response) {
    const struct exchange *exchange = exchange_of(response);
    const char *location = response_header(response, "Location");
    if (!location_is_redirect(response->status) || location == NULL)
        return NULL;
    char *path = location_within_app(location, &exchange->params);
    if (path == NULL)
        return NULL;
    struct crew_test_request request = exchange->request;
    request.path = path;
    become_get(&request, params_or_empty(&exchange->params, "REQUEST_METHOD"),
               response->status);
    const struct crew_test_response *next = crew_test_send(test, &request);
    free(path);
    return next;
}

const struct crew_test_response *
crew_test_follow(crew_test *test, const struct crew_test_response *response) {
    const struct crew_test_response *next = response;
    for (unsigned i = 0; i < REDIRECTS_MAX && next != NULL; i++) {
        response = next;
        next = follow_once(test, response);
    }
    return response;
}

/* ---- plain calls ---- */

const struct crew_test_response *crew_test_run(crew_test *test,
                                               const struct crew_call *call) {
    struct exchange *exchange = exchanges_add(&test->exchanges);
    if (call->task == NULL || !task_name_valid(call->task, strlen(call->task)))
        return &exchange->response;
    struct crew_call bounded = *call;
    if (bounded.expiration_ms == 0)
        bounded.expiration_ms = test->left_ms;
    struct crew_answer answer;
    run(test, &bounded, &answer);
    exchange_set_answer(exchange, &answer);
    return &exchange->response;
}

const struct crew_test_response *crew_test_task(crew_test *test, const char *task,
                                                const char *text) {
    struct crew_call call = {.task = task};
    if (text != NULL && crew_call_text(&call, text) != CREW_OK)
        crew_call_bytes(&call, text, strlen(text));
    return crew_test_run(test, &call);
}

/* ---- stubs and records ---- */

void crew_test_on_call(crew_test *test, const char *task, crew_test_call_fn *fn,
                       void *arg) {
    answer_stubs_set(&test->stubs, task, fn, arg);
}

void crew_test_answer(crew_test *test, const char *task,
                      const struct crew_answer *answer) {
    answer_stubs_set_fixed(&test->stubs, task, answer);
}

void crew_test_answer_text(crew_test *test, const char *task, const char *text) {
    const struct crew_answer answer = {.content_type = "text/plain; charset=utf-8",
                                       .body = text,
                                       .body_bytes = strlen(text)};
    crew_test_answer(test, task, &answer);
}

const struct crew_call *crew_test_calls(const crew_test *test, size_t *count) {
    *count = test->calls.count;
    return test->calls.calls;
}

void crew_test_fail_publishes(crew_test *test, int error) {
    test->publish_error = error;
}

const struct crew_publication *crew_test_publishes(const crew_test *test, size_t *count) {
    *count = test->publications.count;
    return test->publications.publications;
}

const struct crew_test_log *crew_test_logs(const crew_test *test, size_t *count) {
    *count = test->logs.count;
    return test->logs.lines;
}

bool crew_test_logged(const crew_test *test, const char *text) {
    return recorded_logs_contain(&test->logs, text);
}
