#include "app/response.h"

#include "wire/envelope.h"
#include "wire/http_fields.h"
#include "wire/limits.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { KEPT_BYTES = 64 * 1024, DECIMAL_BYTES = 24 };

static const char too_large[] = "the body is over --max-response";

void response_begin(struct crew_response *response, size_t max_body_bytes) {
    buffer_reset(&response->fields, KEPT_BYTES);
    buffer_reset(&response->content_type, KEPT_BYTES);
    buffer_reset(&response->body, KEPT_BYTES);
    buffer_reset(&response->pairs, KEPT_BYTES);
    response->status = 200;
    response->field_count = 0;
    response->kind = RESPONSE_BYTES;
    response->max_body_bytes = max_body_bytes;
    response->stream = (struct response_stream){.is_whole = true};
    response->error = CREW_OK;
    response->why[0] = '\0';
    response->is_error = false;
    buffer_reset(&response->error_text, KEPT_BYTES);
}

void response_fini(struct crew_response *response) {
    buffer_fini(&response->fields);
    buffer_fini(&response->content_type);
    buffer_fini(&response->body);
    buffer_fini(&response->pairs);
    buffer_fini(&response->error_text);
}

/* ---- validity ---- */

int response_outcome(const struct crew_response *response) {
    return response->stream.error != CREW_OK ? response->stream.error : response->error;
}

bool response_is_invalid(const struct crew_response *response) {
    return response->error != CREW_OK;
}

bool response_is_cancelled(const struct crew_response *response) {
    return response->stream.error != CREW_OK;
}

bool response_has_begun(const struct crew_response *response) {
    return response->stream.has_begun;
}

const char *response_invalid_reason(const struct crew_response *response) {
    return response->why;
}

int response_invalid(struct crew_response *response, int outcome, int error,
                     const char *why, const char *detail) {
    if (response->error == CREW_OK) {
        response->error = outcome;
        snprintf(response->why, sizeof response->why, "%s%s", why, detail);
    }
    return error;
}

int response_out_of_memory(struct crew_response *response) {
    return response_invalid(response, CREW_EFAILED, CREW_ENOMEM, "out of memory", "");
}

void response_fail(crew_response *response) {
    response_invalid(response, CREW_EFAILED, CREW_EFAILED, "", "");
}

/* ---- status and header fields ---- */

int crew_response_get_status(const crew_response *response) {
    return response->error != CREW_OK ? crew_error_status(response->error)
                                      : response->status;
}

int crew_response_status(crew_response *response, int status) {
    if (response->stream.has_begun)
        return CREW_EINVAL;
    if (!http_status_valid(status)) {
        char number[DECIMAL_BYTES];
        snprintf(number, sizeof number, "%d", status);
        return response_invalid(response, CREW_EBADRESPONSE, CREW_EINVAL,
                                "no such status: ", number);
    }
    response->status = status;
    return CREW_OK;
}

/* Readers of an envelope reject larger blocks (docs/wire.md). Some space is kept for the
 * fields that response_answer adds. */
static bool field_fits(const crew_response *response, size_t name_bytes,
                       size_t value_bytes) {
    const size_t own_fields = 2, own_bytes = 256;
    size_t bytes = response->fields.len + response->content_type.len + name_bytes +
                   value_bytes + own_bytes;
    return name_bytes <= UINT16_MAX && bytes <= LIMIT_PAIRS_BYTES &&
           response->field_count + own_fields < LIMIT_PAIR_COUNT;
}

/* A response has one Content-Type (RFC 9110 §8.3), the last one that was set. In a plain
 * answer it is an AMQP short string (AMQP 0-9-1 §4.2.5.3). */
static int set_content_type(crew_response *response, const char *value) {
    if (strlen(value) > UINT8_MAX)
        return response_invalid(response, CREW_EBADRESPONSE, CREW_ETOOLARGE,
                                "the Content-Type is too long", "");
    response->content_type.len = 0;
    buffer_append(&response->content_type, value, strlen(value) + 1);
    return response->content_type.failed ? response_out_of_memory(response) : CREW_OK;
}

static int add_field(crew_response *response, const char *name, const char *value) {
    wire_put_pair(&response->fields, name, strlen(name), value, strlen(value));
    response->field_count++;
    return response->fields.failed ? response_out_of_memory(response) : CREW_OK;
}

int crew_response_header(crew_response *response, const char *name, const char *value) {
    if (response->stream.has_begun)
        return CREW_EINVAL;
    if (name == NULL || !http_field_name_valid(name, strlen(name)))
        return response_invalid(response, CREW_EBADRESPONSE, CREW_EINVAL,
                                "not a field name: ", name != NULL ? name : "(null)");
    if (value == NULL || !http_field_value_valid(value, strlen(value)))
        return response_invalid(response, CREW_EBADRESPONSE, CREW_EINVAL,
                                "not a field value, in: ", name);
    if (http_field_is_bridges_own(name, strlen(name)))
        return CREW_EINVAL;
    if (!field_fits(response, strlen(name), strlen(value)))
        return response_invalid(response, CREW_EBADRESPONSE, CREW_ETOOLARGE,
                                "too many or too large header fields", "");
    if (http_name_equal(name, strlen(name), "Content-Type"))
        return set_content_type(response, value);
    return add_field(response, name, value);
}

/* ---- the body ---- */

bool response_has_content_type(const struct crew_response *response) {
    return response->content_type.len > 0;
}

bool response_can_stream(const struct crew_response *response) {
    return !response->stream.is_whole;
}

size_t response_max_body_bytes(const struct crew_response *response) {
    return response->max_body_bytes;
}

void response_clear_body(struct crew_response *response) {
    response->body.len = 0;
}

void response_set_not_modified(struct crew_response *response) {
    response->status = 304;
    response->body.len = response->content_type.len = 0;
}

struct buffer *response_body(struct crew_response *response) {
    return &response->body;
}

char *response_body_reserve(struct crew_response *response, size_t bytes, int *error) {
    if (response->stream.error != CREW_OK) {
        *error = response->stream.error;
        return NULL;
    }
    if (bytes > response->max_body_bytes ||
        response->body.len > response->max_body_bytes - bytes) {
        *error =
            response_invalid(response, CREW_EBADRESPONSE, CREW_ETOOLARGE, too_large, "");
        return NULL;
    }
    char *room = (char *)buffer_reserve(&response->body, bytes + 1);
    if (room == NULL)
        *error = response_out_of_memory(response);
    return room;
}

void response_body_commit(struct crew_response *response, size_t bytes) {
    response->body.len += bytes;
}

static void raise_kind(crew_response *response, enum response_kind kind) {
    if (response->kind < kind)
        response->kind = kind;
}

int response_written(struct crew_response *response, enum response_kind kind) {
    raise_kind(response, kind);
    if (response->stream.error != CREW_OK) {
        response->body.len = 0;
        return response->stream.error;
    }
    if (response->body.failed)
        return response_out_of_memory(response);
    if (response->body.len <= response->max_body_bytes)
        return CREW_OK;
    response->body.len = response->max_body_bytes;
    return response_invalid(response, CREW_EBADRESPONSE, CREW_ETOOLARGE, too_large, "");
}

int crew_response_write(crew_response *response, const void *data, size_t bytes) {
    int error = CREW_OK;
    char *room = response_body_reserve(response, bytes, &error);
    if (room != NULL && bytes > 0)
        memcpy(room, data, bytes);
    if (room != NULL)
        response->body.len += bytes;
    return error;
}

int crew_response_text(crew_response *response, const char *text) {
    raise_kind(response, RESPONSE_TEXT);
    return crew_response_write(response, text, strlen(text));
}

int crew_response_printf(crew_response *response, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int bytes = vsnprintf(NULL, 0, format, args);
    int error = CREW_EINVAL;
    if (bytes >= 0) {
        error = CREW_OK;
        char *room = response_body_reserve(response, (size_t)bytes, &error);
        if (room != NULL) {
            vsnprintf(room, (size_t)bytes + 1, format, again);
            response->body.len += (size_t)bytes;
            raise_kind(response, RESPONSE_TEXT);
        }
    }
    va_end(again);
    va_end(args);
    return error;
}

/* ---- errors ---- */

/* True for fields that describe the body only (RFC 9110 §8). */
static bool describes_body(const struct crew_pair *field) {
    static const char *const names[] = {"Content-Disposition",
                                        "Content-Encoding",
                                        "Content-Language",
                                        "Content-Length",
                                        "ETag",
                                        "Last-Modified"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (http_name_equal(field->name, field->name_bytes, names[i]))
            return true;
    return false;
}

/* Remove the body and the fields that describe it. */
static void discard_body(struct crew_response *response) {
    response->body.len = 0;
    response->content_type.len = 0;
    response->kind = RESPONSE_BYTES;

    struct buffer *fields = &response->fields;
    struct wire_bytes block = {fields->data, fields->len};
    struct crew_pair field;
    fields->len = 0;
    for (const uint8_t *begin = block.data; wire_pairs_next(&block, &field);
         begin = block.data) {
        if (describes_body(&field)) {
            response->field_count--;
            continue;
        }
        size_t bytes = (size_t)(block.data - begin);
        memmove(fields->data + fields->len, begin, bytes);
        fields->len += bytes;
    }
}

bool response_take_error(struct crew_response *response, struct buffer *text) {
    if (!response->is_error || response->error != CREW_OK)
        return false;
    *text = response->error_text;
    response->error_text = BUFFER_INIT;
    discard_body(response);
    return true;
}

void response_set_error_page(struct crew_response *response) {
    response->is_error = false;
}

int crew_response_error(crew_response *response, int status, const char *text) {
    if (response->stream.has_begun)
        return CREW_EINVAL;
    discard_body(response);
    response->is_error = true;
    response->error_text.len = 0;
    if (text != NULL)
        buffer_append(&response->error_text, text, strlen(text) + 1);
    if (response->error_text.failed)
        return response_out_of_memory(response);
    int error = crew_response_status(response, status);
    if (error != CREW_OK)
        return error;
    const char *reason = http_reason(status);
    return crew_response_printf(response, "%d%s%s%s%s\n", status,
                                reason[0] != '\0' ? " " : "", reason,
                                text != NULL ? ": " : "", text != NULL ? text : "");
}

/* ---- the answer ---- */

static bool has_field(const struct crew_response *response, const char *name) {
    struct wire_bytes block = {response->fields.data, response->fields.len};
    struct crew_pair pair;
    while (wire_pairs_next(&block, &pair))
        if (http_name_equal(pair.name, pair.name_bytes, name))
            return true;
    return false;
}

static void set_default_content_type(struct crew_response *response) {
    static const char *const types[] = {
        [RESPONSE_BYTES] = "application/octet-stream",
        [RESPONSE_TEXT] = "text/plain; charset=utf-8",
        [RESPONSE_JSON] = "application/json",
        [RESPONSE_HTML] = "text/html; charset=utf-8",
    };
    if (response->content_type.len == 0 && response->body.len > 0)
        set_content_type(response, types[response->kind]);
}

/* The answer to HEAD has the length of the body, and no body. */
static void omit_body(struct crew_response *response) {
    if (response->body.len == 0)
        return;
    if (!has_field(response, "Content-Length")) {
        char length[DECIMAL_BYTES];
        snprintf(length, sizeof length, "%zu", response->body.len);
        add_field(response, "Content-Length", length);
    }
    response->body.len = 0;
}

/* Make the array of pairs, with the Content-Type first, unless it is a field of its
 * own. */
static void list_pairs(struct crew_response *response, bool with_content_type,
                       struct crew_answer *answer) {
    const struct buffer *type = &response->content_type;
    size_t max_count = response->field_count + 1;
    uint8_t *room =
        buffer_reserve(&response->pairs, max_count * sizeof(struct crew_pair));
    if (room == NULL) {
        response_out_of_memory(response);
        return;
    }
    struct crew_pair *pairs = (struct crew_pair *)(void *)room;
    size_t count = 0;
    if (with_content_type && type->len > 0)
        pairs[count++] = (struct crew_pair){"Content-Type", strlen("Content-Type"),
                                            (char *)type->data, type->len - 1};
    struct wire_bytes block = {response->fields.data, response->fields.len};
    while (count < max_count && wire_pairs_next(&block, &pairs[count]))
        count++;
    answer->pairs = pairs;
    answer->pair_count = count;
}

static void make_head(struct crew_response *response, struct crew_answer *answer) {
    *answer = (struct crew_answer){.status = response->status};
    set_default_content_type(response);
    list_pairs(response, true, answer);
}

/* ---- streaming ---- */

void response_stream_to(struct crew_response *response, const struct crew_host_port *port,
                        bool is_whole, bool is_head_only) {
    response->stream = (struct response_stream){
        .port = port, .is_whole = is_whole, .is_head_only = is_head_only};
}

/* Nothing is sent, but the handler learns that it is to stop. */
static int flush_whole(struct response_stream *stream) {
    if (stream->port != NULL && stream->port->stopping(stream->port->arg))
        stream->error = CREW_ECANCELLED;
    return stream->error;
}

static int send_part(struct crew_response *response, const struct crew_answer *head) {
    struct response_stream *stream = &response->stream;
    size_t bytes = stream->is_head_only ? 0 : response->body.len;
    stream->has_begun = true;
    stream->error =
        stream->port->flush(stream->port->arg, head, response->body.data, bytes);
    buffer_reset(&response->body, KEPT_BYTES);
    return stream->error;
}

int crew_response_flush(crew_response *response) {
    struct response_stream *stream = &response->stream;
    struct crew_answer head;
    if (response->error != CREW_OK)
        return CREW_EINVAL;
    if (stream->error != CREW_OK)
        return stream->error;
    if (stream->is_whole)
        return flush_whole(stream);
    if (stream->has_begun)
        return send_part(response, NULL);
    make_head(response, &head);
    return response->error != CREW_OK ? CREW_EINVAL : send_part(response, &head);
}

static void end_of_stream(struct crew_response *response, struct crew_answer *answer) {
    int error = crew_response_flush(response);
    *answer = (struct crew_answer){.error = error, .status = response->status};
}

void response_answer(struct crew_response *response, enum crew_form form, bool is_head,
                     struct crew_answer *answer) {
    if (response->stream.has_begun) {
        end_of_stream(response, answer);
        return;
    }
    *answer = (struct crew_answer){.status = response->status};
    set_default_content_type(response);
    if (is_head)
        omit_body(response);
    list_pairs(response, form == CREW_HTTP, answer);
    if (response->error != CREW_OK) {
        *answer = (struct crew_answer){.error = response->error,
                                       .status = crew_error_status(response->error)};
        return;
    }
    if (form == CREW_PLAIN && response->content_type.len > 0)
        answer->content_type = (const char *)response->content_type.data;
    answer->body = response->body.data;
    answer->body_bytes = response->body.len;
}
