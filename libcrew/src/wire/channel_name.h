/* Names of pub/sub channels: the routing keys of published messages. */
#ifndef CREW_WIRE_CHANNEL_NAME_H
#define CREW_WIRE_CHANNEL_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* 1 to LIMIT_CHANNEL_NAME_BYTES bytes of UTF-8 without control characters. None of the
 * words between its dots is "*" or "#", which are wildcards in patterns. */
bool channel_name_valid(const char *name, size_t bytes);

#endif
