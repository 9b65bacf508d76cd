/* A call as an AMQP message (docs/wire.md, "Requests"). The body is encoded once, when
 * the call is made; the properties each time it is sent, because the reply queue and what
 * is left of the time change. */
#include "client/client_internal.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "wire/envelope.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* A plain call's headers must fit one AMQP frame together with the other properties. */
#define PLAIN_HEADERS_MAX_BYTES 65536u
#define ENVELOPE_ROOM_BYTES 160u /* head, lengths, id, fields */

/* Enough for the envelope, so that it need not move while it grows. */
static size_t envelope_room(const struct crew_call *from) {
    size_t bytes = ENVELOPE_ROOM_BYTES + from->body_bytes;
    for (size_t i = 0; i < from->pair_count; i++)
        bytes +=
            WIRE_PAIR_HEAD_BYTES + from->pairs[i].name_bytes + from->pairs[i].value_bytes;
    return bytes;
}

static int encode_envelope(struct crew_pending *call, const struct crew_call *from) {
    struct wire_item item = {.kind = from->form == CREW_PING ? WIRE_PING : WIRE_REQUEST,
                             .id = wire_text(call->id),
                             .deadline_unix_ms = call->deadline_unix_ms,
                             .budget_ms = call->budget_ms,
                             .may_repeat = from->repeat != CREW_REPEAT_NEVER};
    struct buffer *to = &call->body;
    if (from->pair_count > LIMIT_PAIR_COUNT)
        return CREW_ETOOLARGE;
    buffer_reserve(to, envelope_room(from));
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

/* The reserved ones are ours; texts with a zero byte would arrive cut short. */
static bool header_is_refused(const struct crew_pair *p) {
    return p->name_bytes == 0 || p->name_bytes > 255 ||
           holds_zero(p->name, p->name_bytes) || holds_zero(p->value, p->value_bytes) ||
           (p->name_bytes >= 2 && memcmp(p->name, "x-", 2) == 0) ||
           (p->name_bytes >= 5 && memcmp(p->name, "crew-", 5) == 0);
}

static int encode_plain(struct crew_pending *call, const struct crew_call *from) {
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

int call_encode(struct crew_pending *call, const struct crew_call *from) {
    call->form = from->form;
    call->repeat = from->repeat;
    call->fail_without_workers = from->fail_without_workers;
    return from->form == CREW_PLAIN ? encode_plain(call, from)
                                    : encode_envelope(call, from);
}

static uint64_t left_ms(const struct crew_pending *call) {
    uint64_t now_ms = clock_ms();
    return call->deadline_ms > now_ms ? call->deadline_ms - now_ms : 1;
}

uint8_t level_of(uint8_t priority) {
    return (uint8_t)((priority * TASK_QUEUE_LEVELS + 254u) / 255u);
}

/* Our own headers behind the caller's. */
static size_t put_headers(const struct crew_pending *call, struct message_header *h) {
    size_t n = 0;
    h[n++] = (struct message_header){NAME_ORIGINAL_SENDER, call->client->reply_queue, 0};
    if (call->written)
        h[n++] = (struct message_header){NAME_REPEATED, NULL, 1};
    if (call->form != CREW_PLAIN)
        return n;
    h[n++] = (struct message_header){NAME_VERSION, NULL, 1};
    h[n++] =
        (struct message_header){NAME_DEADLINE, NULL, (int64_t)call->deadline_unix_ms};
    h[n++] = (struct message_header){NAME_REPEAT, NULL,
                                     call->repeat == CREW_REPEAT_NEVER ? 0 : 1};
    for (size_t i = 0; i < call->header_count; i++)
        h[n++] = call->headers[i];
    return n;
}

#define OWN_HEADERS 5

/* A message lives as long as the longest of its calls; the others are ended by their
 * callers' clocks and their workers'. */
static uint64_t longest_left_ms(const struct parcel *p) {
    uint64_t longest_ms = 0;
    const struct crew_pending *call;
    DL_FOREACH2(p->calls, call, parcel_next) {
        uint64_t ms = left_ms(call);
        longest_ms = ms > longest_ms ? ms : longest_ms;
    }
    return longest_ms;
}

/* Their items behind one head. The bodies stay with those calls that may be repeated. */
static void join_bodies(struct buffer *to, const struct parcel *p) {
    struct crew_pending *call;
    size_t bytes = WIRE_HEAD_BYTES;
    DL_FOREACH2(p->calls, call, parcel_next)
    bytes += call->body.len;
    buffer_reserve(to, bytes);
    wire_begin(to);
    DL_FOREACH2(p->calls, call, parcel_next) {
        buffer_append(to, call->body.data + WIRE_HEAD_BYTES,
                      call->body.len - WIRE_HEAD_BYTES);
        if (call->repeat == CREW_REPEAT_NEVER)
            buffer_fini(&call->body);
    }
}

struct message *parcel_message(struct parcel *p) {
    struct crew_pending *call = p->calls;
    const struct lane *lane = p->lane;
    struct message_header *headers =
        xcalloc(1, (OWN_HEADERS + call->header_count) * sizeof *headers);
    const struct message_properties properties = {
        .exchange = "",
        .routing_key = lane->queue,
        .content_type = call->form == CREW_PLAIN ? call->content_type : WIRE_CONTENT_TYPE,
        .content_encoding = call->gzipped ? "gzip" : NULL,
        .correlation_id = call->id,
        .reply_to = call->client->reply_queue,
        .headers = headers,
        .header_count = put_headers(call, headers),
        .has_expiration = true,
        .expiration_ms = longest_left_ms(p),
        .timestamp_s = clock_unix_ms() / 1000,
        .priority = lane->level,
        .persistent = lane->persistent,
        .mandatory = true,
    };
    struct message *m = message_new(&properties);
    free(headers);
    if (p->count == 1) {
        m->body = call->body;
        buffer_init(&call->body);
    } else {
        join_bodies(&m->body, p);
    }
    return m;
}

/* ---- notices ---- */

static void publish_notice(struct crew_client *c, const char *prefix, const char *name,
                           const struct wire_item *item) {
    char key[sizeof NAME_CONTROL_WORKER_PREFIX + LIMIT_TASK_NAME_BYTES];
    snprintf(key, sizeof key, "%s%s", prefix, name);
    struct message_properties p = {
        .exchange = NAME_CONTROL, .routing_key = key, .content_type = WIRE_CONTENT_TYPE};
    struct message *m = message_new(&p);
    wire_begin(&m->body);
    wire_put(&m->body, item);
    broker_session_publish(&c->session, m);
}

void client_tell_worker(struct crew_client *c, const char *uuid,
                        const struct wire_item *item) {
    publish_notice(c, NAME_CONTROL_WORKER_PREFIX, uuid, item);
}

/* While it waits, any worker may have it. */
void call_publish_cancel(const struct crew_pending *call) {
    struct wire_item item = {.kind = WIRE_CANCEL,
                             .id = wire_text(call->id),
                             .deadline_unix_ms = call->deadline_unix_ms,
                             .budget_ms = (uint32_t)left_ms(call)};
    if (call->stream != NULL)
        client_tell_worker(call->client, call->stream->worker, &item);
    else
        publish_notice(call->client, NAME_CONTROL_TASK_PREFIX,
                       call->lane->queue + sizeof NAME_TASK_QUEUE_PREFIX - 1, &item);
}
