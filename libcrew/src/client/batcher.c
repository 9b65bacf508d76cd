/* Design notes. A message costs the broker about as much as thirty requests in it, so
 * requests for fast handlers wait for each other.
 *
 * How many go into one message follows from the run time that workers report: no more
 * than BATCH_WORK_US of work. With slow handlers it is one, and each is sent at once. How
 * long they wait follows from the batches in flight. A request alone is sent at once, and
 * so is one batch for each worker that has answered lately. Beyond that a batch waits
 * until it is full, or half of all open requests are in it, or a batch in flight has been
 * answered: the next answers are near. A batch without an answer counts as in flight for
 * BATCHER_IN_FLIGHT_MS, so the first entry that waits does not wait longer than that. */
#include "client/batcher.h"

#include "base/xalloc.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#define BATCH_WORK_US 2000u  /* of one message */
#define RUN_SHARE 8u         /* weight of a new run time: an eighth */
#define RUN_MAX_US 100000u   /* longer runs count as this: an outlier says little */
#define OPEN_SHARE 2u        /* the share of open requests that makes a batch complete */
#define WORKER_SEEN_MS 2000u /* that a worker counts after an answer */
#define WORKERS 16

/* A worker that has answered. */
struct seen_worker {
    uint64_t id; /* the beginning of its UUID */
    uint64_t seen_ms;
};

struct batch_queue {
    struct deadline deadline; /* first: a deadline is turned back into its queue */
    UT_hash_handle hh;        /* batcher->queues, by key */
    struct batch_entry *waiting;
    size_t waiting_count;
    size_t open; /* entries that have joined */
    size_t batch_count;
    struct batch *in_flight; /* the oldest first */
    size_t in_flight_count;
    size_t batch_size; /* how many entries a batch may hold */
    uint32_t run_us;   /* exponential moving average of run times; 0: unknown */
    struct seen_worker workers[WORKERS];
    bool is_active;
    struct batch_queue *prev, *next;           /* batcher->active */
    struct batch_queue *idle_prev, *idle_next; /* batcher->idle */
    char key[];
};

/* ---- queues ---- */

static bool is_idle(const struct batch_queue *q) {
    return q->open == 0 && q->batch_count == 0;
}

static void add_if_idle(struct batcher *b, struct batch_queue *q) {
    if (is_idle(q))
        DL_APPEND2(b->idle, q, idle_prev, idle_next);
}

static void remove_if_idle(struct batcher *b, struct batch_queue *q) {
    if (is_idle(q))
        DL_DELETE2(b->idle, q, idle_prev, idle_next);
}

static void activate(struct batcher *b, struct batch_queue *q) {
    if (q->is_active)
        return;
    DL_APPEND(b->active, q);
    b->active_count++;
    q->is_active = true;
}

static void deactivate(struct batcher *b, struct batch_queue *q) {
    if (!q->is_active)
        return;
    DL_DELETE(b->active, q);
    b->active_count--;
    q->is_active = false;
}

static void queue_free(struct batcher *b, struct batch_queue *q) {
    assert(is_idle(q));
    remove_if_idle(b, q);
    deactivate(b, q);
    deadlines_clear(&b->deadlines, &q->deadline);
    HASH_DEL(b->queues, q);
    free(q);
}

/* Task names may come from variables of a web server's configuration: the number of
 * queues is bounded. */
static void evict_idle(struct batcher *b) {
    while (HASH_COUNT(b->queues) >= BATCHER_MAX_QUEUES && b->idle != NULL)
        queue_free(b, b->idle);
}

static struct batch_queue *queue_new(struct batcher *b, const char *key,
                                     size_t key_bytes) {
    evict_idle(b);
    struct batch_queue *q = xcalloc(1, sizeof *q + key_bytes + 1);
    memcpy(q->key, key, key_bytes);
    q->batch_size = 1; /* until the handlers are known to be fast */
    HASH_ADD_KEYPTR(hh, b->queues, q->key, key_bytes, q);
    add_if_idle(b, q);
    return q;
}

const char *batcher_key(const struct batch_queue *q) {
    return q->key;
}

void batcher_init(struct batcher *b, size_t max_batch) {
    *b = (struct batcher){.max_batch = max_batch};
}

void batcher_fini(struct batcher *b) {
    struct batch_queue *q, *next;
    HASH_ITER (hh, b->queues, q, next)
        queue_free(b, q);
    deadlines_fini(&b->deadlines);
}

/* ---- what workers report ---- */

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static void note_run_time(struct batch_queue *q, uint64_t run_us, size_t max_batch) {
    uint32_t latest = (uint32_t)smaller(run_us, RUN_MAX_US);
    if (q->run_us == 0)
        q->run_us = latest;
    q->run_us = (q->run_us * (RUN_SHARE - 1) + latest) / RUN_SHARE;
    size_t size = smaller(BATCH_WORK_US / q->run_us, max_batch);
    q->batch_size = size > 1 ? size : 1;
}

/* A new worker replaces the one that has not answered for the longest time. */
static void note_worker(struct batch_queue *q, const char *uuid, size_t bytes,
                        uint64_t now_ms) {
    uint64_t id = 0;
    memcpy(&id, uuid, smaller(bytes, sizeof id)); /* random digits */
    struct seen_worker *slot = &q->workers[0];
    for (size_t i = 0; i < WORKERS; i++) {
        struct seen_worker *w = &q->workers[i];
        if (w->id == id) {
            slot = w;
            break;
        }
        if (w->seen_ms < slot->seen_ms)
            slot = w;
    }
    *slot = (struct seen_worker){id, now_ms};
}

/* A worker that does not report its run time may be a slow one: no change. */
void batcher_note_answer(struct batcher *b, struct batch_entry *entry, uint64_t run_us,
                         const char *worker, size_t worker_bytes, uint64_t now_ms) {
    if (run_us != 0)
        note_run_time(entry->queue, run_us, b->max_batch);
    if (worker_bytes > 0)
        note_worker(entry->queue, worker, worker_bytes, now_ms);
}

static size_t count_workers(const struct batch_queue *q, uint64_t now_ms) {
    size_t count = 0;
    for (size_t i = 0; i < WORKERS; i++)
        count += q->workers[i].seen_ms + WORKER_SEEN_MS > now_ms;
    return count > 0 ? count : 1;
}

/* ---- batches in flight ---- */

static void end_flight(struct batcher *b, struct batch *batch) {
    struct batch_queue *q = batch->queue;
    if (!batch->in_flight)
        return;
    batch->in_flight = false;
    DL_DELETE(q->in_flight, batch);
    q->in_flight_count--;
    if (q->waiting_count > 0)
        activate(b, q);
}

static void end_old_flights(struct batcher *b, struct batch_queue *q, uint64_t now_ms) {
    while (q->in_flight != NULL && q->in_flight->sent_ms + BATCHER_IN_FLIGHT_MS <= now_ms)
        end_flight(b, q->in_flight);
}

void batcher_release(struct batcher *b, struct batch *batch) {
    assert(batch->entries == NULL);
    end_flight(b, batch);
    batch->queue->batch_count--;
    add_if_idle(b, batch->queue);
}

/* ---- entries ---- */

void batcher_join(struct batcher *b, struct batch_entry *entry, const char *key,
                  size_t key_bytes) {
    struct batch_queue *q;
    HASH_FIND(hh, b->queues, key, key_bytes, q);
    if (q == NULL)
        q = queue_new(b, key, key_bytes);
    remove_if_idle(b, q);
    q->open++;
    *entry = (struct batch_entry){.queue = q};
}

void batcher_leave(struct batcher *b, struct batch_entry *entry) {
    assert(!entry->waiting && entry->batch == NULL);
    entry->queue->open--;
    add_if_idle(b, entry->queue);
    entry->queue = NULL;
}

void batcher_enqueue(struct batcher *b, struct batch_entry *entry, size_t bytes,
                     bool shareable) {
    struct batch_queue *q = entry->queue;
    assert(!entry->waiting && entry->batch == NULL);
    entry->bytes = bytes;
    entry->shareable = shareable && bytes <= BATCHER_SMALL_BYTES;
    entry->waiting = true;
    DL_APPEND(q->waiting, entry);
    q->waiting_count++;
    activate(b, q);
}

static void stop_waiting(struct batch_entry *entry) {
    DL_DELETE(entry->queue->waiting, entry);
    entry->queue->waiting_count--;
    entry->waiting = false;
}

void batcher_withdraw(struct batcher *b, struct batch_entry *entry) {
    struct batch *batch = entry->batch;
    if (entry->waiting)
        stop_waiting(entry);
    if (batch == NULL)
        return;
    DL_DELETE(batch->entries, entry);
    entry->batch = NULL;
    if (batch->entries == NULL)
        end_flight(b, batch);
}

struct batch_entry *batcher_first_waiting(const struct batch_queue *q) {
    return q->waiting;
}

size_t batcher_waiting_count(const struct batch_queue *q) {
    return q->waiting_count;
}

/* ---- when to send ---- */

struct batch_queue *batcher_next_queue(struct batcher *b) {
    struct batch_queue *q = b->active;
    if (q != NULL)
        deactivate(b, q);
    return q;
}

static bool is_due(const struct batch_queue *q, uint64_t now_ms) {
    if (q->batch_size == 1 || q->in_flight_count < count_workers(q, now_ms))
        return true;
    return q->waiting_count >= smaller(q->open / OPEN_SHARE, q->batch_size);
}

static void move_to_batch(struct batch *batch, struct batch_entry *entry) {
    stop_waiting(entry);
    entry->batch = batch;
    DL_APPEND(batch->entries, entry);
    batch->count++;
}

static bool fits(const struct batch_entry *entry, size_t bytes) {
    return entry->shareable && bytes + entry->bytes <= BATCHER_MESSAGE_BYTES;
}

bool batcher_may_send(struct batcher *b, struct batch_queue *q, uint64_t now_ms) {
    end_old_flights(b, q, now_ms);
    deactivate(b, q);
    bool wait = q->waiting_count > 0 && !is_due(q, now_ms);
    if (wait) /* is_due would be true if no batch were in flight */
        deadlines_set(&b->deadlines, &q->deadline,
                      q->in_flight->sent_ms + BATCHER_IN_FLIGHT_MS);
    else
        deadlines_clear(&b->deadlines, &q->deadline);
    return q->waiting_count > 0 && !wait;
}

static void start_flight(struct batch_queue *q, struct batch *batch) {
    q->batch_count++;
    DL_APPEND(q->in_flight, batch);
    q->in_flight_count++;
    batch->in_flight = true;
}

void batcher_fill(struct batch_queue *q, struct batch *batch, uint64_t now_ms) {
    struct batch_entry *entry = q->waiting;
    bool shared = entry->shareable;
    size_t bytes = entry->bytes;
    *batch = (struct batch){.queue = q, .sent_ms = now_ms};
    start_flight(q, batch);
    move_to_batch(batch, entry);
    while (shared && batch->count < q->batch_size && (entry = q->waiting) != NULL &&
           fits(entry, bytes)) {
        bytes += entry->bytes;
        move_to_batch(batch, entry);
    }
}

uint64_t batcher_due_ms(const struct batcher *b) {
    const struct deadline *first = deadlines_first(&b->deadlines);
    return first != NULL ? first->at_ms : 0;
}

void batcher_expire(struct batcher *b, uint64_t now_ms) {
    struct deadline *due;
    while ((due = deadlines_take_due(&b->deadlines, now_ms)) != NULL)
        activate(b, (struct batch_queue *)due);
}
