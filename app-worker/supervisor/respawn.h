/* How soon a process that has died is replaced. Useless starts, one after the other, are
 * put ever further apart, so that a poison request or a broken app does not keep the
 * machine busy with starting processes. */
#ifndef CREW_WORKER_RESPAWN_H
#define CREW_WORKER_RESPAWN_H

#include <stdint.h>

/* Zeroed memory is valid. */
struct respawn {
    uint32_t pause_ms; /* the last pause; 0: none was needed lately */
    uint64_t until_ms; /* clock_ms() */
};

/* A process has died without having been of use. */
void respawn_failed(struct respawn *respawn, uint64_t now_ms);

/* A process has been of use: the next failure begins with a short pause. */
void respawn_worked(struct respawn *respawn);

/* How long to wait before the next start; 0: not at all. */
uint32_t respawn_pause_ms(const struct respawn *respawn, uint64_t now_ms);

/* A number up to PERCENT below or above VALUE; 0 stays 0. */
uint32_t respawn_jitter(uint32_t value, uint32_t percent);

#endif
