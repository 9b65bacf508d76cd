#include "app/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 16 * 1024 };

struct arena_block {
    struct arena_block *older;
    size_t used;
    size_t cap;
    _Alignas(max_align_t) char data[];
};

/* A piece that is larger than a block gets a block of its own. */
static struct arena_block *new_block(struct arena *arena, size_t bytes) {
    size_t cap = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    if (cap > SIZE_MAX - sizeof(struct arena_block))
        return NULL;
    struct arena_block *block = malloc(sizeof *block + cap);
    if (block == NULL)
        return NULL;
    *block = (struct arena_block){.older = arena->newest, .cap = cap};
    arena->newest = block;
    return block;
}

static void *alloc(struct arena *arena, size_t bytes, size_t alignment) {
    struct arena_block *block = arena->newest;
    size_t at = 0;
    if (block != NULL)
        at = (block->used + alignment - 1) / alignment * alignment;
    if (block == NULL || at > block->cap || block->cap - at < bytes) {
        block = new_block(arena, bytes);
        if (block == NULL)
            return NULL;
        at = 0;
    }
    block->used = at + bytes;
    return block->data + at;
}

void *arena_alloc(struct arena *arena, size_t bytes) {
    return alloc(arena, bytes, _Alignof(max_align_t));
}

char *arena_text(struct arena *arena, const char *text, size_t bytes) {
    char *copy = bytes < SIZE_MAX ? alloc(arena, bytes + 1, 1) : NULL;
    if (copy == NULL)
        return NULL;
    if (bytes > 0)
        memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    return copy;
}

static void free_older(struct arena_block *block) {
    while (block != NULL) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
}

void arena_reset(struct arena *arena) {
    if (arena->newest == NULL)
        return;
    free_older(arena->newest->older);
    arena->newest->older = NULL;
    arena->newest->used = 0;
    if (arena->newest->cap > BLOCK_BYTES)
        arena_fini(arena);
}

void arena_fini(struct arena *arena) {
    free_older(arena->newest);
    arena->newest = NULL;
}
