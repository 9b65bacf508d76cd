/* Channels of pub/sub: a name is the routing key of what is published. */
#ifndef CREW_WIRE_CHANNEL_NAME_H
#define CREW_WIRE_CHANNEL_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* 1 to LIMIT_CHANNEL_NAME_BYTES bytes of UTF-8, no control characters, and none of the
 * words between its dots is "*" or "#", which stand for others in a pattern. */
bool channel_name_valid(const char *name, size_t bytes);

#endif
