#include "latency.h"

#include "base/xalloc.h"
#include <assert.h>
#include <stdlib.h>

void latency_add(struct latency *latency, uint64_t us) {
    if (latency->count == latency->cap) {
        latency->cap = latency->cap == 0 ? 64 : 2 * latency->cap;
        latency->us = xreallocarray(latency->us, latency->cap, sizeof *latency->us);
    }
    latency->us[latency->count++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
    latency->sorted = false;
}

void latency_fini(struct latency *latency) {
    free(latency->us);
    *latency = (struct latency){.us = NULL};
}

static int compare(const void *a, const void *b) {
    uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
    return (one > other) - (one < other);
}

/* Nearest-rank method. */
double latency_ms(struct latency *latency, unsigned percent) {
    assert(latency->count > 0);
    if (!latency->sorted)
        qsort(latency->us, latency->count, sizeof *latency->us, compare);
    latency->sorted = true;
    size_t rank = (latency->count * percent + 99) / 100;
    return latency->us[rank > 0 ? rank - 1 : 0] / 1000.0;
}
