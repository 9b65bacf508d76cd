/* How soon a process that has died is replaced. After starts that failed, one after the
 * other, the pauses grow (exponential backoff), so that a request that crashes its
 * process or a broken app does not keep the machine busy with starting processes. */
#ifndef CREW_WORKER_RESPAWN_H
#define CREW_WORKER_RESPAWN_H

#include <stdint.h>

/* Zeroed memory is valid. */
struct respawn {
    uint32_t pause_ms; /* the last pause; 0: no failure lately */
    uint64_t until_ms; /* clock_ms() */
};

/* A process has died without having finished a request. */
void respawn_failed(struct respawn *respawn, uint64_t now_ms);

/* A process has finished a request: the next failure begins with a short pause. */
void respawn_worked(struct respawn *respawn);

/* The pause before the next start; 0: none. */
uint32_t respawn_pause_ms(const struct respawn *respawn, uint64_t now_ms);

/* A random number up to PERCENT below or above VALUE; 0 stays 0. */
uint32_t respawn_jitter(uint32_t value, uint32_t percent);

#endif
