/* A TCP connection to a host by name. */
#ifndef CREW_AMQP_DIAL_H
#define CREW_AMQP_DIAL_H

#include <stddef.h>

/* A connected socket, non-blocking and close-on-exec; each address of the host gets
 * TIMEOUT_MS. -1: WHY says why. */
int dial(const char *host, int port, int timeout_ms, char *why, size_t why_bytes);

#endif
