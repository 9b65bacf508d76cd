/* Who has a request that was given to a handler process ahead of its turn: a page of
 * tickets that both share. The process takes a request's ticket before it runs it, the
 * supervisor when it wants to have it back; one of them gets it. */
#ifndef CREW_WORKER_CLAIMS_H
#define CREW_WORKER_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

enum { CLAIM_PLACES = 64 };

struct claims;

/* A new page, and its descriptor (close-on-exec) for the other process. Null with errno.
 */
struct claims *claims_new(int *fd);
/* The page behind FD, which is closed. Null with errno. */
struct claims *claims_map(int fd);
void claims_free(struct claims *claims); /* null is fine */

/* Put a ticket (not 0) in a place. */
void claims_offer(struct claims *claims, uint32_t place, uint32_t ticket);

/* Take it. False: the other one has it. */
bool claims_take(struct claims *claims, uint32_t place, uint32_t ticket);

#endif
