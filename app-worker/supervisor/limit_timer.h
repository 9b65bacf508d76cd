/* A timer that is set for each task and seldom expires: while the moment only moves into
 * the future, the loop's timer is left alone; when that fires too early, it is started
 * anew. */
#ifndef CREW_WORKER_LIMIT_TIMER_H
#define CREW_WORKER_LIMIT_TIMER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct limit_timer {
    uv_timer_t timer;
    uint64_t at_ms;    /* when it expires */
    uint64_t fires_ms; /* what the loop's timer is set to */
    void (*expired)(void *arg);
    void (*closed)(void *arg);
    void *arg;
};

/* EXPIRED and CLOSED are called from the loop. */
void limit_timer_init(struct limit_timer *timer, uv_loop_t *loop,
                      void (*expired)(void *arg), void (*closed)(void *arg), void *arg);

/* Expire in DELAY_MS. */
void limit_timer_start(struct limit_timer *timer, uint32_t delay_ms);
void limit_timer_stop(struct limit_timer *timer);

/* Has the moment passed? */
bool limit_timer_is_due(const struct limit_timer *timer);

void limit_timer_close(struct limit_timer *timer);

#endif
