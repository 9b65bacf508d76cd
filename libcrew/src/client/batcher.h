/* The batcher decides which requests leave together in one message, and when. It knows
 * nothing of clients, calls and AMQP: it orders nodes that live inside their owners.
 *
 * Entries of one key (a task queue, a priority level, persistent or not) share a queue.
 * An entry joins its queue for its whole life, and is at any time either waiting, in a
 * batch, or neither. Time is passed in. The owner drives it:
 *
 *     while (count-- > 0 && (queue = batcher_next_queue(b)) != NULL)
 *         while (batcher_may_send(b, queue, now_ms)) {
 *             batcher_fill(queue, batch, now_ms);
 *             send the batch;
 *         }
 * / */
#ifndef CREW_CLIENT_BATCHER_H
#define CREW_CLIENT_BATCHER_H

#include "base/deadlines.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATCHER_SMALL_BYTES 16384u /* larger entries travel alone, and are not copied */
#define BATCHER_MESSAGE_BYTES 65536u
#define BATCHER_IN_FLIGHT_MS 20u /* that a batch counts as in flight, unanswered */
#define BATCHER_MAX_QUEUES 1000u /* more only if none of them is idle */

struct batch_queue;

/* A node of the owner's. Zeroed memory has not joined. Only the batcher writes to it. */
struct batch_entry {
    struct batch_queue *queue;
    struct batch *batch; /* the one that it is in */
    struct batch_entry *prev, *next;
    size_t bytes;
    bool shareable;
    bool waiting;
};

/* The entries of one message, in memory of the owner's: from batcher_fill until
 * batcher_release. */
struct batch {
    struct batch_queue *queue;
    struct batch_entry *entries; /* those that have not been withdrawn (utlist) */
    size_t count;                /* of all that were in it */
    uint64_t sent_ms;
    bool in_flight;
    struct batch *prev, *next; /* queue's batches in flight */
};

struct batcher {
    struct batch_queue *queues; /* all, by key */
    struct batch_queue *active; /* to be examined by the next flush */
    size_t active_count;
    struct batch_queue *idle; /* without entries and batches; least recently used first */
    struct deadlines deadlines; /* of queues whose entries wait for a batch to expire */
    size_t max_batch;
};

void batcher_init(struct batcher *b, size_t max_batch);
/* All entries must have left, all batches must have been released. */
void batcher_fini(struct batcher *b);

/* ---- entries ---- */

void batcher_join(struct batcher *b, struct batch_entry *entry, const char *key,
                  size_t key_bytes);
/* ENTRY is neither waiting nor in a batch. */
void batcher_leave(struct batcher *b, struct batch_entry *entry);

/* ENTRY waits for a batch. BYTES counts towards the size of the message; shareable
 * entries may be in one message with others. */
void batcher_enqueue(struct batcher *b, struct batch_entry *entry, size_t bytes,
                     bool shareable);
/* ENTRY waits no more, or is no longer in its batch. Neither is fine. */
void batcher_withdraw(struct batcher *b, struct batch_entry *entry);

/* A worker has answered an entry of ENTRY's queue. RUN_US: time in the handler, 0:
 * unknown. WORKER: its id, may be empty. */
void batcher_note_answer(struct batcher *b, struct batch_entry *entry, uint64_t run_us,
                         const char *worker, size_t worker_bytes, uint64_t now_ms);

const char *batcher_key(const struct batch_queue *queue);

/* ---- batches ---- */

static inline size_t batcher_active_count(const struct batcher *b) {
    return b->active_count;
}

/* The next queue in which something may have changed; it is active no more. Or null. */
struct batch_queue *batcher_next_queue(struct batcher *b);
/* True: entries of QUEUE shall leave now: batcher_fill. False: none, or they wait for a
 * batch to be answered or to expire (batcher_due_ms). */
bool batcher_may_send(struct batcher *b, struct batch_queue *queue, uint64_t now_ms);
/* Move the entries that leave together into BATCH, which is zeroed. */
void batcher_fill(struct batch_queue *queue, struct batch *batch, uint64_t now_ms);
/* BATCH, without entries, is given up. */
void batcher_release(struct batcher *b, struct batch *batch);

struct batch_entry *batcher_first_waiting(const struct batch_queue *queue);
size_t batcher_waiting_count(const struct batch_queue *queue);

/* When batcher_expire is due; 0: nothing waits for it. */
uint64_t batcher_due_ms(const struct batcher *b);
/* Queues whose oldest batch counts no more as in flight become active. */
void batcher_expire(struct batcher *b, uint64_t now_ms);

#endif
