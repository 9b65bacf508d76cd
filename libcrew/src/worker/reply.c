#include "worker/reply.h"

#include "base/xalloc.h"
#include "wire/broker_names.h"
#include "wire/envelope.h"
#include "wire/http_fields.h"
#include <stdlib.h>

/* The headers of a plain answer must fit into one AMQP frame. */
#define PLAIN_HEADERS_MAX_BYTES 65536u
#define PLAIN_HEADERS_MAX 64u

static int status_of(const struct crew_answer *answer) {
    return answer->error != 0 ? crew_error_status(answer->error) : answer->status;
}

/* ---- envelopes ---- */

struct message *reply_envelope(const struct reply_address *to) {
    const struct message_properties p = {.exchange = "",
                                         .routing_key = to->reply_to,
                                         .content_type = WIRE_CONTENT_TYPE,
                                         .correlation_id = to->id,
                                         .mandatory = true};
    struct message *m = message_new(&p);
    wire_begin(&m->body);
    return m;
}

static struct message *envelope_answer(const struct reply_address *to,
                                       const struct crew_answer *answer) {
    struct message *m = reply_envelope(to);
    struct wire_item item = {.kind = WIRE_ANSWER,
                             .id = wire_text(to->id),
                             .status = (uint16_t)status_of(answer),
                             .error = wire_text(crew_error_word(answer->error)),
                             .run_us = answer->run_us,
                             .worker = wire_text(to->worker)};
    size_t mark = wire_open(&m->body, &item);
    for (size_t i = 0; i < answer->pair_count; i++) {
        const struct crew_pair *pair = &answer->pairs[i];
        wire_put_pair(&m->body, pair->name, pair->name_bytes, pair->value,
                      pair->value_bytes);
    }
    wire_open_body(&m->body, mark);
    buffer_append(&m->body, answer->body, answer->body_bytes);
    wire_close(&m->body, mark);
    return m;
}

struct message *reply_stream_end(const struct reply_address *to, uint32_t sequence,
                                 int error, uint64_t run_us) {
    struct message *m = reply_envelope(to);
    const struct wire_item item = {.kind = WIRE_END,
                                   .id = wire_text(to->id),
                                   .sequence = sequence,
                                   .error = wire_text(crew_error_word(error)),
                                   .run_us = run_us};
    wire_put(&m->body, &item);
    return m;
}

/* Not mandatory: a caller that is disconnected needs no notice. */
struct message *reply_started_notice(const struct reply_address *to) {
    const struct message_properties p = {.exchange = "",
                                         .routing_key = to->reply_to,
                                         .content_type = WIRE_CONTENT_TYPE,
                                         .correlation_id = to->id};
    const struct wire_item item = {
        .kind = WIRE_TAKEN, .id = wire_text(to->id), .worker = wire_text(to->worker)};
    struct message *m = message_new(&p);
    wire_begin(&m->body);
    wire_put(&m->body, &item);
    return m;
}

/* ---- plain answers ---- */

static bool has_header(const struct message_header *headers, size_t count,
                       const struct crew_pair *pair) {
    for (size_t i = 0; i < count; i++)
        if (http_name_equal(pair->name, pair->name_bytes, headers[i].name))
            return true;
    return false;
}

/* An AMQP table holds each name once: the first value of a repeated field counts. */
static size_t plain_headers(struct message_header *headers,
                            const struct crew_answer *answer) {
    size_t count = 0, bytes = 0;
    for (size_t i = 0; i < answer->pair_count && count < PLAIN_HEADERS_MAX; i++) {
        const struct crew_pair *pair = &answer->pairs[i];
        bytes += pair->name_bytes + pair->value_bytes;
        if (bytes > PLAIN_HEADERS_MAX_BYTES || pair->name_bytes > 255)
            break;
        if (has_header(headers, count, pair) ||
            http_name_equal(pair->name, pair->name_bytes, "Content-Type"))
            continue;
        headers[count].name = xmemdupz(pair->name, pair->name_bytes);
        headers[count].text = xmemdupz(pair->value, pair->value_bytes);
        count++;
    }
    return count;
}

static struct message *plain_answer(const struct reply_address *to,
                                    const struct crew_answer *answer) {
    struct message_header headers[PLAIN_HEADERS_MAX + 3] = {0};
    size_t from_answer = plain_headers(headers, answer);
    size_t count = from_answer;
    headers[count++] = (struct message_header){NAME_STATUS, NULL, status_of(answer)};
    if (answer->error != 0)
        headers[count++] =
            (struct message_header){NAME_ERROR, crew_error_word(answer->error), 0};
    if (answer->run_us != 0)
        headers[count++] =
            (struct message_header){NAME_RUN_US, NULL, (int64_t)answer->run_us};
    const struct message_properties p = {.exchange = "",
                                         .routing_key = to->reply_to,
                                         .content_type = answer->content_type,
                                         .correlation_id = to->correlation_id,
                                         .headers = headers,
                                         .header_count = count,
                                         .mandatory = true};
    struct message *m = message_new(&p);
    for (size_t i = 0; i < from_answer; i++) {
        free((char *)headers[i].name);
        free((char *)headers[i].text);
    }
    buffer_append(&m->body, answer->body, answer->body_bytes);
    return m;
}

/* ---- either ---- */

static struct message *encode(const struct reply_address *to,
                              const struct crew_answer *answer) {
    return to->form == CREW_PLAIN ? plain_answer(to, answer)
                                  : envelope_answer(to, answer);
}

struct message *reply_from_answer(const struct reply_address *to,
                                  const struct crew_answer *answer) {
    struct message *m = encode(to, answer);
    if (!m->body.failed)
        return m;
    message_free(m);
    return encode(to, &(struct crew_answer){.error = CREW_EBADRESPONSE});
}

static struct message *with_properties(struct message *old, const char *reply_to,
                                       const char *encoding) {
    struct message_properties p = old->p;
    p.routing_key = reply_to;
    p.content_encoding = encoding;
    struct message *m = message_new(&p);
    m->body = old->body;
    buffer_init(&old->body);
    message_free(old);
    return m;
}

struct message *reply_readdress(struct message *reply, const char *reply_to) {
    return with_properties(reply, reply_to, reply->p.content_encoding);
}

struct message *reply_gzipped(struct message *reply, struct buffer *body) {
    buffer_fini(&reply->body);
    reply->body = *body;
    buffer_init(body);
    return with_properties(reply, reply->p.routing_key, "gzip");
}
