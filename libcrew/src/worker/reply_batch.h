/* Reply batch: answers to the same caller share a message, because a message costs the
 * broker as much as many answers. They leave with the next flush and do not wait for
 * further answers.
 *
 * An answer is published mandatory. When the publish status of its message is known, the
 * entry's PUBLISHED is called; whether the answer has to be sent again is its
 * decision. */
#ifndef CREW_WORKER_REPLY_BATCH_H
#define CREW_WORKER_REPLY_BATCH_H

#include "session/broker_session.h"

struct reply_batch;

/* A message to be sent. Embedded in the task. */
struct reply_batch_entry {
    /* M is the entry's own message, which the callee takes over. */
    void (*published)(struct reply_batch_entry *entry, struct message *m,
                      enum publish_status status);
    struct message *message;   /* null while it is alone in its batch, or idle */
    struct reply_batch *batch; /* null: queued or idle */
    bool is_queued;
    bool may_share;                        /* it is an envelope */
    struct reply_batch_entry *prev, *next; /* in the queue, or in the batch */
};

/* All entries that are queued, and the batches whose status is awaited. */
struct reply_batches {
    struct broker_session *session;
    struct reply_batch_entry *queue;
    struct reply_batch *sent;
};

void reply_batches_init(struct reply_batches *all, struct broker_session *session);
void reply_batches_fini(struct reply_batches *all); /* the session is stopped */

/* ENTRY is idle. M leaves with the next flush that finds an open connection. MAY_SHARE: M
 * is an envelope, whose items may travel together with others. */
void reply_batch_add(struct reply_batches *all, struct reply_batch_entry *entry,
                     struct message *m, bool may_share);

/* ENTRY is idle. Publish M alone and at once. */
void reply_batch_send(struct reply_batches *all, struct reply_batch_entry *entry,
                      struct message *m);

/* Take the message of a queued entry back. Null: it was sent, or the entry is idle. */
struct message *reply_batch_withdraw(struct reply_batches *all,
                                     struct reply_batch_entry *entry);

/* PUBLISHED is not called for ENTRY any more. Frees its message. Fine for an idle one. */
void reply_batch_abandon(struct reply_batches *all, struct reply_batch_entry *entry);

void reply_batches_flush(struct reply_batches *all);

#endif
