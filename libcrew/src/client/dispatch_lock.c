/* Design notes. Leader and followers: a thread that waits leads when no other does. It
 * polls the session's descriptor and dispatches for all. The followers sleep, each on a
 * condition of its own, until what they wait for has come or they have to lead. The
 * program's own event loop may dispatch at the same time; then the leader is woken when
 * its own wait is over. */
#include "client/dispatch_lock.h"

#include "base/clock.h"
#include "base/fork.h"
#include "base/wakeup.h"
#include <assert.h>
#include <poll.h>
#include <stddef.h>
#include <unistd.h>
#include <utlist.h>

/* ---- the lock ---- */

int dispatch_lock_init(struct dispatch_lock *d, struct broker_session *s,
                       bool (*is_ready)(const void *owner), const void *owner) {
    *d = (struct dispatch_lock){.born_in = fork_generation(),
                                .leader_fd = wakeup_open(),
                                .session = s,
                                .is_ready = is_ready,
                                .owner = owner};
    if (d->leader_fd < 0)
        return CREW_ESYSTEM;
    pthread_mutex_init(&d->mutex, NULL);
    pthread_cond_init(&d->released, NULL);
    return 0;
}

void dispatch_lock_fini(struct dispatch_lock *d) {
    pthread_cond_destroy(&d->released);
    pthread_mutex_destroy(&d->mutex);
    close(d->leader_fd);
}

bool dispatch_lock_is_ours(const struct dispatch_lock *d) {
    return d->born_in == fork_generation();
}

bool dispatch_lock_enter(struct dispatch_lock *d) {
    if (!dispatch_lock_is_ours(d))
        return false;
    pthread_mutex_lock(&d->mutex);
    return true;
}

void dispatch_lock_leave(struct dispatch_lock *d) {
    pthread_mutex_unlock(&d->mutex);
}

/* ---- the right to dispatch ---- */

static bool in_callback(const struct dispatch_lock *d) {
    return d->held && pthread_equal(d->dispatcher, pthread_self());
}

static bool try_take(struct dispatch_lock *d) {
    if (d->held)
        return false;
    d->held = true;
    d->dispatcher = pthread_self();
    return true;
}

static void wake_ready(struct dispatch_lock *d) {
    struct dispatch_waiter *w;
    DL_FOREACH (d->waiters, w)
        if (w->for_ready)
            dispatch_lock_wake(w);
}

static void release(struct dispatch_lock *d) {
    d->held = false;
    if (d->ready_waiters > 0 && (d->closing || d->is_ready(d->owner)))
        wake_ready(d);
    if (d->missed)
        broker_session_set_readable(d->session);
    d->missed = false;
    pthread_cond_broadcast(&d->released);
}

/* A thread that finds another one dispatching does not wait for its callback. It is not
 * woken again for what has come until that one is done. */
void dispatch_lock_dispatch(struct dispatch_lock *d) {
    if (!try_take(d)) {
        d->missed = true;
        broker_session_disarm(d->session);
        return;
    }
    broker_session_dispatch(d->session);
    release(d);
}

void dispatch_lock_flush(struct dispatch_lock *d) {
    if (!broker_session_has_pending_flush(d->session) || !try_take(d))
        return;
    broker_session_flush(d->session);
    release(d);
}

void dispatch_lock_close(struct dispatch_lock *d) {
    assert(!in_callback(d));
    while (!try_take(d))
        pthread_cond_wait(&d->released, &d->mutex);
    d->closing = true;
}

bool dispatch_lock_closing(const struct dispatch_lock *d) {
    return d->closing;
}

void dispatch_lock_drain(struct dispatch_lock *d) {
    release(d);
    while (d->waiters != NULL)
        pthread_cond_wait(&d->released, &d->mutex);
}

/* ---- waiting ---- */

static void lead(struct dispatch_lock *d, struct dispatch_waiter *w) {
    struct pollfd p[] = {{.fd = broker_session_fd(d->session), .events = POLLIN},
                         {.fd = d->leader_fd, .events = POLLIN}};
    d->leader = w;
    dispatch_lock_leave(d);
    int count = poll(p, 2, -1); /* -1: a signal handler has run */
    dispatch_lock_enter(d);
    d->leader = NULL;
    if (count > 0 && p[1].revents != 0)
        wakeup_clear(d->leader_fd);
    if (count > 0 && p[0].revents != 0)
        dispatch_lock_dispatch(d);
}

/* Another waiter has to lead; dispatch_lock_drain waits for the last one. */
static void elect_leader(struct dispatch_lock *d) {
    if (d->waiters == NULL)
        pthread_cond_broadcast(&d->released);
    else if (d->leader == NULL)
        pthread_cond_signal(&d->waiters->wakeup);
}

static void on_timeout(struct broker_session_timer *timer) {
    struct dispatch_waiter *w =
        (void *)((char *)timer - offsetof(struct dispatch_waiter, timer));
    dispatch_lock_wake(w);
}

static void end_dispatch(struct dispatch_waiter *w) {
    if (!w->dispatching)
        return;
    broker_session_end(w->lock->session);
    release(w->lock);
    w->dispatching = false;
}

int dispatch_lock_wait_begin(struct dispatch_lock *d, struct dispatch_waiter *w) {
    if (!dispatch_lock_enter(d))
        return CREW_ECLOSED;
    if (d->closing || in_callback(d)) {
        int error = d->closing ? CREW_ECLOSED : CREW_EINVAL;
        dispatch_lock_leave(d);
        return error;
    }
    *w = (struct dispatch_waiter){.lock = d, .timer.fire = on_timeout};
    pthread_cond_init(&w->wakeup, NULL);
    w->dispatching = try_take(d);
    if (w->dispatching)
        broker_session_begin(d->session);
    return 0;
}

void dispatch_lock_set_timeout(struct dispatch_waiter *w, uint32_t timeout_ms) {
    broker_session_timer_set(w->lock->session, &w->timer, clock_ms() + timeout_ms);
}

void dispatch_lock_wait(struct dispatch_waiter *w) {
    struct dispatch_lock *d = w->lock;
    DL_APPEND(d->waiters, w);
    d->ready_waiters += w->for_ready;
    end_dispatch(w);
    while (!w->done)
        if (d->leader == NULL)
            lead(d, w);
        else
            pthread_cond_wait(&w->wakeup, &d->mutex);
    d->ready_waiters -= w->for_ready;
    DL_DELETE(d->waiters, w);
    elect_leader(d);
}

void dispatch_lock_wait_ready(struct dispatch_waiter *w) {
    w->for_ready = true;
    dispatch_lock_wait(w);
}

void dispatch_lock_wake(struct dispatch_waiter *w) {
    w->done = true;
    if (w->lock->leader == w)
        wakeup_signal(w->lock->leader_fd);
    else
        pthread_cond_signal(&w->wakeup);
}

void dispatch_lock_wait_end(struct dispatch_waiter *w) {
    struct dispatch_lock *d = w->lock;
    end_dispatch(w);
    broker_session_timer_clear(d->session, &w->timer);
    pthread_cond_destroy(&w->wakeup);
    dispatch_lock_leave(d);
}
