/* Blocks of memory, filled from the front. */
#include "app/pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 16 * 1024 };

struct pool_block {
    struct pool_block *older;
    size_t used;
    size_t cap;
    _Alignas(max_align_t) char data[];
};

/* What is larger than a block gets one of its own. */
static struct pool_block *new_block(struct pool *pool, size_t bytes) {
    size_t cap = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    if (cap > SIZE_MAX - sizeof(struct pool_block))
        return NULL;
    struct pool_block *block = malloc(sizeof *block + cap);
    if (block == NULL)
        return NULL;
    *block = (struct pool_block){.older = pool->newest, .cap = cap};
    pool->newest = block;
    return block;
}

static void *take(struct pool *pool, size_t bytes, size_t alignment) {
    struct pool_block *block = pool->newest;
    size_t at = 0;
    if (block != NULL)
        at = (block->used + alignment - 1) / alignment * alignment;
    if (block == NULL || at > block->cap || block->cap - at < bytes) {
        block = new_block(pool, bytes);
        if (block == NULL)
            return NULL;
        at = 0;
    }
    block->used = at + bytes;
    return block->data + at;
}

void *pool_take(struct pool *pool, size_t bytes) {
    return take(pool, bytes, _Alignof(max_align_t));
}

char *pool_text(struct pool *pool, const char *text, size_t bytes) {
    char *copy = bytes < SIZE_MAX ? take(pool, bytes + 1, 1) : NULL;
    if (copy == NULL)
        return NULL;
    if (bytes > 0)
        memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    return copy;
}

static void free_older(struct pool_block *block) {
    while (block != NULL) {
        struct pool_block *older = block->older;
        free(block);
        block = older;
    }
}

void pool_reset(struct pool *pool) {
    if (pool->newest == NULL)
        return;
    free_older(pool->newest->older);
    pool->newest->older = NULL;
    pool->newest->used = 0;
    if (pool->newest->cap > BLOCK_BYTES)
        pool_fini(pool);
}

void pool_fini(struct pool *pool) {
    free_older(pool->newest);
    pool->newest = NULL;
}
