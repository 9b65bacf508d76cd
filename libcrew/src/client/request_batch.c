#include "client/request_batch.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "session/publish_waiter.h"
#include "wire/broker_names.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* A message with the requests that are in it, from when it is sent until the last of them
 * is withdrawn and its publish status is known. */
struct request_batch {
    struct publish_waiter waiter; /* first: a waiter is turned back into its batch */
    struct request_batches *owner;
    struct batch batch;
    bool with_link;                    /* the publish status is awaited */
    struct request_batch *prev, *next; /* owner->all */
};

static struct queued_request *request_of(struct batch_entry *entry) {
    return (struct queued_request *)entry;
}

static struct request_batch *batch_of(struct batch *batch) {
    return (void *)((char *)batch - offsetof(struct request_batch, batch));
}

/* ---- keys: level, persistence, queue ---- */

#define KEY_QUEUE 2 /* where the queue's name begins */

static size_t write_key(char *key, const char *task, uint8_t level, bool persistent) {
    size_t prefix_bytes = sizeof NAME_TASK_QUEUE_PREFIX - 1;
    size_t task_bytes = strlen(task);
    key[0] = (char)('0' + level);
    key[1] = persistent ? 'P' : 'T';
    memcpy(key + KEY_QUEUE, NAME_TASK_QUEUE_PREFIX, prefix_bytes);
    /* The caller keeps the length. NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
    memcpy(key + KEY_QUEUE + prefix_bytes, task, task_bytes);
    return KEY_QUEUE + prefix_bytes + task_bytes;
}

static struct encode_target target_of(const struct request_batches *b,
                                      const struct batch_queue *queue) {
    const char *key = batcher_key(queue);
    return (struct encode_target){.queue = key + KEY_QUEUE,
                                  .reply_queue = reply_queue_name(b->reply_queue),
                                  .level = (uint8_t)(key[0] - '0'),
                                  .persistent = key[1] == 'P'};
}

void request_batch_join(struct request_batches *b, struct queued_request *r,
                        const char *task, uint8_t level, bool persistent) {
    char key[KEY_QUEUE + sizeof NAME_TASK_QUEUE_PREFIX + LIMIT_TASK_NAME_BYTES];
    size_t key_bytes = write_key(key, task, level, persistent);
    batcher_join(&b->batcher, &r->entry, key, key_bytes);
}

void request_batch_leave(struct request_batches *b, struct queued_request *r) {
    batcher_leave(&b->batcher, &r->entry);
}

const char *request_batch_queue_name(const struct queued_request *r) {
    return batcher_key(r->entry.queue) + KEY_QUEUE;
}

/* ---- messages with the link ---- */

static void batch_free(struct request_batch *batch) {
    batcher_release(&batch->owner->batcher, &batch->batch);
    DL_DELETE(batch->owner->all, batch);
    free(batch);
}

/* Another request may be sent in its place. */
static void wake_if_active(struct request_batches *b) {
    if (batcher_active_count(&b->batcher) > 0)
        broker_session_wake(b->session);
}

void request_batch_withdraw(struct request_batches *b, struct queued_request *r) {
    struct batch *batch = r->entry.batch;
    batcher_withdraw(&b->batcher, &r->entry);
    if (batch != NULL && batch->entries == NULL && !batch_of(batch)->with_link)
        batch_free(batch_of(batch));
    wake_if_active(b);
}

/* The status of a message is that of all requests in it. */
static void on_published(struct publish_waiter *waiter, struct message *m) {
    struct request_batch *batch = (struct request_batch *)waiter;
    struct request_batches *b = batch->owner;
    struct batch_entry *entry = batch->batch.entries, *next;
    enum publish_status status = m->status;
    batch->with_link = false;
    if (entry != NULL && batch->batch.count == 1)
        encode_return_body(&request_of(entry)->encoded, m);
    message_free(m);
    if (entry == NULL)
        batch_free(batch);
    for (; entry != NULL; entry = next) {
        next = entry->next;
        if (status != PUBLISH_CONFIRMED)
            request_batch_withdraw(b, request_of(entry));
        b->handlers.published(request_of(entry), status);
    }
}

/* The message lives as long as the longest deadline in it requires. The other calls are
 * ended by their own timers, at the client and at the worker. */
static uint64_t longest_left_ms(const struct batch *batch) {
    uint64_t longest_ms = 0;
    struct batch_entry *entry;
    DL_FOREACH (batch->entries, entry) {
        uint64_t ms = encode_left_ms(&request_of(entry)->encoded, batch->sent_ms);
        longest_ms = ms > longest_ms ? ms : longest_ms;
    }
    return longest_ms;
}

static void join_bodies(struct message *m, const struct batch *batch) {
    struct batch_entry *entry;
    size_t bytes = WIRE_HEAD_BYTES;
    DL_FOREACH (batch->entries, entry)
        bytes += entry->bytes;
    encode_begin(m, bytes);
    DL_FOREACH (batch->entries, entry)
        encode_append(&request_of(entry)->encoded, m);
}

static struct message *message_of(const struct request_batches *b,
                                  const struct batch *batch) {
    struct encoded_call *first = &request_of(batch->entries)->encoded;
    struct encode_target target = target_of(b, batch->queue);
    struct message *m = encode_message(first, &target, longest_left_ms(batch));
    if (batch->count == 1)
        encode_move_body(first, m);
    else
        join_bodies(m, batch);
    return m;
}

static void send_batch(struct request_batches *b, struct request_batch *batch) {
    struct batch_entry *entry;
    batch->owner = b;
    batch->waiter.published = on_published;
    batch->with_link = true;
    DL_APPEND(b->all, batch);
    DL_FOREACH (batch->batch.entries, entry)
        b->handlers.sent(request_of(entry));
    struct message *m = message_of(b, &batch->batch);
    publish_waiter_attach(&batch->waiter, m);
    broker_session_publish(b->session, m);
}

/* ---- the queue ---- */

static void expire(struct broker_session_timer *timer) {
    struct request_batches *b =
        (void *)((char *)timer - offsetof(struct request_batches, timer));
    batcher_expire(&b->batcher, clock_ms());
    wake_if_active(b);
}

static bool is_shareable(const struct encoded_call *call) {
    return call->form != CREW_PLAIN && !call->gzipped && !call->written;
}

void request_batch_enqueue(struct request_batches *b, struct queued_request *r) {
    batcher_enqueue(&b->batcher, &r->entry, r->encoded.body.len,
                    is_shareable(&r->encoded));
    broker_session_wake(b->session);
}

void request_batch_note_answer(struct request_batches *b, struct queued_request *r,
                               uint64_t run_us, struct wire_bytes worker) {
    batcher_note_answer(&b->batcher, &r->entry, run_us, (const char *)worker.data,
                        worker.len, clock_ms());
}

static void flush_queue(struct request_batches *b, struct batch_queue *queue,
                        uint64_t now_ms) {
    while (batcher_may_send(&b->batcher, queue, now_ms)) {
        struct request_batch *batch = xcalloc(1, sizeof *batch);
        batcher_fill(queue, &batch->batch, now_ms);
        send_batch(b, batch);
    }
}

/* Callbacks of calls that fail may queue new ones: those wait for the next flush. */
static void reject_queue(struct request_batches *b, struct batch_queue *queue) {
    struct batch_entry *entry;
    size_t count = batcher_waiting_count(queue);
    while (count-- > 0 && (entry = batcher_first_waiting(queue)) != NULL)
        b->handlers.not_connected(request_of(entry));
}

static void set_timer(struct request_batches *b) {
    uint64_t due_ms = batcher_due_ms(&b->batcher);
    if (due_ms != 0)
        broker_session_timer_set(b->session, &b->timer, due_ms);
}

/* One by one: a callback may queue a call with a new key, which evicts idle queues. */
bool request_batches_flush(struct request_batches *b, bool connected) {
    struct batch_queue *queue;
    size_t count = batcher_active_count(&b->batcher);
    uint64_t now_ms = count > 0 && connected ? clock_ms() : 0;
    while (count-- > 0 && (queue = batcher_next_queue(&b->batcher)) != NULL)
        if (connected)
            flush_queue(b, queue, now_ms);
        else
            reject_queue(b, queue);
    set_timer(b);
    return batcher_active_count(&b->batcher) > 0;
}

void request_batches_init(struct request_batches *b, struct broker_session *s,
                          const struct reply_queue *reply_queue, size_t max_batch,
                          const struct request_handlers *handlers) {
    *b = (struct request_batches){.session = s,
                                  .reply_queue = reply_queue,
                                  .handlers = *handlers,
                                  .timer.fire = expire};
    batcher_init(&b->batcher, max_batch);
}

void request_batches_fini(struct request_batches *b) {
    while (b->all != NULL)
        batch_free(b->all);
    batcher_fini(&b->batcher);
}
