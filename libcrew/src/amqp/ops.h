/* Topology, one step at a time and in order, over a channel of its own where a refusal
 * costs nobody's deliveries. Consumers and their limit are set over the data channel, but
 * stand in the same order. To consume a queue that could not be declared would close the
 * data channel: such a step is refused here, with the declare's code and text.
 */
#ifndef CREW_AMQP_OPS_H
#define CREW_AMQP_OPS_H

#include "amqp/acks.h"
#include "amqp/event.h"
#include "amqp/op.h"

/* The life of the topology channel. */
enum ops_state {
    OPS_IDLE,      /* the next op may begin */
    OPS_WAITING,   /* the first op was sent: its -ok or the channel's close awaited */
    OPS_REOPENING, /* the broker closed the channel: open-ok awaited, then the next op */
    OPS_REOPENING_TO_CHECK, /* the same after a 406: then the first op is tried passively
                             */
    OPS_CHECKING,           /* that passive declare was sent: its -ok awaited */
    OPS_STATE_COUNT
};

struct ops {
    enum ops_state state;
    struct link_op *first; /* under way unless the state is IDLE or REOPENING */
    struct link_op *last;
    struct transport *transport;
    struct {
        char queue[256]; /* whose declare was refused last; "": none */
        int code;
        char text[256];
    } refused;
    struct acks *acks; /* told which consumers ack nothing */
    struct event_list *events;
};

void ops_add(struct ops *o, struct link_op *op);
bool ops_idle(const struct ops *o);

/* Begin the next op if none is under way. */
void ops_advance(struct ops *o);

/* A method on the topology channel, or an -ok on the data channel. False: no such method
 * may come now. */
bool ops_method(struct ops *o, amqp_channel_t channel, const amqp_method_t *method);

/* The broker closed the data channel: the op that did it fails with the reply code. */
void ops_data_channel_closed(struct ops *o, const amqp_channel_close_t *close);

/* The connection is lost: all ops that are left fail. */
void ops_lose(struct ops *o);

const char *ops_state_name(enum ops_state state);

#endif
