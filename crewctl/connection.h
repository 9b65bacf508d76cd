/* The broker, and waiting for what it says. */
#ifndef CREWCTL_CONNECTION_H
#define CREWCTL_CONNECTION_H

#include "opening.h"
#include <crew/client.h>
#include <stdint.h>

struct connection {
    crew_client *client;
    struct opening opening;
};

#define CONNECT_MIN_MS 1000u
#define CONNECT_MAX_MS 5000u

/* Connect, for as long as the call that comes behind may take (EXPIRATION_MS) within
 * these bounds, and not longer than until every address has refused. 0, or an exit status
 * after one line on stderr. CONNECTION is to be closed either way. */
int connection_open(struct connection *connection, const struct crew_broker *broker,
                    uint32_t expiration_ms);

/* One turn of the program's loop: wait until something happens, a signal comes
 * (interrupt.h) or it is UNTIL_MS (base/clock.h), and do what is due. */
void connection_turn(struct connection *connection, uint64_t until_ms);

void connection_close(struct connection *connection);

#endif
