/* A priority queue of deadlines: a binary heap of nodes that are embedded in their
 * owners. Adding and removing cost O(log n), reading the first one O(1). */
#ifndef CREW_BASE_DEADLINES_H
#define CREW_BASE_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deadline {
    uint64_t at_ms;  /* clock_ms() */
    size_t position; /* in the heap, from 1; 0: not in it. A zeroed node is valid */
};

static inline bool deadline_is_set(const struct deadline *d) {
    return d->position != 0;
}

struct deadlines {
    struct deadline **heap;
    size_t count;
    size_t cap;
};

void deadlines_fini(struct deadlines *d); /* frees the heap, not the nodes */

/* Add a node, or move it if it is in the heap already. */
void deadlines_set(struct deadlines *d, struct deadline *node, uint64_t at_ms);
/* Remove a node, if it is in the heap. */
void deadlines_clear(struct deadlines *d, struct deadline *node);
/* The earliest, or null. */
struct deadline *deadlines_first(const struct deadlines *d);
/* Remove and return the earliest if it is due at NOW_MS, else null. */
struct deadline *deadlines_take_due(struct deadlines *d, uint64_t now_ms);

#endif
