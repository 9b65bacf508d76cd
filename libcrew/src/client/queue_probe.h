/* A question to the broker about a queue: a passive declare on a link's second
 * channel. */
#ifndef CREW_CLIENT_QUEUE_PROBE_H
#define CREW_CLIENT_QUEUE_PROBE_H

#include "session/broker_session.h"

/* The owner of a LINK_PROBE_QUEUE, inside whatever waits for its result. */
struct queue_probe {
    void (*done)(struct queue_probe *probe, const struct link_op *op);
};

/* PROBE must stay where it is until it is done, or the session has stopped. */
void queue_probe_start(struct queue_probe *probe, struct broker_session *s,
                       enum broker_session_side side, const char *queue);
/* OP, a LINK_PROBE_QUEUE, is done. */
void queue_probe_finish(const struct link_op *op);
bool queue_probe_not_found(const struct link_op *op);

#endif
