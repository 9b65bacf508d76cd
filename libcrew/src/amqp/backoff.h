/* How long to wait before the next attempt to connect, and to which address. */
#ifndef CREW_AMQP_BACKOFF_H
#define CREW_AMQP_BACKOFF_H

#include <stddef.h>
#include <stdint.h>

struct backoff {
    size_t url_count;
    size_t url;      /* the one to try next */
    unsigned rounds; /* failed ones, through all addresses */
};

/* An attempt failed, or a connection was lost that had lasted for LASTED_MS: how long to
 * wait. Exponential from 100 ms to 5 s, the upper half of it by chance; a connection that
 * lasted counts as success, one that breaks at once does not.
 *
 * A failed attempt moves on to the next address. A loss does not: the others that use
 * this broker are still there, and with a stand-by they would not be found elsewhere.
 * Only an address that loses connections at once, again and again, is left. */
uint32_t backoff_after_failure_ms(struct backoff *b);
uint32_t backoff_after_loss_ms(struct backoff *b, uint64_t lasted_ms);

#endif
