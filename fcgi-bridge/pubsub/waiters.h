/* Waiters: the requests that wait for a message, each with a timeout. An object that
 * waits embeds a struct waiter; it is in the set from waiters_add to waiters_remove. */
#ifndef BRIDGE_WAITERS_H
#define BRIDGE_WAITERS_H

#include "base/deadlines.h"
#include <uv.h>

struct waiter {
    struct deadline deadline; /* set while it is in the set, except during on_timeout */
    bool added;
};

struct waiters {
    unsigned count;
    unsigned max;
    struct deadlines deadlines;
    uv_timer_t timer;
    void (*on_timeout)(struct waiter *waiter);
};

/* waiters_init - for at most MAX. ON_TIMEOUT must remove the waiter or set its next
 * timeout. 0 or a libuv error. */
int waiters_init(struct waiters *waiters, uv_loop_t *loop, unsigned max,
                 void (*on_timeout)(struct waiter *waiter));

/* waiters_fini - the timer is closed by the owner of the loop. */
void waiters_fini(struct waiters *waiters);

bool waiters_full(const struct waiters *waiters);

void waiters_add(struct waiters *waiters, struct waiter *waiter, uint64_t timeout_ms);

/* waiters_set_timeout - it times out in TIMEOUT_MS from now. */
void waiters_set_timeout(struct waiters *waiters, struct waiter *waiter,
                         uint64_t timeout_ms);

/* waiters_remove - does nothing if it was not added. */
void waiters_remove(struct waiters *waiters, struct waiter *waiter);

/* waiters_first - the one that times out first, or NULL. */
struct waiter *waiters_first(const struct waiters *waiters);

#endif
