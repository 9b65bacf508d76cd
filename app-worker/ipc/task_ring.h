/* The memory that a handler process and the supervisor share.
 *
 * Generations say who has a request that was given ahead of its turn: the process takes its
 * generation before it runs it, the supervisor when it wants it back; one of them gets it.
 * Answers that the process has written but keeps for a moment, to send several at once,
 * lie here, too: the supervisor finds them when the process dies, or when the next
 * request takes longer than was thought. */
#ifndef CREW_WORKER_TASK_RING_H
#define CREW_WORKER_TASK_RING_H

#include "base/buffer.h"
#include <stdbool.h>
#include <stdint.h>

enum { TASK_RING_SLOTS = 64 };

struct task_ring;

/* A new page, and its descriptor (close-on-exec) for the other process. Null with errno.
 */
struct task_ring *task_ring_new(int *fd);
/* The page behind FD, which is closed. Null with errno. */
struct task_ring *task_ring_map(int fd);
void task_ring_free(struct task_ring *ring); /* null is fine */

/* Put a generation (not 0) in a place. */
void task_ring_offer(struct task_ring *ring, uint32_t slot, uint32_t generation);

/* Take it. False: the other one has it. */
bool task_ring_claim(struct task_ring *ring, uint32_t slot, uint32_t generation);

/* The process: keep these bytes, too. False: there is no room. */
bool task_ring_store(struct task_ring *ring, const void *data, size_t bytes);
/* The process: what was kept has been sent. */
void task_ring_clear(struct task_ring *ring);

/* The supervisor: append a copy of what is kept to TO. Nothing, when it was just sent. */
void task_ring_read(const struct task_ring *ring, struct buffer *to);

#endif
