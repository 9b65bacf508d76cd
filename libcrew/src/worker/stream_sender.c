#include "worker/stream_sender.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "wire/envelope.h"
#include "wire/limits.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define MESSAGE_BYTES 65536u /* of parts that share a message */
#define PROBE_AFTER_MS 1000u

enum stream_state {
    STREAM_OPEN,
    STREAM_BROKEN, /* parts were lost: its end carries an error */
    STREAM_UNREAD  /* the caller is disconnected or has cancelled: it has no end */
};

struct stream_sender {
    struct publish_waiter waiter; /* first: a waiter is turned back into its stream */
    struct stream_senders *senders;
    enum stream_state state;
    bool is_detached; /* freed by its owner; waits for its messages' status */
    void (*on_stopped)(void *arg); /* null: was called, or must not be */
    void *arg;
    const char *reply_to; /* both in TEXT */
    const char *id;
    struct message *out; /* parts that leave with the next flush; may be null */
    unsigned out_items;
    unsigned unconfirmed;              /* messages with the link */
    uint32_t next_sequence;            /* number of the next part */
    uint64_t sent_bytes;               /* of body */
    uint64_t allowed_bytes;            /* of body, in all */
    struct broker_session_timer probe; /* runs while there is no credit left */
    struct stream_sender *prev, *next;
    char text[];
};

void stream_senders_init(struct stream_senders *senders, struct broker_session *session,
                         const char *worker) {
    *senders = (struct stream_senders){.session = session, .worker = worker};
}

static void stop_sending(struct stream_sender *s) {
    broker_session_timer_clear(s->senders->session, &s->probe);
    message_free(s->out);
    s->out = NULL;
}

static void destroy(struct stream_sender *s) {
    stop_sending(s);
    DL_DELETE(s->senders->all, s);
    free(s);
}

void stream_sender_free(struct stream_sender *s) {
    if (s == NULL)
        return;
    stop_sending(s);
    s->on_stopped = NULL;
    s->is_detached = true;
    if (s->unconfirmed == 0)
        destroy(s);
}

void stream_senders_fini(struct stream_senders *senders) {
    while (senders->all != NULL)
        destroy(senders->all);
}

/* ---- stopped ---- */

static void stop(struct stream_sender *s, enum stream_state why) {
    void (*on_stopped)(void *arg) = s->on_stopped;
    if (s->state != STREAM_OPEN)
        return;
    s->state = why;
    stop_sending(s);
    s->on_stopped = NULL;
    if (on_stopped != NULL)
        on_stopped(s->arg);
}

void stream_sender_cancel(struct stream_sender *s) {
    stop(s, STREAM_UNREAD);
}

void stream_sender_repeated(struct stream_sender *s, const char *reply_to) {
    if (reply_to == NULL || strcmp(reply_to, s->reply_to) != 0)
        stop(s, STREAM_BROKEN);
}

static void on_published(struct publish_waiter *waiter, struct message *m) {
    struct stream_sender *s = (struct stream_sender *)waiter;
    enum publish_status status = m->status;
    message_free(m);
    s->unconfirmed--;
    if (s->is_detached && s->unconfirmed == 0)
        destroy(s);
    else if (status != PUBLISH_CONFIRMED)
        stop(s, status == PUBLISH_RETURNED ? STREAM_UNREAD : STREAM_BROKEN);
}

/* ---- parts ---- */

static void send_out(struct stream_sender *s) {
    struct message *m = s->out;
    s->out = NULL;
    s->out_items = 0;
    s->unconfirmed++;
    publish_waiter_attach(&s->waiter, m);
    broker_session_publish(s->senders->session, m);
}

void stream_senders_flush(struct stream_senders *senders) {
    struct stream_sender *s;
    DL_FOREACH (senders->all, s)
        if (s->out != NULL)
            send_out(s);
}

/* Where the next part is appended. */
static struct buffer *begin_part(struct stream_sender *s) {
    if (s->out == NULL)
        s->out =
            reply_envelope(&(struct reply_address){.reply_to = s->reply_to, .id = s->id});
    s->out_items++;
    broker_session_wake(s->senders->session);
    return &s->out->body;
}

/* If memory is out the part is incomplete, which is as good as lost. */
static int end_part(struct stream_sender *s) {
    if (s->out->body.failed) {
        stop(s, STREAM_BROKEN);
        return CREW_ECANCELLED;
    }
    if (s->out->body.len >= MESSAGE_BYTES || s->out_items == LIMIT_ITEMS_PER_MESSAGE)
        send_out(s);
    return 0;
}

/* A chunk without bytes carries the worker's id, so that the caller can repeat its
 * credit. */
static int put_chunk(struct stream_sender *s, const void *data, size_t bytes) {
    const struct wire_item item = {
        .kind = WIRE_CHUNK,
        .id = wire_text(s->id),
        .sequence = s->next_sequence++,
        .worker = wire_text(bytes == 0 ? s->senders->worker : NULL),
        .body = {data, bytes},
    };
    wire_put(begin_part(s), &item);
    return end_part(s);
}

static void put_head(struct stream_sender *s, const struct crew_answer *answer) {
    struct buffer *to = begin_part(s);
    size_t mark =
        wire_open(to, &(struct wire_item){.kind = WIRE_HEAD,
                                          .id = wire_text(s->id),
                                          .status = (uint16_t)answer->status,
                                          .worker = wire_text(s->senders->worker)});
    for (size_t i = 0; i < answer->pair_count; i++) {
        const struct crew_pair *pair = &answer->pairs[i];
        wire_put_pair(to, pair->name, pair->name_bytes, pair->value, pair->value_bytes);
    }
    wire_open_body(to, mark);
    wire_close(to, mark);
}

/* ---- credit ---- */

static void await_credit(struct stream_sender *s) {
    if (s->sent_bytes == s->allowed_bytes)
        broker_session_timer_set(s->senders->session, &s->probe,
                                 clock_ms() + PROBE_AFTER_MS);
}

/* The notice with the credit may have been lost, or the caller may be disconnected. */
static void send_probe(struct broker_session_timer *timer) {
    struct stream_sender *s =
        (void *)((char *)timer - offsetof(struct stream_sender, probe));
    if (s->unconfirmed > 0 || put_chunk(s, "", 0) == 0)
        await_credit(s);
}

bool stream_sender_credit(struct stream_sender *s, uint32_t credit_bytes,
                          uint32_t *allowed_bytes) {
    uint32_t more = credit_bytes - (uint32_t)s->allowed_bytes;
    if (s->state != STREAM_OPEN || more == 0 || more > INT32_MAX)
        return false; /* too late, or an earlier notice that was overtaken */
    s->allowed_bytes += more;
    broker_session_timer_clear(s->senders->session, &s->probe);
    *allowed_bytes = (uint32_t)s->allowed_bytes;
    return true;
}

/* ---- beginning, body, end ---- */

static struct stream_sender *allocate(struct stream_senders *senders,
                                      const struct reply_address *to) {
    size_t reply_to_bytes = strlen(to->reply_to) + 1, id_bytes = strlen(to->id) + 1;
    struct stream_sender *s = xcalloc(1, sizeof *s + reply_to_bytes + id_bytes);
    s->reply_to = memcpy(s->text, to->reply_to, reply_to_bytes);
    s->id = memcpy(s->text + reply_to_bytes, to->id, id_bytes);
    s->waiter.published = on_published;
    s->senders = senders;
    s->next_sequence = 1;
    s->allowed_bytes = CREW_WINDOW_BYTES;
    s->probe.fire = send_probe;
    DL_APPEND(senders->all, s);
    return s;
}

int stream_sender_new(struct stream_senders *senders, const struct reply_address *to,
                      const struct crew_answer *answer, void (*on_stopped)(void *arg),
                      void *arg, struct stream_sender **sender) {
    struct stream_sender *s = allocate(senders, to);
    put_head(s, answer);
    if (s->out->body.failed) {
        destroy(s);
        return CREW_EBADRESPONSE;
    }
    s->on_stopped = on_stopped;
    s->arg = arg;
    *sender = s;
    return 0;
}

int stream_sender_chunk(struct stream_sender *s, const void *data, size_t bytes) {
    if (bytes > CREW_CHUNK_BYTES || bytes > s->allowed_bytes - s->sent_bytes)
        return CREW_EINVAL;
    if (s->state != STREAM_OPEN)
        return CREW_ECANCELLED;
    if (bytes == 0)
        return 0;
    s->sent_bytes += bytes;
    int error = put_chunk(s, data, bytes);
    if (error == 0)
        await_credit(s);
    return error;
}

struct message *stream_sender_end(struct stream_sender *s, const struct reply_address *to,
                                  const struct crew_answer *answer) {
    int error = s->state == STREAM_BROKEN ? (int)CREW_ELOST : answer->error;
    broker_session_timer_clear(s->senders->session, &s->probe);
    if (s->state == STREAM_UNREAD)
        return NULL;
    return reply_stream_end(to, s->next_sequence, error, answer->run_us);
}
