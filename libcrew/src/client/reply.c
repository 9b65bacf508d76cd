/* What comes to the reply queue: answers, notices that a task was taken, dead letters.
 * Everything here was sent by somebody else: nothing is believed before it is checked,
 * and what makes no sense costs one warning, not the connection. An answer to a call that
 * is no more is normal and not worth a word. */
#include "client/client_internal.h"

#include "base/xalloc.h"
#include "wire/envelope.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- answers ---- */

static int error_of_word(const char *word, size_t bytes) {
    if (bytes == 0)
        return 0;
    int error = crew_error_from_word(word, bytes);
    return error != 0 ? error : CREW_EFAILED;
}

int reply_error(const struct wire_item *item) {
    return error_of_word((const char *)item->error.data, item->error.len);
}

static void add_pair(struct crew_client *c, const struct crew_pair *pair) {
    buffer_append(&c->pairs, pair, sizeof *pair);
}

/* Those of the last answer are forgotten with the next. */
static void forget_pairs(struct crew_client *c) {
    buffer_reset(&c->pairs, 65536);
}

/* False: memory was out. */
static bool list_pairs(const struct crew_client *c, struct crew_answer *answer) {
    answer->pairs = (const struct crew_pair *)(const void *)c->pairs.data;
    answer->pair_count = c->pairs.len / sizeof(struct crew_pair);
    return !c->pairs.failed;
}

bool reply_head(struct crew_client *c, const struct wire_item *item,
                struct crew_answer *answer) {
    struct wire_bytes pairs = item->pairs;
    struct crew_pair pair;
    forget_pairs(c);
    while (wire_pairs_next(&pairs, &pair))
        add_pair(c, &pair);
    *answer = (struct crew_answer){.status = item->status};
    return list_pairs(c, answer);
}

static void finish(struct crew_pending *call, const struct crew_answer *answer,
                   bool sound) {
    if (call->stream != NULL && answer->error == 0)
        stream_break(call, CREW_ELOST, "a whole answer came behind a head");
    else if (sound)
        call_finish(call, answer);
    else
        call_fail(call, CREW_EBADRESPONSE);
}

static void answer_item(struct crew_client *c, struct crew_pending *call,
                        const struct wire_item *item) {
    struct crew_answer answer;
    bool sound = reply_head(c, item, &answer);
    char worker[LIMIT_ITEM_ID_BYTES];
    snprintf(worker, sizeof worker, "%.*s", (int)item->worker.len,
             (const char *)item->worker.data);
    answer.error = reply_error(item);
    if (answer.error != 0)
        answer.status = crew_error_status(answer.error);
    answer.body = item->body.data;
    answer.body_bytes = item->body.len;
    answer.run_us = item->run_us;
    answer.worker = worker[0] != '\0' ? worker : NULL;
    if (answer.error == 0 && call->form == CREW_HTTP)
        lane_note_answer(call->lane, item);
    finish(call, &answer, sound);
}

static void receive_item(struct crew_client *c, const struct wire_item *item) {
    struct crew_pending *call = call_by_id(c, item->id.data, item->id.len);
    switch (item->kind) {
    case WIRE_ANSWER:
        if (call != NULL)
            answer_item(c, call, item);
        break;
    case WIRE_TAKEN:
        if (call != NULL)
            call->taken = true;
        break;
    case WIRE_HEAD:
    case WIRE_CHUNK:
    case WIRE_END:
        stream_receive(c, call, item);
        break;
    default:
        break;
    }
}

static bool header_is_the_callers(const struct message_header *h) {
    return h->text != NULL && strncmp(h->name, "x-", 2) != 0 &&
           strncmp(h->name, "crew-", 5) != 0;
}

/* The answer of any AMQP RPC server; crew's own add crew-status and crew-error. */
static void receive_plain(struct crew_client *c, const struct message *m) {
    const char *id = m->p.correlation_id;
    struct crew_pending *call = id == NULL ? NULL : call_by_id(c, id, strlen(id));
    if (call == NULL)
        return;
    const struct message_header *word = message_header(m, NAME_ERROR);
    const struct message_header *status = message_header(m, NAME_STATUS);
    const struct message_header *run_us = message_header(m, NAME_RUN_US);
    int error = word != NULL && word->text != NULL
                    ? error_of_word(word->text, strlen(word->text))
                    : 0;
    bool has_status = status != NULL && status->text == NULL && status->number > 0 &&
                      status->number < 1000;
    struct crew_answer answer = {
        .error = error,
        .status = error != 0   ? crew_error_status(error)
                  : has_status ? (int)status->number
                               : 200,
        .content_type = m->p.content_type,
        .body = m->body.data,
        .body_bytes = m->body.len,
        .run_us = run_us != NULL && run_us->number > 0 ? (uint64_t)run_us->number : 0,
    };
    forget_pairs(c);
    for (size_t i = 0; i < m->p.header_count; i++) {
        const struct message_header *h = &m->p.headers[i];
        if (header_is_the_callers(h))
            add_pair(c, &(struct crew_pair){h->name, strlen(h->name), h->text,
                                            strlen(h->text)});
    }
    bool sound = list_pairs(c, &answer);
    finish(call, &answer, sound);
}

/* ---- dead letters ---- */

static int error_of_dead_letter(const struct crew_pending *call, const char *reason) {
    if (strcmp(reason, "expired") == 0)
        return call->taken ? CREW_EDEADLINE : CREW_EEXPIRED;
    if (strcmp(reason, "maxlen") == 0)
        return CREW_EOVERLOADED;
    if (strcmp(reason, "rejected") == 0)
        return CREW_EBADENVELOPE;
    return CREW_ELOST; /* delivery_limit */
}

static void dead_letter(struct crew_client *c, const void *id, size_t id_bytes,
                        const char *reason) {
    struct crew_pending *call = call_by_id(c, id, id_bytes);
    if (call != NULL)
        call_fail(call, error_of_dead_letter(call, reason));
}

/* ---- envelopes ---- */

static bool is_envelope(const struct message *m) {
    return m->p.content_type != NULL && strcmp(m->p.content_type, WIRE_CONTENT_TYPE) == 0;
}

/* A message that cannot be read ends the call that it names, if it names one. First that,
 * then the warning: whoever hears it may cancel the call. */
static void receive_unreadable(struct crew_client *c, const struct message *m) {
    const char *id = m->p.correlation_id;
    struct crew_pending *call = id == NULL ? NULL : call_by_id(c, id, strlen(id));
    if (call != NULL)
        call_fail(call, m->p.dead_reason != NULL
                            ? error_of_dead_letter(call, m->p.dead_reason)
                            : CREW_EBADRESPONSE);
    client_warn(c, "an unreadable message came to the reply queue (call %s)",
                call == NULL ? "unknown" : id);
}

static void receive_envelope(struct crew_client *c, const struct message *m) {
    struct wire_reader reader;
    struct wire_item item;
    int more = wire_read(&reader, m->body.data, m->body.len) == 0 ? 1 : -1;
    while (more > 0 && (more = wire_next(&reader, &item)) > 0)
        if (m->p.dead_reason == NULL)
            receive_item(c, &item);
        else
            dead_letter(c, item.id.data, item.id.len, m->p.dead_reason);
    if (more < 0)
        receive_unreadable(c, m);
}

static void receive_inflated(struct crew_client *c, const struct message *m) {
    if (is_envelope(m))
        receive_envelope(c, m);
    else if (m->p.dead_reason == NULL)
        receive_plain(c, m);
    else if (m->p.correlation_id != NULL)
        dead_letter(c, m->p.correlation_id, strlen(m->p.correlation_id),
                    m->p.dead_reason);
}

/* ---- compressed ones ---- */

struct inflating {
    struct crew_client *client;
    struct message *message;
};

static void inflated(void *arg, int result, struct buffer *body) {
    struct inflating *i = arg;
    if (result == 0) {
        i->message->body = *body;
        buffer_init(body);
        receive_inflated(i->client, i->message);
    } else if (result != CREW_ECLOSED) {
        receive_unreadable(i->client, i->message);
    }
    message_free(i->message);
    free(i);
}

static void inflate(struct crew_client *c, struct message *m) {
    struct inflating *i = xcalloc(1, sizeof *i);
    i->client = c;
    i->message = m;
    compress_job_inflate(&c->session, &m->body, c->max_answer_bytes, inflated, i);
}

void client_receive(struct crew_client *c, struct message *m) {
    const char *encoding = m->p.content_encoding;
    if (!m->unreadable && encoding != NULL && strcasecmp(encoding, "gzip") == 0) {
        inflate(c, m);
        return;
    }
    if (m->unreadable || !message_is_unencoded(m))
        receive_unreadable(c, m);
    else
        receive_inflated(c, m);
    message_free(m);
}
