/* TLS to a broker. The only file that uses OpenSSL, for what rabbitmq-c does not offer.
 *
 * At least TLS 1.2. The broker's certificate must be signed by a CA of the CA file, be
 * valid now, and name the host of the address.
 */
#ifndef CREW_AMQP_TLS_H
#define CREW_AMQP_TLS_H

#include "amqp/rabbitmq_c.h"
#include <crew/broker.h>

/* Connect to URL with BROKER's certificates. False: ERROR is the reason. */
bool tls_open(amqp_connection_state_t connection, const struct crew_broker *broker,
              const struct crew_broker_url *url, int timeout_s, char *error,
              size_t error_bytes);

/* OpenSSL's error of the call that has just failed on this thread, and forget it; null:
 * none. A broker that refuses the client certificate says so after the handshake. */
const char *tls_error(void);

#endif
