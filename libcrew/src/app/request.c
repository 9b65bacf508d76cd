/* A request as a handler sees it. */
#include "app/request.h"

#include "app/parameter.h"
#include "app/query.h"
#include "base/clock.h"
#include "wire/envelope.h"
#include "wire/http_fields.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ARENA_KEPT_BYTES = 64 * 1024 };

/* ---- filling the arena ---- */

/* A copy of the bytes, with a zero behind them. The room was reserved in request_begin.
 */
static const char *arena_text(struct buffer *arena, const void *data, size_t bytes) {
    char *copy = (char *)arena->data + arena->len;
    if (bytes > 0)
        memcpy(copy, data, bytes);
    copy[bytes] = '\0';
    arena->len += bytes + 1;
    return copy;
}

static const char *arena_string(struct buffer *arena, const char *text) {
    return text != NULL ? arena_text(arena, text, strlen(text)) : "";
}

static size_t string_bytes(const char *text) {
    return text != NULL ? strlen(text) + 1 : 0;
}

/* How much the arena will hold at most. A pair's two zeros are fewer bytes than its two
 * lengths on the wire; the block counts twice because a path may be decoded from it. */
static size_t arena_bytes(const struct crew_task_view *task, size_t pair_count) {
    return pair_count * sizeof(struct crew_pair) + 2 * task->pairs_bytes + 1 +
           string_bytes(task->task) + string_bytes(task->id) +
           string_bytes(task->content_type) + task->body_bytes + 1;
}

static void fill_pairs(struct crew_request *request, struct wire_bytes block) {
    struct buffer *arena = &request->arena;
    struct crew_pair *pairs = (struct crew_pair *)(void *)arena->data;
    arena->len += request->pair_count * sizeof *pairs;
    for (size_t i = 0; i < request->pair_count; i++) {
        struct crew_pair raw;
        if (!wire_pairs_next(&block, &raw)) {
            request->pair_count = i;
            break;
        }
        pairs[i].name = arena_text(arena, raw.name, raw.name_bytes);
        pairs[i].name_bytes = raw.name_bytes;
        pairs[i].value = arena_text(arena, raw.value, raw.value_bytes);
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

/* PATH_INFO is what is left of the path behind the script (RFC 3875 §4.1.5). A web server
 * that sets none names the whole path as the script, or tells only REQUEST_URI. */
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
    char *decoded = (char *)request->arena.data + request->arena.len;
    request->path_bytes = query_decode(decoded, uri, uri_bytes, false);
    decoded[request->path_bytes] = '\0';
    request->arena.len += request->path_bytes + 1;
    request->path = decoded;
}

static void fill_http(struct crew_request *request) {
    request->method = param_or_empty(request, "REQUEST_METHOD");
    request->query = param_or_empty(request, "QUERY_STRING");
    request->content_type = param_or_empty(request, "CONTENT_TYPE");
    fill_path(request);
}

int request_begin(struct crew_request *request, const struct request_context *context,
                  const struct crew_task_view *task, uint32_t left_ms) {
    struct wire_bytes block = {task->pairs, task->pairs_bytes};
    size_t pair_count;
    if (!wire_pairs_valid(block, &pair_count))
        return CREW_EBADENVELOPE;
    if (buffer_reserve(&request->arena, arena_bytes(task, pair_count)) == NULL)
        return CREW_ENOMEM;

    struct buffer *arena = &request->arena;
    request->context = context;
    request->kind = task->form;
    request->ends_at_ms = clock_ms() + left_ms;
    request->pair_count = pair_count;
    fill_pairs(request, block);
    request->task = arena_string(arena, task->task);
    request->id = arena_string(arena, task->id);
    request->method = request->path = request->query = "";
    request->path_bytes = 0;
    if (task->form == CREW_HTTP)
        fill_http(request);
    else
        request->content_type = arena_string(arena, task->content_type);
    request->body = arena_text(arena, task->body, task->body_bytes);
    request->body_bytes = task->body_bytes;
    return CREW_OK;
}

void request_end(struct crew_request *request) {
    carried_fini(&request->carried); /* may still read what the others hold */
    buffer_reset(&request->arena, ARENA_KEPT_BYTES);
    path_values_reset(&request->path_values);
    request->complaint[0] = '\0';
    request->limits = (struct crew_request_limits){0};
    request_forget_query(request);
    request_forget_form(request);
    request_forget_json(request);
    pool_reset(&request->pool);
}

void request_fini(struct crew_request *request) {
    request_end(request);
    buffer_fini(&request->arena);
    pool_fini(&request->pool);
    pairs_fini(&request->query_pairs);
    pairs_fini(&request->cookies);
    pairs_fini(&request->form_pairs);
    buffer_fini(&request->uploads);
    buffer_fini(&request->files);
    path_values_fini(&request->path_values);
}

int request_complain(struct crew_request *request, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(request->complaint, sizeof request->complaint, format, args);
    va_end(args);
    /* It is a line, whatever it quotes. */
    for (char *at = request->complaint; *at != '\0'; at++)
        if ((unsigned char)*at < ' ')
            *at = '?';
    return CREW_EBADREQUEST;
}

struct span request_media_type(const struct crew_request *request) {
    return parameter_owner(span_of(request->content_type, strlen(request->content_type)));
}

int request_complain_of_type(struct crew_request *request, const char *wanted) {
    const char *type = request->content_type;
    return request_complain(request, "the body is not %s but %.100s", wanted,
                            type[0] != '\0' ? type : "of no type");
}

int reading_end(struct crew_request *request, struct reading *reading, int error) {
    *reading = (struct reading){.done = true, .error = error};
    if (error == CREW_EBADREQUEST)
        reading->complaint =
            pool_text(&request->pool, request->complaint, strlen(request->complaint));
    return error;
}

int reading_again(struct crew_request *request, const struct reading *reading) {
    if (reading->complaint != NULL)
        request_complain(request, "%s", reading->complaint);
    return reading->error;
}

/* ---- what handlers read ---- */

const char *crew_request_method(const crew_request *request) {
    return request->method;
}

const char *crew_request_path(const crew_request *request) {
    return request->path;
}

const char *crew_request_query(const crew_request *request) {
    return request->query;
}

/* The character that stands for C in the name of a CGI parameter (RFC 3875 §4.1.18). */
static char param_character(char c) {
    if (c >= 'a' && c <= 'z')
        return (char)(c - 'a' + 'A');
    return c == '-' ? '_' : c;
}

/* Is PARAM, without its prefix, the CGI parameter of header field NAME? */
static bool param_is_header(const char *param, size_t param_bytes, const char *name) {
    for (size_t i = 0; i < param_bytes; i++)
        if (name[i] == '\0' || param[i] != param_character(name[i]))
            return false;
    return name[param_bytes] == '\0';
}

/* Content-Type and Content-Length have no HTTP_ before them (RFC 3875 §4.1.2, §4.1.3),
 * and what some servers send as HTTP_CONTENT_LENGTH is not to be trusted in their stead.
 */
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

const char *crew_request_complaint(const crew_request *request) {
    return request->complaint[0] != '\0' ? request->complaint : NULL;
}
