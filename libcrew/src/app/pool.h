/* Memory for what is made of a request while it runs: taken in pieces that never move,
 * and given back all at once. */
#ifndef CREW_APP_POOL_H
#define CREW_APP_POOL_H

#include <stddef.h>

struct pool_block;

/* Zeroed memory is an empty pool. */
struct pool {
    struct pool_block *newest;
};

/* A piece for any type, uninitialised; null when memory is out. */
void *pool_take(struct pool *pool, size_t bytes);

/* A copy of BYTES with a zero behind them; null when memory is out. */
char *pool_text(struct pool *pool, const char *text, size_t bytes);

/* Forget all pieces; a first block of small ones is kept for the next request. */
void pool_reset(struct pool *pool);

void pool_fini(struct pool *pool);

#endif
