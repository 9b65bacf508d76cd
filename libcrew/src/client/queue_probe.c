#include "client/queue_probe.h"

#define AMQP_NOT_FOUND 404

void queue_probe_start(struct queue_probe *probe, struct broker_session *s,
                       enum broker_session_side side, const char *queue) {
    struct link_op *op = link_op_new(LINK_PROBE_QUEUE, queue);
    op->owner = probe;
    broker_session_op(s, side, op);
}

void queue_probe_finish(const struct link_op *op) {
    struct queue_probe *probe = (struct queue_probe *)op->owner;
    probe->done(probe, op);
}

bool queue_probe_not_found(const struct link_op *op) {
    return !op->ok && op->reply_code == AMQP_NOT_FOUND;
}
