/* The topology operations of one connection, in order and one at a time.
 *
 * Declares, binds and probes are sent on an AMQP channel of their own, so that a refusal,
 * which closes the AMQP channel, does not affect deliveries. Consumers and prefetch are
 * set on the data channel, in the same order. Consuming a queue whose declare has failed
 * would close the data channel: such an operation fails here, with the declare's reply
 * code and text, and is not sent.
 */
#ifndef CREW_AMQP_OP_QUEUE_H
#define CREW_AMQP_OP_QUEUE_H

#include "amqp/acks.h"
#include "amqp/event_list.h"
#include "amqp/op_method.h"

/* State of the topology channel. */
enum op_queue_state {
    OP_QUEUE_IDLE,    /* the next operation may start */
    OP_QUEUE_WAITING, /* the first operation was sent; waits for its -ok or for the close
                           of its AMQP channel */
    OP_QUEUE_REOPENING, /* the broker closed the AMQP channel; waits for open-ok, then
                           IDLE */
    OP_QUEUE_REOPENING_TO_CHECK, /* the same after a 406; then the first operation is
                                    repeated as a passive declare */
    OP_QUEUE_CHECKING, /* the passive declare was sent; waits for its -ok or a close */
    OP_QUEUE_STATE_COUNT
};

struct op_queue {
    enum op_queue_state state;
    struct link_op *first; /* in progress unless the state is IDLE or REOPENING */
    struct link_op *last;
    struct transport *transport;
    struct {
        char queue[256]; /* the queue whose declare was refused last; "": none */
        int code;
        char text[256];
    } refused;
    struct acks *acks; /* learns which consumers are started without acks */
    struct event_list *events;
};

/* No operation is queued. TRANSPORT, ACKS and EVENTS outlive the queue. */
void op_queue_init(struct op_queue *q, struct transport *transport, struct acks *acks,
                   struct event_list *events);

/* Append an operation; the queue takes ownership. op_queue_advance sends it. */
void op_queue_add(struct op_queue *q, struct link_op *op);
bool op_queue_is_idle(const struct op_queue *q);

/* Start the next operation if none is in progress. */
void op_queue_advance(struct op_queue *q);

/* A method arrived on the topology channel, or an -ok on the data channel. False: a
 * protocol error, this method is not valid in the present state. */
bool op_queue_on_method(struct op_queue *q, amqp_channel_t channel,
                        const amqp_method_t *method);

/* The broker closed the data channel: the operation that caused it fails with the reply
 * code. */
void op_queue_on_data_channel_closed(struct op_queue *q,
                                     const amqp_channel_close_t *close);

/* The connection is lost: all remaining operations fail. */
void op_queue_fail_all(struct op_queue *q);

const char *op_queue_state_name(const struct op_queue *q);

#endif
