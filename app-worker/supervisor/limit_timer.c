#include "limit_timer.h"

static void on_timer(uv_timer_t *uv) {
    struct limit_timer *timer = uv->data;
    uint64_t now_ms = uv_now(uv->loop);
    if (now_ms >= timer->at_ms) {
        timer->expired(timer->arg);
        return;
    }
    timer->fires_ms = timer->at_ms;
    uv_timer_start(uv, on_timer, timer->at_ms - now_ms, 0);
}

void limit_timer_init(struct limit_timer *timer, uv_loop_t *loop,
                      void (*expired)(void *arg), void (*closed)(void *arg), void *arg) {
    uv_timer_init(loop, &timer->timer);
    timer->timer.data = timer;
    timer->expired = expired;
    timer->closed = closed;
    timer->arg = arg;
}

void limit_timer_start(struct limit_timer *timer, uint32_t delay_ms) {
    timer->at_ms = uv_now(timer->timer.loop) + delay_ms;
    if (uv_is_active((uv_handle_t *)&timer->timer) && timer->fires_ms <= timer->at_ms)
        return;
    timer->fires_ms = timer->at_ms;
    uv_timer_start(&timer->timer, on_timer, delay_ms, 0);
}

void limit_timer_stop(struct limit_timer *timer) {
    uv_timer_stop(&timer->timer);
}

bool limit_timer_is_due(const struct limit_timer *timer) {
    return uv_now(timer->timer.loop) >= timer->at_ms;
}

static void on_closed(uv_handle_t *handle) {
    struct limit_timer *timer = handle->data;
    timer->closed(timer->arg);
}

void limit_timer_close(struct limit_timer *timer) {
    uv_close((uv_handle_t *)&timer->timer, on_closed);
}
