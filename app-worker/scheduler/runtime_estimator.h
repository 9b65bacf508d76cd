/* Estimates of how long handlers run, for the scheduler: the average decides how many
 * tasks are pipelined, the peak how many are prefetched. */
#ifndef CREW_WORKER_RUNTIME_ESTIMATOR_H
#define CREW_WORKER_RUNTIME_ESTIMATOR_H

#include <stdint.h>

struct runtime_estimator {
    uint32_t average_us; /* exponential moving average; 0: unknown */
    uint32_t peak_us;    /* decaying maximum: how long slow runs take */
};

/* The average is unknown, the peak assumed to be high. */
void runtime_estimator_init(struct runtime_estimator *estimator);

/* A handler has returned. */
void runtime_estimator_add(struct runtime_estimator *estimator, uint64_t run_us);

/* Something else has kept a process for this long: the peak alone follows. */
void runtime_estimator_add_peak(struct runtime_estimator *estimator, uint64_t us);

#endif
