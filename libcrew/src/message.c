/* Bodies of calls, pairs of tasks, copies of answers. */
#include <crew/message.h>

#include "base/utf8.h"
#include "wire/envelope.h"
#include "wire/json.h"
#include <stdlib.h>
#include <string.h>

/* ---- bodies ---- */

static void set_body(struct crew_call *call, const char *content_type, const void *body,
                     size_t bytes) {
    call->form = CREW_PLAIN;
    call->content_type = content_type;
    call->body = body;
    call->body_bytes = bytes;
}

void crew_call_bytes(struct crew_call *call, const void *bytes, size_t count) {
    set_body(call, "application/octet-stream", bytes, count);
}

int crew_call_text(struct crew_call *call, const char *text) {
    size_t bytes = strlen(text);
    if (!utf8_valid(text, bytes))
        return CREW_EMALFORMED;
    set_body(call, "text/plain; charset=utf-8", text, bytes);
    return CREW_OK;
}

int crew_call_json(struct crew_call *call, const char *text, char *why,
                   size_t why_bytes) {
    size_t bytes = strlen(text);
    if (!json_valid(text, bytes, why, why_bytes))
        return CREW_EMALFORMED;
    set_body(call, "application/json", text, bytes);
    return CREW_OK;
}

/* ---- pairs ---- */

bool crew_pairs_next(const void *pairs, size_t bytes, size_t *offset,
                     struct crew_pair *pair) {
    if (*offset >= bytes)
        return false;
    struct wire_bytes rest = {(const uint8_t *)pairs + *offset, bytes - *offset};
    if (!wire_pairs_next(&rest, pair))
        return false;
    *offset = bytes - rest.len;
    return true;
}

/* ---- copies ---- */

static size_t text_bytes(const char *text) {
    return text == NULL ? 0 : strlen(text) + 1;
}

static size_t copy_bytes(const struct crew_answer *answer) {
    size_t bytes = sizeof *answer + answer->pair_count * sizeof *answer->pairs;
    bytes += text_bytes(answer->content_type) + text_bytes(answer->worker);
    for (size_t i = 0; i < answer->pair_count; i++)
        bytes += answer->pairs[i].name_bytes + answer->pairs[i].value_bytes + 2;
    return bytes + answer->body_bytes + 1;
}

/* Copy BYTES and a terminating zero to *AT, and advance *AT. */
static const char *put(char **at, const void *data, size_t bytes) {
    char *copy = *at;
    if (bytes > 0)
        memcpy(copy, data, bytes);
    copy[bytes] = '\0';
    *at = copy + bytes + 1;
    return copy;
}

static const char *put_text(char **at, const char *text) {
    return text == NULL ? NULL : put(at, text, strlen(text));
}

struct crew_answer *crew_answer_copy(const struct crew_answer *answer) {
    struct crew_answer *copy = malloc(copy_bytes(answer));
    if (copy == NULL)
        return NULL;
    *copy = *answer;
    struct crew_pair *pairs = (struct crew_pair *)(copy + 1);
    char *at = (char *)(pairs + answer->pair_count);
    for (size_t i = 0; i < answer->pair_count; i++) {
        const struct crew_pair *from = &answer->pairs[i];
        pairs[i] = (struct crew_pair){
            put(&at, from->name, from->name_bytes), from->name_bytes,
            put(&at, from->value, from->value_bytes), from->value_bytes};
    }
    copy->pairs = pairs;
    copy->content_type = put_text(&at, answer->content_type);
    copy->worker = put_text(&at, answer->worker);
    copy->body = put(&at, answer->body, answer->body_bytes);
    return copy;
}

void crew_answer_free(struct crew_answer *copy) {
    free(copy);
}
