/* Integer arithmetic in microseconds; an eighth is the weight of the latest run. */
#include "runtime_estimator.h"

#define AVERAGE_SHARE 8u      /* a new run counts for an eighth */
#define AVERAGE_MAX_US 20000u /* one very slow run says little about the next */
#define PEAK_DECAY_SHARE 8u   /* each shorter run takes an eighth of the difference */
#define PEAK_MAX_US 1000000u

void runtime_estimator_init(struct runtime_estimator *estimator) {
    *estimator = (struct runtime_estimator){.peak_us = PEAK_MAX_US};
}

static void add_average(struct runtime_estimator *estimator, uint64_t run_us) {
    uint32_t average = estimator->average_us;
    uint32_t latest = run_us < AVERAGE_MAX_US ? (uint32_t)run_us + 1 : AVERAGE_MAX_US;
    estimator->average_us =
        average == 0 ? latest : (average * (AVERAGE_SHARE - 1) + latest) / AVERAGE_SHARE;
}

void runtime_estimator_add_peak(struct runtime_estimator *estimator, uint64_t us) {
    uint32_t latest = us < PEAK_MAX_US ? (uint32_t)us : PEAK_MAX_US;
    if (latest >= estimator->peak_us)
        estimator->peak_us = latest;
    else
        estimator->peak_us -=
            (estimator->peak_us - latest + PEAK_DECAY_SHARE - 1) / PEAK_DECAY_SHARE;
}

void runtime_estimator_add(struct runtime_estimator *estimator, uint64_t run_us) {
    add_average(estimator, run_us);
    runtime_estimator_add_peak(estimator, run_us);
}
