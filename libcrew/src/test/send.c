/* Requests and plain calls that a test makes. */
#include "test/test_room.h"

#include "wire/http_fields.h"
#include "wire/task_name.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- what can be sent ---- */

static bool path_is_sound(const char *path) {
    if (path == NULL || *path != '/')
        return false;
    const char *question = strchr(path, '?');
    const char *zero = strstr(path, "%00");
    for (const char *at = path; *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || *at == 127)
            return false;
    return zero == NULL || (question != NULL && question < zero);
}

static bool headers_are_sound(const char *const *headers) {
    for (; headers != NULL && headers[0] != NULL && headers[1] != NULL; headers += 2)
        if (!http_field_name_valid(headers[0], strlen(headers[0])) ||
            !http_field_value_valid(headers[1], strlen(headers[1])))
            return false;
    return true;
}

static bool request_is_sound(const struct crew_test_request *request) {
    const char *method = request->method, *task = request->task;
    return path_is_sound(request->path) && headers_are_sound(request->headers) &&
           (method == NULL || http_field_name_valid(method, strlen(method))) &&
           (task == NULL || task_name_valid(task, strlen(task)));
}

/* ---- sending ---- */

static void take_cookies(struct crew_test *test, const struct exchange *exchange) {
    for (size_t i = 0; i < exchange->response.header_count; i++) {
        const struct crew_pair *field = &exchange->response.headers[i];
        if (http_name_equal(field->name, field->name_bytes, "Set-Cookie"))
            cookies_take(&test->cookies, field->value,
                         params_or_empty(&exchange->params, "HTTP_HOST"),
                         params_or_empty(&exchange->params, "DOCUMENT_URI"));
    }
}

const struct crew_test_response *crew_test_send(crew_test *test,
                                                const struct crew_test_request *request) {
    struct exchange *exchange = exchange_new(test);
    if (!request_is_sound(request))
        return &exchange->response;
    exchange_keep_request(exchange, request);
    environment_make(test, request, &exchange->params);

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
    test_run(test, &call, &answer);
    exchange_end(exchange, &answer);
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

/* Percent-encoded as URL Standard §5.2 has it for forms. */
static void put_encoded(struct buffer *to, const char *text) {
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
        put_encoded(&form, name);
        buffer_u8(&form, '=');
        put_encoded(&form, value);
    }
    va_end(fields);
    const struct crew_test_response *response =
        crew_test_post(test, path, "application/x-www-form-urlencoded",
                       form.len > 0 ? (const char *)form.data : "", form.len);
    buffer_fini(&form);
    return response;
}

/* ---- plain calls ---- */

const struct crew_test_response *crew_test_run(crew_test *test,
                                               const struct crew_call *call) {
    struct exchange *exchange = exchange_new(test);
    if (call->task == NULL || !task_name_valid(call->task, strlen(call->task)))
        return &exchange->response;
    struct crew_call bounded = *call;
    if (bounded.expiration_ms == 0)
        bounded.expiration_ms = test->left_ms;
    struct crew_answer answer;
    test_run(test, &bounded, &answer);
    exchange_end(exchange, &answer);
    return &exchange->response;
}

const struct crew_test_response *crew_test_task(crew_test *test, const char *task,
                                                const char *text) {
    struct crew_call call = {.task = task};
    if (text != NULL && crew_call_text(&call, text) != CREW_OK)
        crew_call_bytes(&call, text, strlen(text));
    return crew_test_run(test, &call);
}
