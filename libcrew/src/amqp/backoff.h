/* When to make the next attempt to connect, and at which address. */
#ifndef CREW_AMQP_BACKOFF_H
#define CREW_AMQP_BACKOFF_H

#include <stddef.h>
#include <stdint.h>

struct backoff {
    size_t url_count;
    size_t url;      /* the next one to try */
    unsigned rounds; /* failed rounds through all addresses */
};

/* The delay after a failed attempt, or after the loss of a connection that lasted for
 * LASTED_MS. Exponential from 100 ms to 5 s, of which the upper half is random. A
 * connection that lasted resets the delay, one that is lost at once does not.
 *
 * A failed attempt moves on to the next address. A loss does not: the other programs
 * that use this broker stay with it, and would not be found on a stand-by. An address
 * is left only if it loses connections at once several times. */
uint32_t backoff_after_failure_ms(struct backoff *b);
uint32_t backoff_after_loss_ms(struct backoff *b, uint64_t lasted_ms);

#endif
