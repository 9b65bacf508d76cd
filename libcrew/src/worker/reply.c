/* Answers on their way to the caller. An answer is published mandatory and kept until the
 * broker has confirmed it, or has returned it because the caller is gone; when the
 * connection is lost before, it goes out again over the next one. */
#include "worker/worker_internal.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "wire/http_fields.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Header fields of a plain answer must fit one AMQP frame. */
#define PLAIN_HEADERS_MAX_BYTES 65536u
#define PLAIN_HEADERS_MAX 64u

/* ---- an answer as a message ---- */

static int status_of(const struct crew_answer *answer) {
    return answer->error != 0 ? crew_error_status(answer->error) : answer->status;
}

static struct message *new_envelope(const crew_task *task) {
    struct message_properties p = {.exchange = "",
                                   .routing_key = task->reply_to,
                                   .content_type = WIRE_CONTENT_TYPE,
                                   .correlation_id = task->id,
                                   .mandatory = true};
    struct message *m = message_new(&p);
    wire_begin(&m->body);
    return m;
}

static struct message *reply_envelope(const crew_task *task,
                                      const struct crew_answer *answer) {
    struct message *m = new_envelope(task);
    struct wire_item item = {.kind = WIRE_ANSWER,
                             .id = wire_text(task->id),
                             .status = (uint16_t)status_of(answer),
                             .error = wire_text(crew_error_word(answer->error)),
                             .run_us = answer->run_us,
                             .worker = wire_text(task->worker->uuid)};
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

static struct message *reply_plain(const crew_task *task,
                                   const struct crew_answer *answer) {
    struct message_header headers[PLAIN_HEADERS_MAX + 3] = {0};
    size_t theirs = plain_headers(headers, answer);
    size_t count = theirs;
    headers[count++] = (struct message_header){NAME_STATUS, NULL, status_of(answer)};
    if (answer->error != 0)
        headers[count++] =
            (struct message_header){NAME_ERROR, crew_error_word(answer->error), 0};
    if (answer->run_us != 0)
        headers[count++] =
            (struct message_header){NAME_RUN_US, NULL, (int64_t)answer->run_us};
    struct message_properties p = {.exchange = "",
                                   .routing_key = task->reply_to,
                                   .content_type = answer->content_type,
                                   .correlation_id =
                                       task->source->message->p.correlation_id,
                                   .headers = headers,
                                   .header_count = count,
                                   .mandatory = true};
    struct message *m = message_new(&p);
    for (size_t i = 0; i < theirs; i++) {
        free((char *)headers[i].name);
        free((char *)headers[i].text);
    }
    buffer_append(&m->body, answer->body, answer->body_bytes);
    return m;
}

/* The same body with other properties. Frees OLD. */
static struct message *remake(struct message *old, const char *reply_to,
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

/* ---- on its way ---- */

static void compressed(void *arg, int result, struct buffer *body) {
    crew_task *task = arg;
    task->compress_job = NULL;
    if (result == CREW_ECLOSED)
        return;
    task->reply->body = *body;
    buffer_init(body);
    if (result == 0)
        task->reply = remake(task->reply, task->reply->p.routing_key, "gzip");
    shipment_ready(task);
}

/* Memory is out, or the answer does not fit its form: say so instead. */
static struct message *reply_or_apology(const crew_task *task,
                                        const struct crew_answer *answer) {
    bool plain = task->form == CREW_PLAIN;
    struct message *m = plain ? reply_plain(task, answer) : reply_envelope(task, answer);
    if (!m->body.failed)
        return m;
    message_free(m);
    struct crew_answer apology = {.error = CREW_EBADRESPONSE};
    return plain ? reply_plain(task, &apology) : reply_envelope(task, &apology);
}

/* What was sent of a stream needs an end, if somebody still waits for it. */
static void end_stream(crew_task *task, const struct crew_answer *answer) {
    struct wire_item end;
    if (!stream_end(task, answer, &end)) {
        task->reply_state = REPLY_SAFE;
        return;
    }
    task->reply = new_envelope(task);
    wire_put(&task->reply->body, &end);
    shipment_ready(task);
}

void reply_make(crew_task *task, const struct crew_answer *answer) {
    crew_worker *w = task->worker;
    if (task->reply_to == NULL) {
        task->reply_state = REPLY_SAFE;
        return;
    }
    if (task->stream != NULL) {
        end_stream(task, answer);
        return;
    }
    task->reply = reply_or_apology(task, answer);
    if (w->gzip_above_bytes != 0 && task->reply->body.len > w->gzip_above_bytes) {
        task->reply_state = REPLY_COMPRESSING;
        task->compress_job =
            compress_job_deflate(&w->session, &task->reply->body, compressed, task);
    } else {
        shipment_ready(task);
    }
}

/* ---- what becomes of it ---- */

void reply_settled(crew_task *task, enum publish_status status) {
    bool safe = status == PUBLISH_CONFIRMED || status == PUBLISH_RETURNED ||
                status == PUBLISH_NACKED || task->deadline_ms + 1000 < clock_ms();
    if (task->reply_again || !safe) {
        task->reply_again = false;
        task->reply =
            remake(task->reply, task->reply_to, task->reply->p.content_encoding);
        shipment_ready(task);
        return;
    }
    task->reply_state = REPLY_SAFE;
    task_reply_is_safe(task);
}

void reply_published(crew_task *task, struct message *m) {
    task->reply = m;
    reply_settled(task, m->status);
}

/* The caller has sent its request again and listens elsewhere now, or may have missed the
 * answer. */
void reply_readdress(crew_task *task, const char *reply_to) {
    free(task->reply_to);
    task->reply_to = xstrdup(reply_to);
    if (task->reply_state == REPLY_SENT) {
        task->reply_again = reply_to != NULL;
        return;
    }
    if (task->reply == NULL || reply_to == NULL) {
        task_reply_is_safe(task);
        return;
    }
    switch (task->reply_state) {
    case REPLY_SAFE:
        task->reply = remake(task->reply, reply_to, task->reply->p.content_encoding);
        shipment_ready(task);
        break;
    case REPLY_SENT:
    case REPLY_NONE:
    case REPLY_COMPRESSING:
    case REPLY_READY:
        task->reply = remake(task->reply, reply_to, task->reply->p.content_encoding);
        break;
    }
}

void reply_taken(crew_task *task) {
    if (task->reply_to == NULL)
        return;
    struct message_properties p = {.exchange = "",
                                   .routing_key = task->reply_to,
                                   .content_type = WIRE_CONTENT_TYPE,
                                   .correlation_id = task->id};
    struct wire_item item = {.kind = WIRE_TAKEN,
                             .id = wire_text(task->id),
                             .worker = wire_text(task->worker->uuid)};
    struct message *m = message_new(&p);
    wire_begin(&m->body);
    wire_put(&m->body, &item);
    broker_session_publish(&task->worker->session, m);
}
