/* Task: the life of a task in a worker, from the delivery that it came with until its
 * answer is confirmed and it is acked. Only task.c changes a task's state (enum
 * task_state).
 *
 * A task is settled when its answer is safe with the broker (or there is no caller to
 * answer) and the owner has called crew_task_done. */
#ifndef CREW_WORKER_TASK_H
#define CREW_WORKER_TASK_H

#include "session/broker_session.h"
#include "wire/envelope.h"
#include "worker/consumers.h"
#include "worker/delivery.h"
#include "worker/reply_batch.h"
#include "worker/stream_sender.h"
#include "worker/task_dedup.h"
#include <crew/worker.h>

/* The owner of the tasks, as in struct crew_worker_options. */
struct task_callbacks {
    void (*on_task)(void *arg, crew_task *task);
    void (*on_credit)(void *arg, crew_task *task, uint32_t allowed_bytes);
    void (*on_unread)(void *arg, crew_task *task);
    void *arg;
};

/* All tasks of a worker and what they share. */
struct tasks {
    struct broker_session *session;
    const struct consumers *consumers;
    const char *worker; /* its UUID */
    size_t gzip_above_bytes;
    struct task_callbacks callbacks;
    struct task_dedup dedup;
    struct broker_session_timer dedup_expiry;
    struct reply_batches replies;
    struct stream_senders streams;
};

/* A task as it came. What is pointed to stays valid as long as the delivery, or during
 * tasks_receive (reply_to, id, key). */
struct task_source {
    struct delivery *delivery;
    struct wire_item item; /* HTTP: as it came; plain: body and pairs */
    struct buffer pairs;   /* plain: holds item.pairs; taken over */
    enum crew_form form;
    struct wire_bytes id;
    const char *key; /* unique over all callers; null: the id is */
    bool understands_notices;
    uint64_t deadline_ms;
    bool may_repeat;
};

/* WORKER and CONSUMERS must outlive T. */
void tasks_init(struct tasks *t, struct broker_session *session,
                const struct consumers *consumers, const char *worker,
                size_t gzip_above_bytes, const struct task_callbacks *callbacks);
void tasks_fini(struct tasks *t); /* the session is stopped */

/* Offer the task to the owner, or answer it without: a duplicate, one that was cancelled,
 * one that must not run again, one that has expired, a ping. */
void tasks_receive(struct tasks *t, const struct task_source *source);

/* Notices from callers. */
void tasks_cancel(struct tasks *t, const struct wire_item *notice);
void tasks_credit(struct tasks *t, const struct wire_item *notice);

/* Send the answers that are ready. */
void tasks_flush(struct tasks *t);

/* Tasks that are not settled. */
size_t tasks_count(const struct tasks *t);

/* The highest prefetch: the answer cache holds as many answers. */
void tasks_set_max_cached(struct tasks *t, unsigned prefetch);

#endif
