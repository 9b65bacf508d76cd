#include "amqp/io_owner.h"

#include <time.h>

void io_owner_init(struct io_owner *o) {
    pthread_condattr_t monotonic;
    *o = (struct io_owner){.is_caller = false};
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&o->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&o->lock, NULL);
}

void io_owner_fini(struct io_owner *o) {
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->lock);
}

bool io_owner_pass_to_caller(struct io_owner *o) {
    pthread_mutex_lock(&o->lock);
    bool passed = !o->reclaimed;
    o->is_caller = passed;
    pthread_mutex_unlock(&o->lock);
    return passed;
}

void io_owner_await_return(struct io_owner *o) {
    pthread_mutex_lock(&o->lock);
    while (o->is_caller)
        pthread_cond_wait(&o->changed, &o->lock);
    pthread_mutex_unlock(&o->lock);
}

bool io_owner_end(struct io_owner *o) {
    pthread_mutex_lock(&o->lock);
    o->ended = true;
    pthread_cond_broadcast(&o->changed);
    bool abandoned = o->abandoned;
    pthread_mutex_unlock(&o->lock);
    return abandoned;
}

bool io_owner_reclaim(struct io_owner *o) {
    pthread_mutex_lock(&o->lock);
    o->reclaimed = true;
    bool is_caller = o->is_caller;
    pthread_mutex_unlock(&o->lock);
    return is_caller;
}

void io_owner_return(struct io_owner *o) {
    pthread_mutex_lock(&o->lock);
    o->is_caller = false;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
}

bool io_owner_await_end(struct io_owner *o, uint64_t until_ms) {
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};
    int error = 0;
    pthread_mutex_lock(&o->lock);
    while (!o->ended && error == 0)
        error = pthread_cond_timedwait(&o->changed, &o->lock, &until);
    bool ended = o->ended;
    o->abandoned = !ended;
    pthread_mutex_unlock(&o->lock);
    return ended;
}
