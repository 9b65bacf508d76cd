/* The parked requests of a bridge: how many there are, and the time of each.
 *
 * A request is parked from parked_add to parked_remove; meanwhile its deadline is set,
 * but for the moment in which ON_DUE has it.
 */
#ifndef BRIDGE_PARKED_H
#define BRIDGE_PARKED_H

#include "base/deadlines.h"
#include <uv.h>

struct parked {
    struct deadline deadline;
    bool added;
};

struct parking {
    unsigned count;
    unsigned most;
    struct deadlines deadlines;
    uv_timer_t timer;
    void (*on_due)(struct parked *parked); /* must remove it, or set its time anew */
};

/* parking_init - for at most MOST. 0 or a libuv error. */
int parking_init(struct parking *parking, uv_loop_t *loop, unsigned most,
                 void (*on_due)(struct parked *parked));
void parking_fini(struct parking *parking); /* the timer is closed by the loop's owner */

bool parking_full(const struct parking *parking);

void parked_add(struct parking *parking, struct parked *parked, uint64_t after_ms);

/* parked_set_time - the same request is due in AFTER_MS. */
void parked_set_time(struct parking *parking, struct parked *parked, uint64_t after_ms);

/* parked_remove - fine when it is not in. */
void parked_remove(struct parking *parking, struct parked *parked);

/* parked_first - one of them, or null. */
struct parked *parked_first(const struct parking *parking);

#endif
