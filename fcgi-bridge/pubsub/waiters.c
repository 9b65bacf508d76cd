#include "waiters.h"

#include <stddef.h>

static struct waiter *waiter_of(struct deadline *deadline) {
    return (struct waiter *)((char *)deadline - offsetof(struct waiter, deadline));
}

static void on_timer(uv_timer_t *timer);

static void start_timer(struct waiters *waiters) {
    const struct deadline *first = deadlines_first(&waiters->deadlines);
    if (first == NULL)
        return;
    uint64_t now_ms = uv_now(waiters->timer.loop);
    uv_timer_start(&waiters->timer, on_timer,
                   first->at_ms > now_ms ? first->at_ms - now_ms : 0, 0);
}

static void on_timer(uv_timer_t *timer) {
    struct waiters *waiters = timer->data;
    struct deadline *due;
    while ((due = deadlines_take_due(&waiters->deadlines, uv_now(timer->loop))) != NULL)
        waiters->on_timeout(waiter_of(due));
    start_timer(waiters);
}

int waiters_init(struct waiters *waiters, uv_loop_t *loop, unsigned max,
                 void (*on_timeout)(struct waiter *waiter)) {
    *waiters = (struct waiters){.max = max, .on_timeout = on_timeout};
    int error = uv_timer_init(loop, &waiters->timer);
    waiters->timer.data = waiters;
    return error;
}

void waiters_fini(struct waiters *waiters) {
    deadlines_fini(&waiters->deadlines);
}

bool waiters_full(const struct waiters *waiters) {
    return waiters->count >= waiters->max;
}

void waiters_add(struct waiters *waiters, struct waiter *waiter, uint64_t timeout_ms) {
    waiter->added = true;
    waiters->count++;
    waiters_set_timeout(waiters, waiter, timeout_ms);
}

/* The timer is not moved when its waiter is removed or postponed: it fires and is started
 * again for the first that is left. */
void waiters_set_timeout(struct waiters *waiters, struct waiter *waiter,
                         uint64_t timeout_ms) {
    uint64_t at_ms = uv_now(waiters->timer.loop) + timeout_ms;
    deadlines_set(&waiters->deadlines, &waiter->deadline, at_ms);
    if (deadlines_first(&waiters->deadlines) == &waiter->deadline ||
        !uv_is_active((uv_handle_t *)&waiters->timer))
        start_timer(waiters);
}

void waiters_remove(struct waiters *waiters, struct waiter *waiter) {
    if (!waiter->added)
        return;
    waiter->added = false;
    waiters->count--;
    deadlines_clear(&waiters->deadlines, &waiter->deadline);
}

struct waiter *waiters_first(const struct waiters *waiters) {
    struct deadline *first = deadlines_first(&waiters->deadlines);
    return first != NULL ? waiter_of(first) : NULL;
}
