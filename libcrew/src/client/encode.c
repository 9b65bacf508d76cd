#include "client/encode.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "wire/broker_names.h"
#include "wire/task_name.h"
#include <crew/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A plain call's headers must fit one AMQP frame together with the other properties. */
#define PLAIN_HEADERS_MAX_BYTES 65536u
#define ENVELOPE_FIXED_BYTES 160u /* head, lengths, id, fields */
#define OWN_HEADERS 5
#define TEXT_PROPERTY_MAX_BYTES 255u

/* ---- a call, once ---- */

int encode_check(const struct crew_call *from) {
    if (from->task == NULL || !task_name_valid(from->task, strlen(from->task)))
        return CREW_EINVAL;
    if (from->form > CREW_PING || from->repeat > CREW_REPEAT_ALWAYS ||
        from->gzip > CREW_GZIP_ALWAYS || from->expiration_ms > LIMIT_EXPIRATION_MS)
        return CREW_EINVAL;
    if (from->id != NULL &&
        (from->id[0] == '\0' || strlen(from->id) > LIMIT_ITEM_ID_BYTES))
        return CREW_EINVAL;
    if (from->content_type != NULL &&
        strlen(from->content_type) > TEXT_PROPERTY_MAX_BYTES)
        return CREW_EINVAL;
    return from->body_bytes > LIMIT_MESSAGE_BYTES ? CREW_ETOOLARGE : 0;
}

/* An upper bound, so that the buffer does not move while it grows. */
static size_t envelope_bytes(const struct crew_call *from) {
    size_t bytes = ENVELOPE_FIXED_BYTES + from->body_bytes;
    for (size_t i = 0; i < from->pair_count; i++)
        bytes +=
            WIRE_PAIR_HEAD_BYTES + from->pairs[i].name_bytes + from->pairs[i].value_bytes;
    return bytes;
}

static int encode_envelope(struct encoded_call *call, const struct crew_call *from) {
    struct wire_item item = {.kind = from->form == CREW_PING ? WIRE_PING : WIRE_REQUEST,
                             .id = wire_text(call->id),
                             .deadline_unix_ms = call->deadline_unix_ms,
                             .budget_ms = call->budget_ms,
                             .may_repeat = call->may_repeat};
    struct buffer *to = &call->body;
    if (from->pair_count > LIMIT_PAIR_COUNT)
        return CREW_ETOOLARGE;
    buffer_reserve(to, envelope_bytes(from));
    wire_begin(to);
    size_t mark = wire_open(to, &item);
    size_t before = to->len;
    for (size_t i = 0; i < from->pair_count; i++) {
        const struct crew_pair *p = &from->pairs[i];
        if (p->name_bytes > UINT16_MAX || p->value_bytes > LIMIT_PAIRS_BYTES)
            return CREW_ETOOLARGE;
        wire_put_pair(to, p->name, p->name_bytes, p->value, p->value_bytes);
        if (to->len - before > LIMIT_PAIRS_BYTES)
            return CREW_ETOOLARGE;
    }
    wire_open_body(to, mark);
    buffer_append(to, from->body, from->body_bytes);
    wire_close(to, mark);
    if (to->failed)
        return CREW_ENOMEM;
    return to->len > LIMIT_MESSAGE_BYTES ? CREW_ETOOLARGE : 0;
}

static bool holds_zero(const char *bytes, size_t count) {
    return count > 0 && memchr(bytes, '\0', count) != NULL;
}

/* Reserved names, and texts with a zero byte, which would be cut short on the way. */
static bool header_is_refused(const struct crew_pair *p) {
    return p->name_bytes == 0 || p->name_bytes > 255 ||
           holds_zero(p->name, p->name_bytes) || holds_zero(p->value, p->value_bytes) ||
           (p->name_bytes >= 2 && memcmp(p->name, "x-", 2) == 0) ||
           (p->name_bytes >= 5 && memcmp(p->name, "crew-", 5) == 0);
}

static int encode_plain(struct encoded_call *call, const struct crew_call *from) {
    size_t total = 0;
    for (size_t i = 0; i < from->pair_count; i++) {
        if (header_is_refused(&from->pairs[i]))
            return CREW_EINVAL;
        total += from->pairs[i].name_bytes + from->pairs[i].value_bytes + 8;
        if (total > PLAIN_HEADERS_MAX_BYTES)
            return CREW_ETOOLARGE;
    }
    call->headers = xcalloc(1, (from->pair_count + 1) * sizeof *call->headers);
    for (size_t i = 0; i < from->pair_count; i++) {
        const struct crew_pair *p = &from->pairs[i];
        call->headers[i].name = xmemdupz(p->name, p->name_bytes);
        call->headers[i].text = xmemdupz(p->value, p->value_bytes);
        call->header_count++;
    }
    call->content_type = xstrdup(from->content_type != NULL ? from->content_type
                                                            : "application/octet-stream");
    buffer_append(&call->body, from->body, from->body_bytes);
    return call->body.failed ? CREW_ENOMEM : 0;
}

int encode_call(struct encoded_call *call, const struct crew_call *from) {
    call->form = from->form;
    call->may_repeat = from->repeat != CREW_REPEAT_NEVER;
    return from->form == CREW_PLAIN ? encode_plain(call, from)
                                    : encode_envelope(call, from);
}

void encode_fini(struct encoded_call *call) {
    for (size_t i = 0; i < call->header_count; i++) {
        free((char *)call->headers[i].name);
        free((char *)call->headers[i].text);
    }
    free(call->headers);
    free(call->content_type);
    buffer_fini(&call->body);
}

uint8_t encode_level(uint8_t priority) {
    return (uint8_t)((priority * TASK_QUEUE_LEVELS + 254u) / 255u);
}

uint64_t encode_left_ms(const struct encoded_call *call, uint64_t now_ms) {
    return call->deadline_ms > now_ms ? call->deadline_ms - now_ms : 1;
}

/* ---- messages ---- */

/* crew's own headers, then the caller's. */
static size_t put_headers(const struct encoded_call *call, const char *reply_queue,
                          struct message_header *h) {
    size_t n = 0;
    h[n++] = (struct message_header){NAME_ORIGINAL_SENDER, reply_queue, 0};
    if (call->written)
        h[n++] = (struct message_header){NAME_REPEATED, NULL, 1};
    if (call->form != CREW_PLAIN)
        return n;
    h[n++] = (struct message_header){NAME_VERSION, NULL, 1};
    h[n++] =
        (struct message_header){NAME_DEADLINE, NULL, (int64_t)call->deadline_unix_ms};
    h[n++] = (struct message_header){NAME_REPEAT, NULL, call->may_repeat ? 1 : 0};
    for (size_t i = 0; i < call->header_count; i++)
        h[n++] = call->headers[i];
    return n;
}

struct message *encode_message(const struct encoded_call *call,
                               const struct encode_target *target,
                               uint64_t expiration_ms) {
    struct message_header *headers =
        xcalloc(1, (OWN_HEADERS + call->header_count) * sizeof *headers);
    const struct message_properties properties = {
        .exchange = "",
        .routing_key = target->queue,
        .content_type = call->form == CREW_PLAIN ? call->content_type : WIRE_CONTENT_TYPE,
        .content_encoding = call->gzipped ? "gzip" : NULL,
        .correlation_id = call->id,
        .reply_to = target->reply_queue,
        .headers = headers,
        .header_count = put_headers(call, target->reply_queue, headers),
        .has_expiration = true,
        .expiration_ms = expiration_ms,
        .timestamp_s = clock_unix_ms() / 1000,
        .priority = target->level,
        .persistent = target->persistent,
        .mandatory = true,
    };
    struct message *m = message_new(&properties);
    free(headers);
    return m;
}

void encode_move_body(struct encoded_call *call, struct message *m) {
    m->body = call->body;
    buffer_init(&call->body);
}

void encode_return_body(struct encoded_call *call, struct message *m) {
    if (m->status != PUBLISH_UNSENT && !call->may_repeat)
        return;
    buffer_fini(&call->body);
    call->body = m->body;
    buffer_init(&m->body);
}

void encode_begin(struct message *m, size_t body_bytes) {
    buffer_reserve(&m->body, body_bytes);
    wire_begin(&m->body);
}

void encode_append(struct encoded_call *call, struct message *m) {
    buffer_append(&m->body, call->body.data + WIRE_HEAD_BYTES,
                  call->body.len - WIRE_HEAD_BYTES);
    if (!call->may_repeat)
        buffer_fini(&call->body);
}

struct message *encode_notice(const char *prefix, const char *name,
                              const struct wire_item *item) {
    char key[sizeof NAME_CONTROL_WORKER_PREFIX + LIMIT_TASK_NAME_BYTES];
    snprintf(key, sizeof key, "%s%s", prefix, name);
    struct message_properties p = {
        .exchange = NAME_CONTROL, .routing_key = key, .content_type = WIRE_CONTENT_TYPE};
    struct message *m = message_new(&p);
    wire_begin(&m->body);
    wire_put(&m->body, item);
    return m;
}
