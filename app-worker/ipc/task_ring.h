/* A page of shared memory (memfd) between the supervisor and a handler process.
 *
 * Slots decide which side has a task that was assigned: the process claims it before it
 * starts it, the supervisor when it revokes it; one of them succeeds. A task is known by
 * its generation, so that a slot can be used again.
 *
 * The page also holds answers that the process has written but not sent yet: the
 * supervisor reads them here when the process dies, or when the next request takes longer
 * than was expected. */
#ifndef CREW_WORKER_TASK_RING_H
#define CREW_WORKER_TASK_RING_H

#include "base/buffer.h"
#include <stdbool.h>
#include <stdint.h>

enum { TASK_RING_SLOTS = 64 };

struct task_ring;

/* A new page, and its descriptor (close-on-exec) for the other process. Null with
 * errno. */
struct task_ring *task_ring_new(int *fd);
/* The page behind FD, which is closed. Null with errno. */
struct task_ring *task_ring_map(int fd);
void task_ring_free(struct task_ring *ring); /* null is fine */

/* Put a task into a slot (modulo TASK_RING_SLOTS). GENERATION is not 0. */
void task_ring_offer(struct task_ring *ring, uint32_t slot, uint32_t generation);

/* Claim it. False: the other side has claimed it, or the slot holds another one. */
bool task_ring_claim(struct task_ring *ring, uint32_t slot, uint32_t generation);

/* The process: append to the stored answers. False: no space is left. */
bool task_ring_store(struct task_ring *ring, const void *data, size_t bytes);
/* The process: the stored answers were sent. */
void task_ring_clear(struct task_ring *ring);

/* The supervisor: append a copy of the stored answers to TO; nothing when they are being
 * sent. */
void task_ring_read(const struct task_ring *ring, struct buffer *to);

#endif
