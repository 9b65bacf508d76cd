/* Which thread works on a client: any number of threads, one at a time.
 *
 * The lock guards all that belongs to a client and is held for moments only: it is
 * released around each callback of the program, so that it is never held together with a
 * lock of the program's in the wrong order. After each place where a callback may run,
 * whatever belongs to the client may have changed, and a call may have been freed.
 *
 * The right to dispatch is held by one thread, and callbacks come from that one alone, so
 * they never overlap. */
#ifndef CREW_CLIENT_DISPATCH_LOCK_H
#define CREW_CLIENT_DISPATCH_LOCK_H

#include "session/broker_session.h"
#include <pthread.h>

/* A thread that waits in a blocking function, on its stack. */
struct dispatch_waiter {
    struct dispatch_lock *lock;
    bool done;      /* what it waits for has come */
    bool for_ready; /* it waits until the client is ready */
    bool dispatching;
    pthread_cond_t wakeup;
    struct broker_session_timer timer; /* where it does not wait for ever */
    struct dispatch_waiter *prev, *next;
};

struct dispatch_lock {
    unsigned born_in; /* fork_generation of its process */
    pthread_mutex_t mutex;
    pthread_cond_t released; /* the right to dispatch, or by the last waiter */
    bool held;               /* the right to dispatch */
    pthread_t dispatcher;
    bool missed; /* another thread was to dispatch meanwhile */
    bool closing;
    struct dispatch_waiter *waiters;
    struct dispatch_waiter *leader; /* polls the session; null: none does */
    size_t ready_waiters;
    int leader_fd; /* wakes the leader */
    struct broker_session *session;
    bool (*is_ready)(const void *owner); /* whether waiters for_ready are done */
    const void *owner;
};

/* Needs S only from the first dispatch or wait on. 0 or CREW_ESYSTEM. */
int dispatch_lock_init(struct dispatch_lock *d, struct broker_session *s,
                       bool (*is_ready)(const void *owner), const void *owner);
void dispatch_lock_fini(struct dispatch_lock *d);

/* ---- the lock ---- */

/* False, and not locked, in a child of the process that made it. */
bool dispatch_lock_enter(struct dispatch_lock *d);
void dispatch_lock_leave(struct dispatch_lock *d);
/* The process is the one that made it. Without the lock. */
bool dispatch_lock_is_ours(const struct dispatch_lock *d);

/* How a callback is called: libcrew's own with the lock, the program's without it. */
enum callback_locking { CALLBACK_LOCKED, CALLBACK_UNLOCKED };

/* ---- the right to dispatch; with the lock ---- */

/* What has come, unless another thread dispatches: that one does it then. */
void dispatch_lock_dispatch(struct dispatch_lock *d);
/* What was handed over goes out, in the same way. */
void dispatch_lock_flush(struct dispatch_lock *d);

/* The client is freed: take the right to dispatch, not from a callback; nothing new is
 * accepted from here on. */
void dispatch_lock_close(struct dispatch_lock *d);
bool dispatch_lock_closing(const struct dispatch_lock *d);
/* Give the right up and wait until no thread waits in a blocking function any more. */
void dispatch_lock_drain(struct dispatch_lock *d);

/* ---- blocking functions ---- */

/* A blocking function begins (0 and locked; or CREW_ECLOSED or, in a callback,
 * CREW_EINVAL, and not locked); starts what will call dispatch_lock_wake (it is sent at
 * once, without a wake-up); waits, if it was started; uses the result; ends, unlocked. */
int dispatch_lock_wait_begin(struct dispatch_lock *d, struct dispatch_waiter *w);
/* Wait for at most this long. */
void dispatch_lock_set_timeout(struct dispatch_waiter *w, uint32_t timeout_ms);
void dispatch_lock_wait(struct dispatch_waiter *w);
/* Also until the client is ready or closing. */
void dispatch_lock_wait_ready(struct dispatch_waiter *w);
void dispatch_lock_wake(struct dispatch_waiter *w);
void dispatch_lock_wait_end(struct dispatch_waiter *w);

#endif
