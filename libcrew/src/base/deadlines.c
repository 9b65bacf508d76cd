/* Positions start at 1, so that 0 means "not in the heap": the parent of position p is p
 * / 2, its children are 2p and 2p + 1. */
#include "base/deadlines.h"

#include "base/xalloc.h"
#include <assert.h>
#include <stdlib.h>

static void put(struct deadlines *d, size_t position, struct deadline *node) {
    d->heap[position - 1] = node;
    node->position = position;
}

static struct deadline *get(const struct deadlines *d, size_t position) {
    return d->heap[position - 1];
}

static void sift_up(struct deadlines *d, struct deadline *node) {
    size_t position = node->position;
    while (position > 1 && get(d, position / 2)->at_ms > node->at_ms) {
        put(d, position, get(d, position / 2));
        position /= 2;
    }
    put(d, position, node);
}

static void sift_down(struct deadlines *d, struct deadline *node) {
    size_t position = node->position;
    while (position * 2 <= d->count) {
        size_t child = position * 2;
        if (child < d->count && get(d, child + 1)->at_ms < get(d, child)->at_ms)
            child++;
        if (get(d, child)->at_ms >= node->at_ms)
            break;
        put(d, position, get(d, child));
        position = child;
    }
    put(d, position, node);
}

void deadlines_fini(struct deadlines *d) {
    free(d->heap);
    *d = (struct deadlines){0};
}

static void add(struct deadlines *d, struct deadline *node) {
    if (d->count == d->cap) {
        d->cap = d->cap > 0 ? d->cap * 2 : 16;
        d->heap = xreallocarray(d->heap, d->cap, sizeof(struct deadline *));
    }
    d->count++;
    put(d, d->count, node);
}

void deadlines_set(struct deadlines *d, struct deadline *node, uint64_t at_ms) {
    if (node->position == 0)
        add(d, node);
    assert(get(d, node->position) == node);
    node->at_ms = at_ms;
    sift_up(d, node);
    sift_down(d, node);
}

void deadlines_clear(struct deadlines *d, struct deadline *node) {
    if (node->position == 0)
        return;
    assert(get(d, node->position) == node);
    size_t freed = node->position;
    struct deadline *last = get(d, d->count);
    d->count--;
    node->position = 0;
    if (last != node) {
        put(d, freed, last);
        sift_up(d, last);
        sift_down(d, last);
    }
}

struct deadline *deadlines_first(const struct deadlines *d) {
    return d->count > 0 ? d->heap[0] : NULL;
}

struct deadline *deadlines_take_due(struct deadlines *d, uint64_t now_ms) {
    struct deadline *first = deadlines_first(d);
    if (first == NULL || first->at_ms > now_ms)
        return NULL;
    deadlines_clear(d, first);
    return first;
}
