/* One op as the method that does it. */
#ifndef CREW_AMQP_OP_H
#define CREW_AMQP_OP_H

#include "amqp/link.h"
#include "amqp/transport.h"

#define DATA_CHANNEL 1
#define TOPOLOGY_CHANNEL 2

/* Whether all of its texts are short strings. */
bool op_fits(const struct link_op *op);

amqp_channel_t op_channel(const struct link_op *op);
amqp_method_number_t op_method(const struct link_op *op);
amqp_method_number_t op_expected_reply(const struct link_op *op);

/* Hand over its method; a declare may be PASSIVE: does it exist, whatever its arguments?
 */
void op_write(struct transport *t, const struct link_op *op, bool passive);

#endif
