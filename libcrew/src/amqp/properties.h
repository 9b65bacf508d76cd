/* Properties of a message that came in: from rabbitmq-c's structs to ours. */
#ifndef CREW_AMQP_PROPERTIES_H
#define CREW_AMQP_PROPERTIES_H

#include "amqp/message.h"
#include <amqp.h>
#include <amqp_framing.h>

/* Where a message came from, copied out of its method frame. */
struct origin {
    char exchange[256];
    char routing_key[256];
    char consumer[256];
    bool broken; /* one of these held a zero byte */
};

/* Copy a short string into TEXT. */
void origin_set(struct origin *origin, char text[256], amqp_bytes_t bytes);

/* A message from these properties, with no body yet. SCRATCH is memory that is used again
 * from message to message. Null: out of memory. CONSUMER null: it came back. */
struct message *properties_read(const amqp_basic_properties_t *from, size_t encoded_bytes,
                                const struct origin *origin, const char *consumer,
                                struct buffer *scratch);

#endif
