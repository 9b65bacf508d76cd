#include "worker/delivery.h"

#include "base/xalloc.h"
#include <stdlib.h>

struct delivery {
    struct broker_session *session;
    struct message *message;
    size_t references;
    size_t unsettled; /* tasks that the ack waits for */
};

struct delivery *delivery_new(struct broker_session *session, struct message *m,
                              size_t task_count) {
    struct delivery *d = xcalloc(1, sizeof *d);
    d->session = session;
    d->message = m;
    d->references = 1;
    d->unsettled = task_count;
    return d;
}

void delivery_retain(struct delivery *d) {
    d->references++;
}

void delivery_release(struct delivery *d) {
    if (--d->references > 0)
        return;
    message_free(d->message);
    free(d);
}

const struct message *delivery_message(const struct delivery *d) {
    return d->message;
}

bool delivery_is_current(const struct delivery *d) {
    return d->message->epoch == broker_session_epoch(d->session, BROKER_SESSION_CONSUMER);
}

void delivery_settle(struct delivery *d) {
    if (--d->unsettled == 0)
        broker_session_ack(d->session, d->message);
    delivery_release(d);
}
