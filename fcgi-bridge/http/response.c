#include "response.h"

#include "base/digits.h"
#include "fcgi-bridge/fcgi/codec.h"
#include "wire/http_fields.h"
#include "wire/outcome.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Errors of the bridge, from CREW_ERROR_COUNT on. */
static const struct outcome bridge_outcomes[] = {
    {.word = "bad-request", .status = 400, .message = "The request is malformed"},
    {.word = "bad-request", .status = 405, .message = "The method is not allowed here"},
    {.word = "too-large", .status = 413, .message = "The request body is too large"},
};

static_assert(sizeof bridge_outcomes / sizeof *bridge_outcomes ==
                  RESPONSE_ERROR_COUNT - CREW_ERROR_COUNT,
              "one for each error");

/* What the client sees of an error that is not an outcome of a call. */
static int visible_error(int error) {
    switch (error) {
    case CREW_EINVAL:
        return RESPONSE_BAD_REQUEST;
    case CREW_ETOOLARGE:
        return RESPONSE_TOO_LARGE;
    case CREW_ENOMEM:
        return CREW_EOVERLOADED;
    default:
        return CREW_ELOST;
    }
}

static const struct outcome *find_outcome(int error) {
    if (error >= CREW_ERROR_COUNT && error < RESPONSE_ERROR_COUNT)
        return &bridge_outcomes[error - CREW_ERROR_COUNT];
    const struct outcome *outcome = outcome_find(error);
    return outcome != NULL && outcome->message != NULL
               ? outcome
               : find_outcome(visible_error(error));
}

const char *response_error_word(int error) {
    return find_outcome(error)->word;
}

static void put_field(const char *name, size_t name_bytes, const char *value,
                      size_t value_bytes) {
    codec_put(name, name_bytes);
    codec_put(": ", 2);
    codec_put(value, value_bytes);
    codec_put("\r\n", 2);
}

static void put_number(const char *name, uint64_t number) {
    char text[DIGITS_BYTES];
    put_field(name, strlen(name), text, digits_write(text, number, 10));
}

static void put_status(int status) {
    char text[DIGITS_BYTES];
    const char *reason = http_reason(status);
    codec_put("Status: ", 8);
    codec_put(text, digits_write(text, (uint64_t)status, 10));
    if (*reason != '\0')
        codec_put(" ", 1);
    codec_text(reason);
    codec_put("\r\n", 2);
}

void response_error(struct buffer *to, uint16_t id, const struct response_style *style,
                    int error, const char *detail) {
    const struct outcome *outcome = find_outcome(error);
    const char *message = detail != NULL ? detail : outcome->message;
    char body[512]; /* of literals: word and message need no escapes */
    int bytes = style->json
                    ? snprintf(body, sizeof body,
                               "{\"error\":\"%s\",\"status\":%d,\"message\":\"%s\"}\n",
                               outcome->word, outcome->status, message)
                    : snprintf(body, sizeof body, "%s\n", message);
    codec_open(to, id);
    put_status(outcome->status);
    codec_text(style->json ? "Content-Type: application/json\r\n"
                           : "Content-Type: text/plain; charset=utf-8\r\n");
    put_number("Content-Length", (uint64_t)bytes);
    if (outcome->retry_after_s > 0)
        put_number("Retry-After", outcome->retry_after_s);
    if (error == RESPONSE_BAD_METHOD)
        put_field("Allow", 5, style->allow, strlen(style->allow));
    codec_text("Crew-Error: ");
    codec_text(outcome->word);
    codec_text("\r\n\r\n");
    if (!style->head)
        codec_put(body, (size_t)bytes);
    codec_close();
}

/* ---- the answer of a call ---- */

static bool response_valid(const struct crew_answer *answer) {
    if (!http_status_valid(answer->status))
        return false;
    if (answer->content_type != NULL &&
        !http_field_value_valid(answer->content_type, strlen(answer->content_type)))
        return false;
    for (size_t i = 0; i < answer->pair_count; i++) {
        const struct crew_pair *pair = &answer->pairs[i];
        if (!http_field_name_valid(pair->name, pair->name_bytes) ||
            !http_field_value_valid(pair->value, pair->value_bytes))
            return false;
    }
    return true;
}

static bool is_number(const char *value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (value[i] < '0' || value[i] > '9')
            return false;
    return bytes > 0 && bytes < 20;
}

/* The handler's header fields. Its Content-Length is kept where no body is sent to which
 * it would apply (RFC 9110 §8.6). Returns whether it was. */
static bool put_fields(const struct crew_answer *answer, bool keep_length) {
    bool has_length = false;
    for (size_t i = 0; i < answer->pair_count; i++) {
        const struct crew_pair *p = &answer->pairs[i];
        if (http_field_is_bridges_own(p->name, p->name_bytes))
            continue;
        if (http_name_equal(p->name, p->name_bytes, "Content-Length")) {
            if (!keep_length || has_length || !is_number(p->value, p->value_bytes))
                continue;
            has_length = true;
        }
        put_field(p->name, p->name_bytes, p->value, p->value_bytes);
    }
    return has_length;
}

bool response_is_bodiless(const struct response_style *style, int status) {
    return style->head || status == 204 || status == 304;
}

/* Returns whether Content-Length is among the fields. */
static bool put_head(const struct response_style *style,
                     const struct crew_answer *answer) {
    put_status(answer->status);
    if (answer->content_type != NULL) /* only from plain AMQP RPC servers */
        put_field("Content-Type", 12, answer->content_type, strlen(answer->content_type));
    return put_fields(answer, response_is_bodiless(style, answer->status) &&
                                  answer->status != 204);
}

int response_answer(struct buffer *to, uint16_t id, const struct response_style *style,
                    const struct crew_answer *answer) {
    int error = answer->error != 0        ? answer->error
                : !response_valid(answer) ? (int)CREW_EBADRESPONSE
                                          : 0;
    if (error != 0) {
        response_error(to, id, style, error, NULL);
        return error;
    }
    bool no_body = answer->status == 204 || answer->status == 304;
    codec_open(to, id);
    bool has_length = put_head(style, answer);
    if (!has_length && !no_body)
        put_number("Content-Length", answer->body_bytes);
    codec_put("\r\n", 2);
    if (!style->head && !no_body)
        codec_put(answer->body, answer->body_bytes);
    codec_close();
    return 0;
}

/* ---- a streamed response ---- */

static bool has_field(const struct crew_answer *answer, const char *name) {
    for (size_t i = 0; i < answer->pair_count; i++)
        if (http_name_equal(answer->pairs[i].name, answer->pairs[i].name_bytes, name))
            return true;
    return false;
}

/* X-Accel-Buffering: otherwise nginx buffers what the handler has flushed. */
int response_begin(struct buffer *to, uint16_t id, const struct response_style *style,
                   const struct crew_answer *head) {
    if (!response_valid(head))
        return CREW_EBADRESPONSE;
    codec_open(to, id);
    put_head(style, head);
    if (!has_field(head, "X-Accel-Buffering"))
        codec_text("X-Accel-Buffering: no\r\n");
    codec_put("\r\n", 2);
    codec_pause();
    return 0;
}

void response_continue(struct buffer *to, uint16_t id, const void *data, size_t bytes) {
    codec_open(to, id);
    codec_put(data, bytes);
    codec_pause();
}

void response_end(struct buffer *to, uint16_t id) {
    codec_open(to, id);
    codec_close();
}
