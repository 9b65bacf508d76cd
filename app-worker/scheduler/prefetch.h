/* How many tasks a worker holds when the option --prefetch is not given:
 *
 *   NARROW     as many as there are processes;
 *   WIDE       more while handlers are short, so that no process is idle while the next
 *              task is on its way from the broker: as many as are done in 10 ms;
 *   SATURATED  no new ones while tasks have waited for longer than that: all processes
 *              run something long, and what waits is requeued for other workers.
 *
 * With the option, its mode is always NARROW. */
#ifndef CREW_WORKER_PREFETCH_H
#define CREW_WORKER_PREFETCH_H

#include <stdbool.h>
#include <stdint.h>

enum prefetch_mode { PREFETCH_NARROW, PREFETCH_WIDE, PREFETCH_SATURATED };

struct prefetch {
    enum prefetch_mode mode;
    unsigned processes;
    unsigned base;       /* NARROW */
    unsigned max;        /* WIDE; the same as base: it is fixed */
    unsigned extra;      /* WIDE: beyond base */
    uint64_t settled_ms; /* no change that is not urgent before this time */
};

/* The default of `max` for a worker with this number of processes. */
unsigned prefetch_default_max(unsigned processes);

void prefetch_init(struct prefetch *prefetch, unsigned processes, unsigned base,
                   unsigned max);

/* Follow the run times of slow handlers; WIDE only where handlers do not call tasks of
 * this worker (CALLS_ITSELF). True: the limit is another one now. */
bool prefetch_adapt(struct prefetch *prefetch, uint32_t peak_us, bool calls_itself,
                    uint64_t now_ms);

/* Tasks have waited for too long: SATURATED. */
void prefetch_saturate(struct prefetch *prefetch, uint64_t now_ms);

/* A process is idle. True: it was SATURATED. */
bool prefetch_relax(struct prefetch *prefetch);

/* The limit. NEEDED are tasks beyond base that are held for a reason of their own (their
 * handlers wait, their processes are retired). CAN_RUN: a process is idle, or a handler
 * waits for a subcall, which has to come through. */
unsigned prefetch_limit(const struct prefetch *prefetch, unsigned needed, bool can_run);

#endif
