#include "parked.h"

#include <stddef.h>

static struct parked *parked_of(struct deadline *deadline) {
    return (struct parked *)((char *)deadline - offsetof(struct parked, deadline));
}

static void on_timer(uv_timer_t *timer);

static void arm(struct parking *parking) {
    const struct deadline *first = deadlines_first(&parking->deadlines);
    if (!first)
        return;
    uint64_t now_ms = uv_now(parking->timer.loop);
    uv_timer_start(&parking->timer, on_timer,
                   first->at_ms > now_ms ? first->at_ms - now_ms : 0, 0);
}

static void on_timer(uv_timer_t *timer) {
    struct parking *parking = timer->data;
    struct deadline *due;
    while ((due = deadlines_take_due(&parking->deadlines, uv_now(timer->loop))))
        parking->on_due(parked_of(due));
    arm(parking);
}

int parking_init(struct parking *parking, uv_loop_t *loop, unsigned most,
                 void (*on_due)(struct parked *parked)) {
    *parking = (struct parking){.most = most, .on_due = on_due};
    int error = uv_timer_init(loop, &parking->timer);
    parking->timer.data = parking;
    return error;
}

void parking_fini(struct parking *parking) {
    deadlines_fini(&parking->deadlines);
}

bool parking_full(const struct parking *parking) {
    return parking->count >= parking->most;
}

void parked_add(struct parking *parking, struct parked *parked, uint64_t after_ms) {
    parked->added = true;
    parking->count++;
    parked_set_time(parking, parked, after_ms);
}

/* The timer may fire for one that is gone or has moved, and looks again then. */
void parked_set_time(struct parking *parking, struct parked *parked, uint64_t after_ms) {
    uint64_t at_ms = uv_now(parking->timer.loop) + after_ms;
    deadlines_set(&parking->deadlines, &parked->deadline, at_ms);
    if (deadlines_first(&parking->deadlines) == &parked->deadline ||
        !uv_is_active((uv_handle_t *)&parking->timer))
        arm(parking);
}

void parked_remove(struct parking *parking, struct parked *parked) {
    if (!parked->added)
        return;
    parked->added = false;
    parking->count--;
    deadlines_clear(&parking->deadlines, &parked->deadline);
}

struct parked *parked_first(const struct parking *parking) {
    struct deadline *first = deadlines_first(&parking->deadlines);
    return first ? parked_of(first) : NULL;
}
