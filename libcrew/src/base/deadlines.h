/* Deadlines in order: a binary heap of nodes that live inside their owners. Adding and
 * removing cost O(log n), looking at the first nothing. */
#ifndef CREW_BASE_DEADLINES_H
#define CREW_BASE_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deadline {
    uint64_t at_ms; /* clock_ms() */
    size_t place;   /* 1-based place in the heap; 0: not in it. Zeroed memory is valid. */
};

static inline bool deadline_is_set(const struct deadline *d) {
    return d->place != 0;
}

struct deadlines {
    struct deadline **heap;
    size_t count;
    size_t cap;
};

void deadlines_fini(struct deadlines *d); /* frees the heap, not the nodes */

/* Put a node in, or move it when it is in already. */
void deadlines_set(struct deadlines *d, struct deadline *node, uint64_t at_ms);
/* Take a node out; fine when it is not in. */
void deadlines_clear(struct deadlines *d, struct deadline *node);
/* The earliest, or null. */
struct deadline *deadlines_first(const struct deadlines *d);
/* Take out and return the earliest if its time has come, else null. */
struct deadline *deadlines_take_due(struct deadlines *d, uint64_t now_ms);

#endif
