/* Opens a connection: name resolution, TCP, TLS, AMQP login, both AMQP channels,
 * publisher confirms. Blocks for at most about twenty seconds plus the name
 * resolution. */
#ifndef CREW_AMQP_LOGIN_H
#define CREW_AMQP_LOGIN_H

#include "amqp/transport.h"
#include <crew/broker.h>

#define LOGIN_ERROR_BYTES 512

struct login {
    const struct crew_broker *broker; /* certificates, heartbeat */
    const struct crew_broker_url *url;
    const char *name; /* connection_name, shown by the broker */
    bool confirms;
};

/* True: TRANSPORT is initialized, *HEARTBEAT_S is the negotiated interval (0: none).
 * False: ERROR is the reason; it never contains a password. */
bool login_open(const struct login *login, struct transport *transport,
                unsigned *heartbeat_s, char error[LOGIN_ERROR_BYTES]);

#endif
