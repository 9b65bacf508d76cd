/* A message into frames: basic.publish, its properties, its body (AMQP 0-9-1 §4.2.6). */
#ifndef CREW_AMQP_PUBLISH_H
#define CREW_AMQP_PUBLISH_H

#include "amqp/message.h"
#include "amqp/transport.h"

/* Upper bound for its encoded properties; 0: it cannot be sent at all, because a name is
 * longer than 255 bytes or the properties are larger than a frame. */
size_t publish_room(const struct message *m, size_t frame_max);

/* Hand over all frames of a message that has that ROOM. */
void publish_write(struct transport *t, amqp_channel_t channel, const struct message *m,
                   size_t room);

#endif
