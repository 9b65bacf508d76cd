#include "app/request.h"

#include "app/cookie.h"
#include "app/query.h"
#include "base/clock.h"
#include "wire/envelope.h"
#include "wire/http_fields.h"
#include "wire/limits.h"
#include <crew/json.h>
#include <stdarg.h>
#include <string.h>

enum { INPUT_KEPT_BYTES = 64 * 1024 };

/* ---- begin and end ---- */

/* A copy of the bytes and a terminating zero. request_begin has reserved the memory. */
static const char *input_text(struct buffer *input, const void *data, size_t bytes) {
    char *copy = (char *)input->data + input->len;
    if (bytes > 0)
        memcpy(copy, data, bytes);
    copy[bytes] = '\0';
    input->len += bytes + 1;
    return copy;
}

static const char *input_string(struct buffer *input, const char *text) {
    return text != NULL ? input_text(input, text, strlen(text)) : "";
}

static size_t string_bytes(const char *text) {
    return text != NULL ? strlen(text) + 1 : 0;
}

/* The most bytes that are needed. The two zeros of a pair are fewer bytes than its two
 * lengths on the wire. The block counts twice because a path may be decoded from it. */
static size_t input_bytes(const struct crew_task_view *task, size_t pair_count) {
    return pair_count * sizeof(struct crew_pair) + 2 * task->pairs_bytes + 1 +
           string_bytes(task->task) + string_bytes(task->id) +
           string_bytes(task->content_type) + task->body_bytes + 1;
}

static void fill_pairs(struct crew_request *request, struct wire_bytes block) {
    struct buffer *input = &request->input;
    struct crew_pair *pairs = (struct crew_pair *)(void *)input->data;
    input->len += request->pair_count * sizeof *pairs;
    for (size_t i = 0; i < request->pair_count; i++) {
        struct crew_pair raw;
        if (!wire_pairs_next(&block, &raw)) {
            request->pair_count = i;
            break;
        }
        pairs[i].name = input_text(input, raw.name, raw.name_bytes);
        pairs[i].name_bytes = raw.name_bytes;
        pairs[i].value = input_text(input, raw.value, raw.value_bytes);
        pairs[i].value_bytes = raw.value_bytes;
    }
    request->pairs = pairs;
}

static const struct crew_pair *find_param(const struct crew_request *request,
                                          const char *name) {
    size_t name_bytes = strlen(name);
    for (size_t i = 0; i < request->pair_count; i++) {
        const struct crew_pair *pair = &request->pairs[i];
        if (pair->name_bytes == name_bytes && memcmp(pair->name, name, name_bytes) == 0)
            return pair;
    }
    return NULL;
}

static const char *param_or_empty(const struct crew_request *request, const char *name) {
    const struct crew_pair *pair = find_param(request, name);
    return pair != NULL ? pair->value : "";
}

/* PATH_INFO is the part of the path after the script (RFC 3875 §4.1.5). A web server that
 * does not set it sends the whole path as SCRIPT_NAME, or only REQUEST_URI. */
static void fill_path(struct crew_request *request) {
    static const char *const params[] = {"PATH_INFO", "SCRIPT_NAME"};
    for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
        const struct crew_pair *pair = find_param(request, params[i]);
        if (pair != NULL && pair->value_bytes > 0) {
            request->path = pair->value;
            request->path_bytes = pair->value_bytes;
            return;
        }
    }
    const char *uri = param_or_empty(request, "REQUEST_URI");
    size_t uri_bytes = strcspn(uri, "?");
    char *decoded = (char *)request->input.data + request->input.len;
    request->path_bytes = query_decode(decoded, uri, uri_bytes, false);
    decoded[request->path_bytes] = '\0';
    request->input.len += request->path_bytes + 1;
    request->path = decoded;
}

static void fill_http(struct crew_request *request) {
    request->method = param_or_empty(request, "REQUEST_METHOD");
    request->query = param_or_empty(request, "QUERY_STRING");
    request->content_type = param_or_empty(request, "CONTENT_TYPE");
    fill_path(request);
}

int request_begin(struct crew_request *request, const struct host_context *context,
                  const struct crew_task_view *task, uint32_t left_ms) {
    struct wire_bytes block = {task->pairs, task->pairs_bytes};
    size_t pair_count;
    if (!wire_pairs_valid(block, &pair_count))
        return CREW_EBADENVELOPE;
    if (buffer_reserve(&request->input, input_bytes(task, pair_count)) == NULL)
        return CREW_ENOMEM;

    struct buffer *input = &request->input;
    request->context = context;
    request->kind = task->form;
    request->ends_at_ms = clock_ms() + left_ms;
    request->pair_count = pair_count;
    fill_pairs(request, block);
    request->task = input_string(input, task->task);
    request->id = input_string(input, task->id);
    request->method = request->path = request->query = "";
    request->path_bytes = 0;
    if (task->form == CREW_HTTP)
        fill_http(request);
    else
        request->content_type = input_string(input, task->content_type);
    request->body = input_text(input, task->body, task->body_bytes);
    request->body_bytes = task->body_bytes;
    return CREW_OK;
}

void request_end(struct crew_request *request) {
    request_values_fini(&request->values); /* destructors may read the rest */
    buffer_reset(&request->input, INPUT_KEPT_BYTES);
    path_values_reset(&request->path_values);
    pairs_reset(&request->query_pairs);
    pairs_reset(&request->cookies);
    request->query_is_parsed = request->cookies_are_parsed = false;
    form_reset(&request->form);
    request->form_result = (struct parse_result){0};
    upload_files_reset(&request->files);
    json_body_fini(&request->json);
    request->json_result = (struct parse_result){0};
    request->complaint.text[0] = '\0';
    request->limits = (struct crew_request_limits){0};
    arena_reset(&request->arena);
}

void request_fini(struct crew_request *request) {
    request_end(request);
    buffer_fini(&request->input);
    arena_fini(&request->arena);
    pairs_fini(&request->query_pairs);
    pairs_fini(&request->cookies);
    form_fini(&request->form);
    upload_files_fini(&request->files);
    path_values_fini(&request->path_values);
}

/* ---- for other modules ---- */

int request_set_path_values(struct crew_request *request,
                            const struct router_match *match) {
    return path_values_set(&request->path_values, request->path, request->path_bytes,
                           match);
}

const struct host_context *request_context(const struct crew_request *request) {
    return request->context;
}

struct arena *request_arena(struct crew_request *request) {
    return &request->arena;
}

size_t request_path_bytes(const struct crew_request *request) {
    return request->path_bytes;
}

/* ---- line, header fields, body ---- */

const char *crew_request_method(const crew_request *request) {
    return request->method;
}

const char *crew_request_path(const crew_request *request) {
    return request->path;
}

const char *crew_request_query(const crew_request *request) {
    return request->query;
}

/* C as it is written in the name of a CGI parameter (RFC 3875 §4.1.18). */
static char param_character(char c) {
    if (c >= 'a' && c <= 'z')
        return (char)(c - 'a' + 'A');
    return c == '-' ? '_' : c;
}

/* True when PARAM, without its prefix, is the CGI parameter of header field NAME. */
static bool param_is_header(const char *param, size_t param_bytes, const char *name) {
    for (size_t i = 0; i < param_bytes; i++)
        if (name[i] == '\0' || param[i] != param_character(name[i]))
            return false;
    return name[param_bytes] == '\0';
}

/* Content-Type and Content-Length have parameters without HTTP_ (RFC 3875 §4.1.2,
 * §4.1.3). HTTP_CONTENT_LENGTH, which some servers send as well, is ignored. */
static bool header_has_own_param(const char *name) {
    return http_name_equal(name, strlen(name), "Content-Type") ||
           http_name_equal(name, strlen(name), "Content-Length");
}

static bool pair_is_header(const struct crew_request *request, bool own_param,
                           const struct crew_pair *pair, const char *name) {
    static const char prefix[] = "HTTP_";
    const size_t prefix_bytes = sizeof prefix - 1;
    if (request->kind == CREW_PLAIN)
        return http_name_equal(pair->name, pair->name_bytes, name);
    if (own_param)
        return param_is_header(pair->name, pair->name_bytes, name);
    return pair->name_bytes > prefix_bytes &&
           memcmp(pair->name, prefix, prefix_bytes) == 0 &&
           param_is_header(pair->name + prefix_bytes, pair->name_bytes - prefix_bytes,
                           name);
}

const struct crew_pair *request_header_next(const struct crew_request *request,
                                            const char *name,
                                            const struct crew_pair *after) {
    bool own_param = header_has_own_param(name);
    const struct crew_pair *end = request->pairs + request->pair_count;
    for (const struct crew_pair *pair = after != NULL ? after + 1 : request->pairs;
         pair < end; pair++)
        if (pair_is_header(request, own_param, pair, name))
            return pair;
    return NULL;
}

const char *crew_request_header(const crew_request *request, const char *name) {
    const struct crew_pair *pair = request_header_next(request, name, NULL);
    return pair != NULL ? pair->value : NULL;
}

const char *crew_request_param(const crew_request *request, const char *name) {
    const struct crew_pair *pair = find_param(request, name);
    return pair != NULL ? pair->value : NULL;
}

const struct crew_pair *crew_request_params(const crew_request *request, size_t *count) {
    *count = request->pair_count;
    return request->pairs;
}

const char *crew_request_content_type(const crew_request *request) {
    return request->content_type;
}

const void *crew_request_body(const crew_request *request, size_t *bytes) {
    *bytes = request->body_bytes;
    return request->body;
}

enum crew_form crew_request_form(const crew_request *request) {
    return request->kind;
}

const char *crew_request_task(const crew_request *request) {
    return request->task;
}

const char *crew_request_id(const crew_request *request) {
    return request->id;
}

uint32_t crew_request_left_ms(const crew_request *request) {
    uint64_t now_ms = clock_ms();
    return now_ms < request->ends_at_ms ? (uint32_t)(request->ends_at_ms - now_ms) : 0;
}

const char *crew_request_complaint(const crew_request *request) {
    return request->complaint.text[0] != '\0' ? request->complaint.text : NULL;
}

void crew_request_set_limits(crew_request *request,
                             const struct crew_request_limits *limits) {
    request->limits = *limits;
}

/* ---- path and request-scoped values ---- */

const char *crew_request_path_value(const crew_request *request, const char *name) {
    return path_values_get(&request->path_values, name);
}

long crew_request_path_number(const crew_request *request, const char *name, long min,
                              long max, long fallback) {
    return text_number(crew_request_path_value(request, name), min, max, fallback);
}

void crew_request_set(crew_request *request, const char *key, void *value,
                      void (*destroy)(void *value)) {
    request_values_set(&request->values, key, value, destroy);
}

void *crew_request_get(const crew_request *request, const char *key) {
    return request_values_get(&request->values, key);
}

/* ---- query and cookies ---- */

/* Out of memory is treated as no query and no cookies: handlers would not check for
 * it. */
static const struct pairs *query_pairs(crew_request *request) {
    struct pairs *pairs = &request->query_pairs;
    const char *query = request->query;
    if (!request->query_is_parsed &&
        query_read(pairs, &request->arena, query, strlen(query), SIZE_MAX) != CREW_OK)
        pairs_reset(pairs);
    request->query_is_parsed = true;
    return pairs;
}

const char *crew_request_query_value(crew_request *request, const char *key) {
    return pairs_value(query_pairs(request), key);
}

long crew_request_query_number(crew_request *request, const char *key, long min, long max,
                               long fallback) {
    return pairs_number(query_pairs(request), key, min, max, fallback);
}

const char *const *crew_request_query_values(crew_request *request, const char *key,
                                             size_t *count) {
    return pairs_values(query_pairs(request), key, &request->arena, count);
}

const struct crew_pair *crew_request_query_pairs(crew_request *request, size_t *count) {
    return pairs_all(query_pairs(request), count);
}

/* HTTP/2 may send cookies in several fields (RFC 9113 §8.2.3). */
static const struct pairs *cookies(crew_request *request) {
    struct pairs *pairs = &request->cookies;
    const struct crew_pair *field = NULL;
    while (!request->cookies_are_parsed &&
           (field = request_header_next(request, "Cookie", field)) != NULL)
        if (cookie_read(pairs, &request->arena, field->value, field->value_bytes) !=
            CREW_OK) {
            pairs_reset(pairs);
            break;
        }
    request->cookies_are_parsed = true;
    return pairs;
}

const char *crew_request_cookie(crew_request *request, const char *name) {
    return pairs_value(cookies(request), name);
}

const struct crew_pair *crew_request_cookies(crew_request *request, size_t *count) {
    return pairs_all(cookies(request), count);
}

/* ---- form and uploads ---- */

int crew_request_read_form(crew_request *request) {
    if (request->form_result.done)
        return parse_result_repeat(&request->form_result, &request->complaint);
    size_t max_fields = request->limits.form_fields;
    const struct form_source source = {
        .content_type = span_of(request->content_type, strlen(request->content_type)),
        .body = span_of(request->body, request->body_bytes),
        .max_fields = max_fields != 0 ? max_fields : LIMIT_FORM_FIELDS,
        .arena = &request->arena,
        .complaint = &request->complaint,
    };
    int error = form_read(&request->form, &source);
    return parse_result_set(&request->form_result, error, &request->complaint,
                            &request->arena);
}

static const struct pairs *form_fields(crew_request *request) {
    crew_request_read_form(request);
    return &request->form.fields;
}

const char *crew_request_form_value(crew_request *request, const char *key) {
    return pairs_value(form_fields(request), key);
}

long crew_request_form_number(crew_request *request, const char *key, long min, long max,
                              long fallback) {
    return pairs_number(form_fields(request), key, min, max, fallback);
}

const char *const *crew_request_form_values(crew_request *request, const char *key,
                                            size_t *count) {
    return pairs_values(form_fields(request), key, &request->arena, count);
}

const struct crew_pair *crew_request_form_pairs(crew_request *request, size_t *count) {
    return pairs_all(form_fields(request), count);
}

const struct crew_upload *crew_request_uploads(crew_request *request, size_t *count) {
    crew_request_read_form(request);
    return form_uploads(&request->form, count);
}

const struct crew_upload *crew_request_upload(crew_request *request, const char *field) {
    size_t count;
    const struct crew_upload *uploads = crew_request_uploads(request, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(uploads[i].field, field) == 0)
            return &uploads[i];
    return NULL;
}

int crew_request_upload_fd(crew_request *request, const struct crew_upload *upload,
                           int *fd) {
    return upload_files_open(&request->files, upload, fd);
}

/* ---- JSON ---- */

static int read_json(crew_request *request) {
    if (request->json_result.done)
        return parse_result_repeat(&request->json_result, &request->complaint);
    struct span type = span_of(request->content_type, strlen(request->content_type));
    const struct json_source source = {
        .content_type = type,
        .type_optional = request->kind == CREW_PLAIN,
        .body = span_of(request->body, request->body_bytes),
        .limits = &request->limits,
        .complaint = &request->complaint,
    };
    int error = json_body_read(&request->json, &source);
    return parse_result_set(&request->json_result, error, &request->complaint,
                            &request->arena);
}

int crew_request_json(crew_request *request, json_t **json) {
    int error = read_json(request);
    if (error == CREW_OK)
        *json = request->json.value;
    return error;
}

int crew_request_json_unpack(crew_request *request, const char *format, ...) {
    int error = read_json(request);
    if (error != CREW_OK)
        return error;
    va_list args;
    va_start(args, format);
    error = json_body_unpack(&request->json, &request->complaint, format, args);
    va_end(args);
    return error;
}
