/* A topology operation as an AMQP method (AMQP 0-9-1 §1.7 to 1.10). */
#ifndef CREW_AMQP_OP_METHOD_H
#define CREW_AMQP_OP_METHOD_H

#include "amqp/link_op.h"
#include "amqp/transport.h"

/* False if a name is too long for an AMQP short string: it cannot be sent. */
bool op_method_is_encodable(const struct link_op *op);

/* The AMQP channel it is sent on, its method, and the method that answers it. */
amqp_channel_t op_method_channel(const struct link_op *op);
amqp_method_number_t op_method_id(const struct link_op *op);
amqp_method_number_t op_method_reply_id(const struct link_op *op);

/* Queue the method for writing. A PASSIVE declare only asks whether the name exists. */
void op_method_write(struct transport *t, const struct link_op *op, bool passive);

#endif
