/* Writes a message as frames: basic.publish, properties, body (AMQP 0-9-1 §4.2.6). */
#ifndef CREW_AMQP_PUBLISH_H
#define CREW_AMQP_PUBLISH_H

#include "amqp/message.h"
#include "amqp/transport.h"

/* Upper bound for the size of its encoded properties; 0: the message cannot be sent,
 * because a name is longer than 255 bytes or the properties are larger than a frame. */
size_t publish_properties_bound(const struct message *m, size_t frame_max);

/* Queue all frames of a message for writing. BOUND: publish_properties_bound, not 0. */
void publish_write(struct transport *t, amqp_channel_t channel, const struct message *m,
                   size_t bound);

#endif
