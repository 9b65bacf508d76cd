/* How long answers took: all of them are kept, for percentiles that are exact. */
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

/* The time, in milliseconds, that PERCENT of the answers took at most: 0 is the shortest,
 * 50 the median, 100 the longest. There must be answers. */
double latency_ms(struct latency *latency, unsigned percent);

#endif
