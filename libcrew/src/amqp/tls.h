/* TLS on the way to a broker: whom we trust, who we are, and why it failed. The only file
 * that knows OpenSSL, for what rabbitmq-c does not tell.
 *
 * TLS 1.2 is the lowest. The peer's certificate must come from an authority of the CA
 * file, be valid now, and be made for the host as it stands in the address.
 */
#ifndef CREW_AMQP_TLS_H
#define CREW_AMQP_TLS_H

#include "amqp/login.h"

/* Connect and shake hands. False: WHY says why. */
bool tls_open(const struct login *login, amqp_connection_state_t connection,
              int timeout_s, char why[LOGIN_WHY_BYTES]);

/* What OpenSSL said when a call on this thread failed, once; null: it had no part in it.
 * A broker that refuses our certificate says so after the handshake. */
const char *tls_complaint(void);

#endif
