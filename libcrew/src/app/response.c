/* A response in the making. */
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
    response->stream = (struct response_stream){.whole = true};
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

/* ---- what handlers write ---- */

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

int crew_response_get_status(const crew_response *response) {
    return response->error != CREW_OK ? crew_error_status(response->error)
                                      : response->status;
}

int crew_response_status(crew_response *response, int status) {
    if (response->stream.begun)
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

/* The caller's reader knows the same limits (docs/wire.md), so a block over them would be
 * worth nothing. Some room stays for the fields that are added here at the end. */
static bool field_fits(const crew_response *response, size_t name_bytes,
                       size_t value_bytes) {
    const size_t own_fields = 2, own_bytes = 256;
    size_t bytes = response->fields.len + response->content_type.len + name_bytes +
                   value_bytes + own_bytes;
    return name_bytes <= UINT16_MAX && bytes <= LIMIT_PAIRS_BYTES &&
           response->field_count + own_fields < LIMIT_PAIR_COUNT;
}

/* A response has one Content-Type (RFC 9110 §8.3): the last one set is it. That of a
 * plain answer is a short string of AMQP (0-9-1 §4.2.5.3). */
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
    if (response->stream.begun)
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

char *response_body_room(struct crew_response *response, size_t bytes, int *error) {
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
    char *room = response_body_room(response, bytes, &error);
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
        char *room = response_body_room(response, (size_t)bytes, &error);
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

/* ---- the finished response ---- */

static bool has_field(const struct crew_response *response, const char *name) {
    struct wire_bytes block = {response->fields.data, response->fields.len};
    struct crew_pair pair;
    while (wire_pairs_next(&block, &pair))
        if (http_name_equal(pair.name, pair.name_bytes, name))
            return true;
    return false;
}

/* What a body is that nobody named. */
static void default_content_type(struct crew_response *response) {
    static const char *const types[] = {
        [RESPONSE_BYTES] = "application/octet-stream",
        [RESPONSE_TEXT] = "text/plain; charset=utf-8",
        [RESPONSE_JSON] = "application/json",
        [RESPONSE_HTML] = "text/html; charset=utf-8",
    };
    if (response->content_type.len == 0 && response->body.len > 0)
        set_content_type(response, types[response->kind]);
}

/* The answer to HEAD says how long the body would be, and has none. */
static void leave_body_out(struct crew_response *response) {
    if (response->body.len == 0)
        return;
    if (!has_field(response, "Content-Length")) {
        char length[DECIMAL_BYTES];
        snprintf(length, sizeof length, "%zu", response->body.len);
        add_field(response, "Content-Length", length);
    }
    response->body.len = 0;
}

/* The array of pairs: first the Content-Type, unless it travels by itself. */
static void list_pairs(struct crew_response *response, bool with_content_type,
                       struct crew_answer *answer) {
    const struct buffer *type = &response->content_type;
    size_t most = response->field_count + 1;
    uint8_t *room = buffer_reserve(&response->pairs, most * sizeof(struct crew_pair));
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
    while (count < most && wire_pairs_next(&block, &pairs[count]))
        count++;
    answer->pairs = pairs;
    answer->pair_count = count;
}

void response_head(struct crew_response *response, struct crew_answer *answer) {
    *answer = (struct crew_answer){.status = response->status};
    default_content_type(response);
    list_pairs(response, true, answer);
}

static void end_of_stream(struct crew_response *response, struct crew_answer *answer) {
    int error = crew_response_flush(response);
    *answer = (struct crew_answer){.error = error, .status = response->status};
}

void response_answer(struct crew_response *response, enum crew_form form, bool head,
                     struct crew_answer *answer) {
    if (response->stream.begun) {
        end_of_stream(response, answer);
        return;
    }
    *answer = (struct crew_answer){.status = response->status};
    default_content_type(response);
    if (head)
        leave_body_out(response);
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
