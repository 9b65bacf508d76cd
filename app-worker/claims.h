/* The memory that a handler process and the supervisor share.
 *
 * Tickets say who has a request that was given ahead of its turn: the process takes its
 * ticket before it runs it, the supervisor when it wants it back; one of them gets it.
 * Answers that the process has written but keeps for a moment, to send several at once,
 * lie here, too: the supervisor finds them when the process dies, or when the next
 * request takes longer than was thought. */
#ifndef CREW_WORKER_CLAIMS_H
#define CREW_WORKER_CLAIMS_H

#include "base/buffer.h"
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

/* The process: keep these bytes, too. False: there is no room. */
bool claims_keep(struct claims *claims, const void *data, size_t bytes);
/* The process: what was kept has been sent. */
void claims_sent(struct claims *claims);

/* The supervisor: append a copy of what is kept to TO. Nothing, when it was just sent. */
void claims_look(const struct claims *claims, struct buffer *to);

#endif
