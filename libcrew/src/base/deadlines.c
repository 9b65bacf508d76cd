/* A binary heap of deadlines. Places are 1-based, so that zero means "not in it": the
 * parent of place p is p / 2, its children are 2p and 2p + 1. */
#include "base/deadlines.h"

#include "base/xalloc.h"
#include <assert.h>
#include <stdlib.h>

static void put(struct deadlines *d, size_t place, struct deadline *node) {
    d->heap[place - 1] = node;
    node->place = place;
}

static struct deadline *get(const struct deadlines *d, size_t place) {
    return d->heap[place - 1];
}

static void rise(struct deadlines *d, struct deadline *node) {
    size_t place = node->place;
    while (place > 1 && get(d, place / 2)->at_ms > node->at_ms) {
        put(d, place, get(d, place / 2));
        place /= 2;
    }
    put(d, place, node);
}

static void sink(struct deadlines *d, struct deadline *node) {
    size_t place = node->place;
    while (place * 2 <= d->count) {
        size_t child = place * 2;
        if (child < d->count && get(d, child + 1)->at_ms < get(d, child)->at_ms)
            child++;
        if (get(d, child)->at_ms >= node->at_ms)
            break;
        put(d, place, get(d, child));
        place = child;
    }
    put(d, place, node);
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
    if (node->place == 0)
        add(d, node);
    assert(get(d, node->place) == node);
    node->at_ms = at_ms;
    rise(d, node);
    sink(d, node);
}

void deadlines_clear(struct deadlines *d, struct deadline *node) {
    if (node->place == 0)
        return;
    assert(get(d, node->place) == node);
    size_t hole = node->place;
    struct deadline *last = get(d, d->count);
    d->count--;
    node->place = 0;
    if (last != node) {
        put(d, hole, last);
        rise(d, last);
        sink(d, last);
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
