/* Properties of an incoming message: from rabbitmq-c's structs to a struct message. */
#ifndef CREW_AMQP_PROPERTIES_H
#define CREW_AMQP_PROPERTIES_H

#include "amqp/message.h"
#include "amqp/rabbitmq_c.h"

/* Exchange, routing key and consumer tag of an incoming message, from its method
 * frame. */
struct origin {
    char exchange[256];
    char routing_key[256];
    char consumer[256];
    bool has_zero; /* one of the texts contains a zero byte */
};

/* Copy a short string into TEXT, one of the texts of ORIGIN. */
void origin_set(struct origin *origin, char text[256], amqp_bytes_t bytes);

/* A message with these properties and an empty body. SCRATCH is memory that is reused
 * from message to message. CONSUMER null: a returned message. Null: out of memory. */
struct message *properties_read(const amqp_basic_properties_t *from, size_t encoded_bytes,
                                const struct origin *origin, const char *consumer,
                                struct buffer *scratch);

#endif
