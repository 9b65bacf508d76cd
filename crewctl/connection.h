/* The client of a command, with its event loop. */
#ifndef CREWCTL_CONNECTION_H
#define CREWCTL_CONNECTION_H

#include "connect_wait.h"
#include <crew/client.h>
#include <stdint.h>

struct connection {
    crew_client *client;
    struct connect_wait connect_wait;
};

#define CONNECT_MIN_MS 1000u
#define CONNECT_MAX_MS 5000u

/* Connect. The time limit is EXPIRATION_MS, that of the call that follows, within these
 * bounds; it also gives up when every address has failed. 0, or an exit status after one
 * line on stderr. CONNECTION must be closed in both cases. */
int connection_open(struct connection *connection, const struct crew_broker *broker,
                    uint32_t expiration_ms);

/* One iteration of the event loop: wait for the client's descriptor, a signal
 * (interrupt.h) or UNTIL_MS (base/clock.h), and dispatch. */
void connection_wait(struct connection *connection, uint64_t until_ms);

void connection_close(struct connection *connection);

#endif
