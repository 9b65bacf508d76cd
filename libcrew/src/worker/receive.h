/* Receive: turns deliveries into tasks, and passes on the notices in the worker's own
 * queue.
 *
 * A message is checked as a whole before anything of it runs. One that cannot be read is
 * rejected, so that the broker dead-letters it to its caller.
 *
 * The time that is left for a task is the least of: its absolute deadline by the local
 * clock, the budget that was sent with it, the expiration of its message. So a task never
 * gets more than its budget after its delivery, however wrong a clock is. */
#ifndef CREW_WORKER_RECEIVE_H
#define CREW_WORKER_RECEIVE_H

#include "worker/consumers.h"
#include "worker/task.h"

struct receiver {
    struct broker_session *session;
    const struct consumers *consumers;
    struct tasks *tasks;
    size_t max_request_bytes; /* after inflating */
    size_t inflating;         /* messages on the background thread */
    uint64_t warned_ms;
};

void receiver_init(struct receiver *r, struct broker_session *session,
                   const struct consumers *consumers, struct tasks *tasks,
                   size_t max_request_bytes);

/* Takes M over. */
void receive_message(struct receiver *r, struct message *m);

/* Messages that were received and are not tasks yet. */
size_t receive_count_pending(const struct receiver *r);

#endif
