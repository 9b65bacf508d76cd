/* 50 ms, doubled up to 3.2 s, with jitter. */
#include "respawn.h"

#include "base/random.h"

enum { FIRST_PAUSE_MS = 50, LONGEST_PAUSE_MS = 3200, JITTER_PERCENT = 20 };

uint32_t respawn_jitter(uint32_t value, uint32_t percent) {
    uint32_t span = (uint32_t)((uint64_t)value * percent / 100);
    return value - span + random_below(2 * span + 1);
}

/* Processes that die together, or during a pause, are one failure: they were started
 * together. */
void respawn_failed(struct respawn *respawn, uint64_t now_ms) {
    if (now_ms < respawn->until_ms)
        return;
    if (respawn->pause_ms == 0)
        respawn->pause_ms = FIRST_PAUSE_MS;
    else if (respawn->pause_ms < LONGEST_PAUSE_MS)
        respawn->pause_ms *= 2;
    respawn->until_ms = now_ms + respawn_jitter(respawn->pause_ms, JITTER_PERCENT);
}

void respawn_worked(struct respawn *respawn) {
    respawn->pause_ms = 0;
}

uint32_t respawn_pause_ms(const struct respawn *respawn, uint64_t now_ms) {
    return now_ms < respawn->until_ms ? (uint32_t)(respawn->until_ms - now_ms) : 0;
}
