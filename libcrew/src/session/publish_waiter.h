/* Publish waiter: embedded in the struct that waits for the publish status of a message.
 * The owner of every message that a broker session publishes is one of these, or null if
 * the status does not matter. */
#ifndef CREW_SESSION_PUBLISH_WAITER_H
#define CREW_SESSION_PUBLISH_WAITER_H

#include "amqp/message.h"

struct publish_waiter {
    /* M->status is the status. The callee frees M or keeps it. Runs in
     * broker_session_dispatch. */
    void (*published)(struct publish_waiter *waiter, struct message *m);
};

static inline void publish_waiter_attach(struct publish_waiter *waiter,
                                         struct message *m) {
    m->owner = waiter;
}

static inline void publish_waiter_notify(struct message *m) {
    struct publish_waiter *waiter = (struct publish_waiter *)m->owner;
    waiter->published(waiter, m);
}

#endif
