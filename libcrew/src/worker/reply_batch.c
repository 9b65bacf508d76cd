#include "worker/reply_batch.h"

#include "base/xalloc.h"
#include "wire/envelope.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define SHARED_ANSWER_BYTES 16384u /* larger answers travel alone and are not copied */
#define BATCH_BYTES 65536u
#define BATCH_ANSWERS 32u

/* A message with the link, and the entries whose answers are in it. A message of one
 * answer is the entry's own; one of several is a copy, and the entries keep their own. */
struct reply_batch {
    struct publish_waiter waiter; /* first: a waiter is turned back into its batch */
    struct reply_batches *all;
    struct reply_batch_entry *entries; /* those that were not abandoned */
    size_t count;                      /* of all answers that are in the message */
    struct reply_batch *prev, *next;
};

void reply_batches_init(struct reply_batches *all, struct broker_session *session) {
    *all = (struct reply_batches){.session = session};
}

static void batch_free(struct reply_batch *batch) {
    DL_DELETE(batch->all->sent, batch);
    free(batch);
}

void reply_batches_fini(struct reply_batches *all) {
    while (all->sent != NULL)
        batch_free(all->sent);
}

static void leave_batch(struct reply_batch_entry *entry) {
    DL_DELETE(entry->batch->entries, entry);
    entry->batch = NULL;
}

static void on_published(struct publish_waiter *waiter, struct message *m) {
    struct reply_batch *batch = (struct reply_batch *)waiter;
    enum publish_status status = m->status;
    struct reply_batch_entry *entry;
    while ((entry = batch->entries) != NULL) {
        struct message *own = entry->message;
        leave_batch(entry);
        entry->message = NULL;
        if (batch->count == 1) {
            own = m;
            m = NULL;
        }
        entry->published(entry, own, status);
    }
    message_free(m);
    batch_free(batch);
}

static struct reply_batch *batch_new(struct reply_batches *all) {
    struct reply_batch *batch = xcalloc(1, sizeof *batch);
    batch->waiter.published = on_published;
    batch->all = all;
    DL_APPEND(all->sent, batch);
    return batch;
}

static void join_batch(struct reply_batch *batch, struct reply_batch_entry *entry) {
    entry->batch = batch;
    DL_APPEND(batch->entries, entry);
    batch->count++;
}

static void publish(struct reply_batch *batch, struct message *m) {
    publish_waiter_attach(&batch->waiter, m);
    broker_session_publish(batch->all->session, m);
}

void reply_batch_send(struct reply_batches *all, struct reply_batch_entry *entry,
                      struct message *m) {
    struct reply_batch *batch = batch_new(all);
    join_batch(batch, entry);
    publish(batch, m);
}

/* ---- the queue ---- */

void reply_batch_add(struct reply_batches *all, struct reply_batch_entry *entry,
                     struct message *m, bool may_share) {
    entry->message = m;
    entry->may_share = may_share;
    entry->is_queued = true;
    DL_APPEND(all->queue, entry);
    broker_session_wake(all->session);
}

static void dequeue(struct reply_batches *all, struct reply_batch_entry *entry) {
    DL_DELETE(all->queue, entry);
    entry->is_queued = false;
}

struct message *reply_batch_withdraw(struct reply_batches *all,
                                     struct reply_batch_entry *entry) {
    if (!entry->is_queued)
        return NULL;
    struct message *m = entry->message;
    dequeue(all, entry);
    entry->message = NULL;
    return m;
}

void reply_batch_abandon(struct reply_batches *all, struct reply_batch_entry *entry) {
    if (entry->is_queued)
        dequeue(all, entry);
    if (entry->batch != NULL)
        leave_batch(entry);
    message_free(entry->message);
    entry->message = NULL;
}

/* ---- sending ---- */

static bool can_share(const struct reply_batch_entry *entry) {
    return entry->may_share && entry->message->p.content_encoding == NULL &&
           entry->message->body.len <= SHARED_ANSWER_BYTES;
}

static bool can_join(const struct reply_batch_entry *entry,
                     const struct reply_batch_entry *first) {
    return can_share(entry) &&
           strcmp(entry->message->p.routing_key, first->message->p.routing_key) == 0;
}

static bool has_company(const struct reply_batch_entry *first) {
    for (const struct reply_batch_entry *e = first->next; e != NULL; e = e->next)
        if (can_join(e, first))
            return true;
    return false;
}

static void send_alone(struct reply_batches *all, struct reply_batch_entry *entry) {
    reply_batch_send(all, entry, reply_batch_withdraw(all, entry));
}

/* An envelope with the properties of the first answer's. */
static struct message *shared_message(const struct message *first) {
    struct message *m = message_new(&first->p);
    wire_begin(&m->body);
    return m;
}

/* Send FIRST together with those behind it that go to the same caller. */
static void send_together(struct reply_batches *all, struct reply_batch_entry *first) {
    struct reply_batch *batch = batch_new(all);
    struct message *m = shared_message(first->message);
    struct reply_batch_entry *entry, *next;
    for (entry = first; entry != NULL && batch->count < BATCH_ANSWERS; entry = next) {
        const struct buffer *answer = &entry->message->body;
        next = entry->next;
        if (!can_join(entry, first) || m->body.len + answer->len > BATCH_BYTES)
            continue;
        buffer_append(&m->body, answer->data + WIRE_HEAD_BYTES,
                      answer->len - WIRE_HEAD_BYTES);
        dequeue(all, entry);
        join_batch(batch, entry);
    }
    publish(batch, m);
}

void reply_batches_flush(struct reply_batches *all) {
    struct reply_batch_entry *first;
    if (broker_session_epoch(all->session, BROKER_SESSION_PUBLISHER) == 0)
        return;
    while ((first = all->queue) != NULL)
        if (can_share(first) && has_company(first))
            send_together(all, first);
        else
            send_alone(all, first);
}
