#include "client/reply.h"

#include "base/xalloc.h"
#include "client/encode.h"
#include "session/compress_job.h"
#include "wire/broker_names.h"
#include "wire/envelope.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PAIRS_KEPT_BYTES 65536u /* of scratch memory, between answers */

/* ---- header fields ---- */

static void add_pair(struct reply_reader *r, const struct crew_pair *pair) {
    buffer_append(&r->pairs, pair, sizeof *pair);
}

/* Those of the last answer are not valid any more. */
static void reset_pairs(struct reply_reader *r) {
    buffer_reset(&r->pairs, PAIRS_KEPT_BYTES);
}

/* False: out of memory. */
static bool set_pairs(const struct reply_reader *r, struct crew_answer *answer) {
    answer->pairs = (const struct crew_pair *)(const void *)r->pairs.data;
    answer->pair_count = r->pairs.len / sizeof(struct crew_pair);
    return !r->pairs.failed;
}

/* Status and fields, which are valid until the next answer is read. */
static bool read_head(struct reply_reader *r, const struct wire_item *item,
                      struct crew_answer *answer) {
    struct wire_bytes pairs = item->pairs;
    struct crew_pair pair;
    reset_pairs(r);
    while (wire_pairs_next(&pairs, &pair))
        add_pair(r, &pair);
    *answer = (struct crew_answer){.status = item->status};
    return set_pairs(r, answer);
}

static int error_of_word(const char *word, size_t bytes) {
    if (bytes == 0)
        return 0;
    int error = crew_error_from_word(word, bytes);
    return error != 0 ? error : CREW_EFAILED;
}

static int error_of_item(const struct wire_item *item) {
    return error_of_word((const char *)item->error.data, item->error.len);
}

/* ---- items ---- */

static void finish(struct crew_pending *call, const struct crew_answer *answer,
                   bool valid) {
    if (valid)
        call_answer(call, answer);
    else
        call_fail(call, CREW_EBADRESPONSE);
}

/* As a text, cut to fit. */
static void copy_text(char *to, size_t to_bytes, struct wire_bytes from) {
    size_t bytes = from.len < to_bytes ? from.len : to_bytes - 1;
    if (bytes > 0)
        memcpy(to, from.data, bytes);
    to[bytes] = '\0';
}

static void receive_answer(struct reply_reader *r, struct crew_pending *call,
                           const struct wire_item *item) {
    struct crew_answer answer;
    bool valid = read_head(r, item, &answer);
    char worker[LIMIT_ITEM_ID_BYTES];
    copy_text(worker, sizeof worker, item->worker);
    answer.error = error_of_item(item);
    if (answer.error != 0)
        answer.status = crew_error_status(answer.error);
    answer.body = item->body.data;
    answer.body_bytes = item->body.len;
    answer.run_us = item->run_us;
    answer.worker = worker[0] != '\0' ? worker : NULL;
    if (answer.error == 0 && call_is_http(call))
        call_note_run(call, item->run_us, item->worker);
    finish(call, &answer, valid);
}

/* A worker sends pieces to a call that does not take them, and waits for credit, perhaps
 * until its deadline: stop it. */
static void cancel_stream(struct reply_reader *r, const struct wire_item *item) {
    char worker[LIMIT_ITEM_ID_BYTES + 1];
    bool waits =
        item->kind == WIRE_HEAD || (item->kind == WIRE_CHUNK && item->body.len == 0);
    const struct wire_item cancel = {.kind = WIRE_CANCEL, .id = item->id};
    if (!waits || item->worker.len == 0 || !reply_queue_may_publish(r->reply_queue))
        return;
    copy_text(worker, sizeof worker, item->worker);
    broker_session_publish(r->session,
                           encode_notice(NAME_CONTROL_WORKER_PREFIX, worker, &cancel));
}

static void receive_head(struct reply_reader *r, struct crew_pending *call,
                         const struct wire_item *item) {
    struct crew_answer head;
    bool valid = read_head(r, item, &head);
    call_receive_piece(call, item, valid ? &head : NULL);
}

static void receive_piece(struct reply_reader *r, struct crew_pending *call,
                          const struct wire_item *item) {
    int error = item->kind == WIRE_END ? error_of_item(item) : 0;
    bool second_head = item->kind == WIRE_HEAD && call != NULL && call_is_streaming(call);
    if (call == NULL || second_head)
        cancel_stream(r, item);
    if (call == NULL)
        return;
    if (error != 0)
        call_fail(call, error);
    else if (item->kind == WIRE_HEAD)
        receive_head(r, call, item);
    else
        call_receive_piece(call, item, NULL);
}

static void receive_item(struct reply_reader *r, const struct wire_item *item) {
    struct crew_pending *call = call_find(r->calls, item->id.data, item->id.len);
    switch (item->kind) {
    case WIRE_ANSWER:
        if (call != NULL)
            receive_answer(r, call, item);
        break;
    case WIRE_TAKEN:
        if (call != NULL)
            call_note_started(call);
        break;
    case WIRE_HEAD:
    case WIRE_CHUNK:
    case WIRE_END:
        receive_piece(r, call, item);
        break;
    default:
        break;
    }
}

/* ---- plain answers, of any AMQP RPC server; crew adds crew-status, crew-error ---- */

static struct crew_pending *find_by_correlation_id(struct reply_reader *r,
                                                   const struct message *m) {
    const char *id = m->p.correlation_id;
    return id == NULL ? NULL : call_find(r->calls, id, strlen(id));
}

static bool header_is_the_handlers(const struct message_header *h) {
    return h->text != NULL && strncmp(h->name, "x-", 2) != 0 &&
           strncmp(h->name, "crew-", 5) != 0;
}

static void add_headers(struct reply_reader *r, const struct message *m) {
    reset_pairs(r);
    for (size_t i = 0; i < m->p.header_count; i++) {
        const struct message_header *h = &m->p.headers[i];
        if (header_is_the_handlers(h))
            add_pair(r, &(struct crew_pair){h->name, strlen(h->name), h->text,
                                            strlen(h->text)});
    }
}

static int plain_error(const struct message *m) {
    const struct message_header *word = message_header(m, NAME_ERROR);
    return word != NULL && word->text != NULL
               ? error_of_word(word->text, strlen(word->text))
               : 0;
}

static int plain_status(const struct message *m) {
    const struct message_header *status = message_header(m, NAME_STATUS);
    bool valid = status != NULL && status->text == NULL && status->number > 0 &&
                 status->number < 1000;
    return valid ? (int)status->number : 200;
}

static uint64_t plain_run_us(const struct message *m) {
    const struct message_header *run_us = message_header(m, NAME_RUN_US);
    return run_us != NULL && run_us->number > 0 ? (uint64_t)run_us->number : 0;
}

static void receive_plain(struct reply_reader *r, const struct message *m) {
    struct crew_pending *call = find_by_correlation_id(r, m);
    if (call == NULL)
        return;
    int error = plain_error(m);
    struct crew_answer answer = {
        .error = error,
        .status = error != 0 ? crew_error_status(error) : plain_status(m),
        .content_type = m->p.content_type,
        .body = m->body.data,
        .body_bytes = m->body.len,
        .run_us = plain_run_us(m),
    };
    add_headers(r, m);
    bool valid = set_pairs(r, &answer);
    finish(call, &answer, valid);
}

/* ---- messages ---- */

static bool is_envelope(const struct message *m) {
    return m->p.content_type != NULL && strcmp(m->p.content_type, WIRE_CONTENT_TYPE) == 0;
}

/* A message that cannot be read ends the call that it names, if any. First the end, then
 * the warning: its callback may cancel the call. */
static void receive_unreadable(struct reply_reader *r, const struct message *m) {
    struct crew_pending *call = find_by_correlation_id(r, m);
    bool known = call != NULL;
    if (known && m->p.dead_reason != NULL)
        call_dead_letter(call, m->p.dead_reason);
    else if (known)
        call_fail(call, CREW_EBADRESPONSE);
    reply_queue_warn(r->reply_queue,
                     "an unreadable message came to the reply queue (call %s)",
                     known ? m->p.correlation_id : "unknown");
}

static void receive_dead_item(struct reply_reader *r, const struct wire_item *item,
                              const char *reason) {
    struct crew_pending *call = call_find(r->calls, item->id.data, item->id.len);
    if (call != NULL)
        call_dead_letter(call, reason);
}

static void receive_envelope(struct reply_reader *r, const struct message *m) {
    struct wire_reader reader;
    struct wire_item item;
    int more = wire_read(&reader, m->body.data, m->body.len) == 0 ? 1 : -1;
    while (more > 0 && (more = wire_next(&reader, &item)) > 0)
        if (m->p.dead_reason == NULL)
            receive_item(r, &item);
        else
            receive_dead_item(r, &item, m->p.dead_reason);
    if (more < 0)
        receive_unreadable(r, m);
}

static void receive_inflated(struct reply_reader *r, const struct message *m) {
    struct crew_pending *call;
    if (is_envelope(m))
        receive_envelope(r, m);
    else if (m->p.dead_reason == NULL)
        receive_plain(r, m);
    else if ((call = find_by_correlation_id(r, m)) != NULL)
        call_dead_letter(call, m->p.dead_reason);
}

/* ---- compressed messages ---- */

struct inflate_job {
    struct reply_reader *reader;
    struct message *message;
};

static void on_inflated(void *arg, int result, struct buffer *body) {
    struct inflate_job *i = arg;
    if (result == 0) {
        i->message->body = *body;
        buffer_init(body);
        receive_inflated(i->reader, i->message);
    } else if (result != CREW_ECLOSED) {
        receive_unreadable(i->reader, i->message);
    }
    message_free(i->message);
    free(i);
}

static void inflate(struct reply_reader *r, struct message *m) {
    struct inflate_job *i = xcalloc(1, sizeof *i);
    i->reader = r;
    i->message = m;
    compress_job_inflate(r->session, &m->body, r->max_inflated_bytes, on_inflated, i);
}

void reply_receive(struct reply_reader *r, struct message *m) {
    const char *encoding = m->p.content_encoding;
    if (!m->unreadable && encoding != NULL && strcasecmp(encoding, "gzip") == 0) {
        inflate(r, m);
        return;
    }
    if (m->unreadable || !message_is_unencoded(m))
        receive_unreadable(r, m);
    else
        receive_inflated(r, m);
    message_free(m);
}

void reply_init(struct reply_reader *r, struct broker_session *s,
                struct reply_queue *reply_queue, struct calls *calls,
                size_t max_inflated_bytes) {
    *r = (struct reply_reader){.session = s,
                               .reply_queue = reply_queue,
                               .calls = calls,
                               .max_inflated_bytes = max_inflated_bytes};
}

void reply_fini(struct reply_reader *r) {
    buffer_fini(&r->pairs);
}
