/* A TCP proxy between a link and the broker of the tests that injects faults. */
#ifndef CREW_TEST_AMQP_PROXY_H
#define CREW_TEST_AMQP_PROXY_H

#include <crew/broker.h>
#include <stdint.h>

struct proxy;

/* To the broker of the tests, on a free port of 127.0.0.1, not listening yet. */
struct proxy *proxy_new(void);
void proxy_free(struct proxy *p);

/* The address of the proxy, with the credentials of the broker. */
void proxy_broker(const struct proxy *p, struct crew_broker *broker);

void proxy_listen(struct proxy *p, bool on);
/* Stop forwarding in both directions, on present and later connections. */
void proxy_stall(struct proxy *p, bool on);
/* End all connections with FIN or RST. */
void proxy_cut(struct proxy *p, bool reset);
/* End each connection after BYTES from the broker; 0: never. */
void proxy_limit(struct proxy *p, uint64_t bytes);
/* Forward one byte at a time. */
void proxy_trickle(struct proxy *p, bool on);
/* Send bytes to all clients as if the broker did. */
void proxy_inject(struct proxy *p, const void *data, size_t bytes);

#endif
