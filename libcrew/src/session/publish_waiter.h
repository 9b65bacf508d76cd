/* Who waits for the publish status of a message. The owner of every message that a broker
 * session publishes is one of these, or null where the status does not matter. */
#ifndef CREW_SESSION_PUBLISH_WAITER_H
#define CREW_SESSION_PUBLISH_WAITER_H

#include "amqp/message.h"

struct publish_waiter {
    /* The status of M is known (M->status). Frees M, or keeps it. Runs within
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
