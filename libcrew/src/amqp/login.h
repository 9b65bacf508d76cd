/* From an address to a connection that is ready for use: look-up, TCP, TLS, AMQP login,
 * both channels open, confirms on. Blocks, for at most some twenty seconds plus the
 * look-up of the name. */
#ifndef CREW_AMQP_LOGIN_H
#define CREW_AMQP_LOGIN_H

#include "amqp/transport.h"
#include <crew/broker.h>

#define LOGIN_WHY_BYTES 512

struct login {
    const struct crew_broker *broker; /* certificates, heartbeat */
    const struct crew_broker_url *url;
    const char *name; /* of the connection, for the broker's lists */
    bool confirms;
};

/* True: TRANSPORT is set up, and *HEARTBEAT_S as both sides agreed (0: none). False: WHY
 * says why, never with a password. */
bool login_open(const struct login *login, struct transport *transport,
                unsigned *heartbeat_s, char why[LOGIN_WHY_BYTES]);

#endif
