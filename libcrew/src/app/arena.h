/* Memory for what is derived from a request while it runs: allocated in pieces that never
 * move, and freed all at once. */
#ifndef CREW_APP_ARENA_H
#define CREW_APP_ARENA_H

#include <stddef.h>

struct arena_block;

/* Zeroed memory is an empty arena. */
struct arena {
    struct arena_block *newest;
};

/* Uninitialised memory, aligned for any type; null: out of memory. */
void *arena_alloc(struct arena *arena, size_t bytes);

/* A copy of BYTES bytes and a terminating zero; null: out of memory. */
char *arena_text(struct arena *arena, const char *text, size_t bytes);

/* Free all pieces. One block of the usual size is kept for the next request. */
void arena_reset(struct arena *arena);
void arena_fini(struct arena *arena);

#endif
