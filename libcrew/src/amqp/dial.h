/* Opens a TCP connection to a host by name. */
#ifndef CREW_AMQP_DIAL_H
#define CREW_AMQP_DIAL_H

#include <stddef.h>

/* A connected socket, non-blocking and close-on-exec. TIMEOUT_MS is for each address of
 * the host. -1: ERROR is the reason. */
int dial(const char *host, int port, int timeout_ms, char *error, size_t error_bytes);

#endif
