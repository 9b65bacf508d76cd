/* Delivery: a message that came from a task queue. It carries one or more tasks, and is
 * acked when all of them are settled. It lives as long as a task points into it. */
#ifndef CREW_WORKER_DELIVERY_H
#define CREW_WORKER_DELIVERY_H

#include "session/broker_session.h"

struct delivery;

/* A delivery of TASK_COUNT tasks that takes M over. The caller has a reference. */
struct delivery *delivery_new(struct broker_session *session, struct message *m,
                              size_t task_count);
void delivery_retain(struct delivery *d);
void delivery_release(struct delivery *d);

const struct message *delivery_message(const struct delivery *d);

/* The connection that it came over is open: the broker has not given it to another
 * worker. */
bool delivery_is_current(const struct delivery *d);

/* One of its tasks is settled; the last one acks it. Releases a reference. */
void delivery_settle(struct delivery *d);

#endif
