/* Latencies of answers. All values are kept, for exact percentiles. */
#ifndef CREWCTL_LATENCY_H
#define CREWCTL_LATENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct latency {
    uint32_t *us;
    size_t count, cap;
    bool sorted;
};

void latency_add(struct latency *latency, uint64_t us);
void latency_fini(struct latency *latency);

/* A percentile in milliseconds: 0 is the minimum, 50 the median, 100 the maximum. There
 * must be at least one value. */
double latency_ms(struct latency *latency, unsigned percent);

#endif
