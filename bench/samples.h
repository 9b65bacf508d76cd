/* samples.h - what the programs of the bench that make calls have in common: random
 * bodies, the latencies of one measurement, and the line they print about it.
 * Single-threaded. */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

struct samples {
    uint64_t *latency_us;
    size_t count, room;
    uint64_t begin_us, begin_cpu_us;
};

/* now_us - the monotonic clock. */
uint64_t now_us(void);

/* random_bytes - bytes that nothing can compress. */
void random_bytes(void *bytes, size_t count);

/* samples_begin - the measurement begins now. */
void samples_begin(struct samples *samples);

/* samples_add - an operation that began at BEGUN_US has ended. */
void samples_add(struct samples *samples, uint64_t begun_us);

/* samples_print - the measurement ends now: one line `calls=N rate=N cpu_us=N p50=N p90=N
 * p99=N p99.9=N longest=N`, where each sample stands for CALLS calls, rate is calls a
 * second, cpu_us is what this process has used for one call, and the rest are latencies
 * in microseconds. Frees the samples; exits when there are none. */
void samples_print(struct samples *samples, size_t calls);

#endif
