/* The parked requests of a bridge: how many there are, and the time of each.
 *
 * A request is parked from waiters_add to waiters_remove; meanwhile its deadline is set,
 * but for the moment in which ON_DUE has it.
 */
#ifndef BRIDGE_WAITERS_H
#define BRIDGE_WAITERS_H

#include "base/deadlines.h"
#include <uv.h>

struct waiter {
    struct deadline deadline;
    bool added;
};

struct waiters {
    unsigned count;
    unsigned most;
    struct deadlines deadlines;
    uv_timer_t timer;
    void (*on_due)(struct waiter *waiter); /* must remove it, or set its time anew */
};

/* waiters_init - for at most MOST. 0 or a libuv error. */
int waiters_init(struct waiters *waiters, uv_loop_t *loop, unsigned most,
                 void (*on_due)(struct waiter *waiter));
void waiters_fini(struct waiters *waiters); /* the timer is closed by the loop's owner */

bool waiters_full(const struct waiters *waiters);

void waiters_add(struct waiters *waiters, struct waiter *waiter, uint64_t after_ms);

/* waiters_set_timeout - the same request is due in AFTER_MS. */
void waiters_set_timeout(struct waiters *waiters, struct waiter *waiter,
                         uint64_t after_ms);

/* waiters_remove - fine when it is not in. */
void waiters_remove(struct waiters *waiters, struct waiter *waiter);

/* waiters_first - one of them, or null. */
struct waiter *waiters_first(const struct waiters *waiters);

#endif
