#include "prefetch.h"

enum { SETTLE_MS = 250 }; /* between changes that are not urgent */

#define SLOW_US 20000u   /* runs that take longer are not short */
#define WORK_US 10000u   /* of work may wait for each process */
#define MESSAGE_US 2000u /* of work are in a message with many short requests */
#define EXTRA_MAX 64u

unsigned prefetch_default_max(unsigned processes) {
    unsigned extra = processes * (WORK_US / MESSAGE_US);
    return processes + (extra < EXTRA_MAX ? extra : EXTRA_MAX);
}

void prefetch_init(struct prefetch *prefetch, unsigned processes, unsigned base,
                   unsigned max) {
    *prefetch = (struct prefetch){
        .processes = processes, .base = base, .max = max > base ? max : base};
}

static unsigned wanted_extra(const struct prefetch *prefetch, uint32_t peak_us,
                             bool calls_itself) {
    if (peak_us > SLOW_US || calls_itself)
        return 0;
    uint32_t message_us = peak_us > MESSAGE_US ? peak_us : MESSAGE_US;
    unsigned extra = (prefetch->processes * WORK_US + message_us - 1) / message_us;
    unsigned most = prefetch->max - prefetch->base;
    return extra < most ? extra : most;
}

/* Less at once when handlers are slow, and otherwise when it is much less. */
bool prefetch_adapt(struct prefetch *prefetch, uint32_t peak_us, bool calls_itself,
                    uint64_t now_ms) {
    unsigned wanted = wanted_extra(prefetch, peak_us, calls_itself);
    bool is_urgent = wanted == 0 && prefetch->extra > 0;
    bool is_due = (wanted > prefetch->extra || 2 * wanted < prefetch->extra) &&
                  prefetch->mode != PREFETCH_SATURATED && now_ms >= prefetch->settled_ms;
    if (!is_urgent && !is_due)
        return false;
    prefetch->extra = wanted;
    prefetch->settled_ms = now_ms + SETTLE_MS;
    prefetch->mode = wanted > 0 ? PREFETCH_WIDE : PREFETCH_NARROW;
    return true;
}

void prefetch_saturate(struct prefetch *prefetch, uint64_t now_ms) {
    prefetch->mode = PREFETCH_SATURATED;
    if (prefetch->extra > 0)
        prefetch->settled_ms = now_ms + SETTLE_MS;
    prefetch->extra = 0;
}

bool prefetch_relax(struct prefetch *prefetch) {
    if (prefetch->mode != PREFETCH_SATURATED)
        return false;
    prefetch->mode = PREFETCH_NARROW;
    return true;
}

/* A limit below what is held takes no more. */
unsigned prefetch_limit(const struct prefetch *prefetch, unsigned needed, bool can_run) {
    if (prefetch->mode == PREFETCH_SATURATED && !can_run)
        return 1;
    return prefetch->base + needed + prefetch->extra;
}
