#include "base/clock.h"

#include <time.h>

static uint64_t read_us(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now); /* cannot fail for these two clocks */
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t clock_us(void) {
    return read_us(CLOCK_MONOTONIC);
}

uint64_t clock_ms(void) {
    return read_us(CLOCK_MONOTONIC) / 1000u;
}

uint64_t clock_unix_ms(void) {
    return read_us(CLOCK_REALTIME) / 1000u;
}
