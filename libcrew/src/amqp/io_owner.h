/* Which thread does a link's I/O and owns its state: the link's own thread, or, with
 * caller-driven I/O, the thread of the link's owner ("the caller"). Also how the end of
 * the link's thread is awaited.
 *
 * The thread passes the link to the caller and sleeps in io_owner_await_return. The
 * caller returns it. After io_owner_reclaim it is not passed again.
 */
#ifndef CREW_AMQP_IO_OWNER_H
#define CREW_AMQP_IO_OWNER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct io_owner {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_caller; /* the caller owns the link */
    bool reclaimed; /* it is not passed to the caller any more */
    bool ended;     /* the link's thread has ended */
    bool
        abandoned; /* the caller no longer waits for the end: the thread frees the link */
};

void io_owner_init(struct io_owner *o);
void io_owner_fini(struct io_owner *o);

/* ---- the link's thread ---- */

/* Pass the link to the caller. False: it has been reclaimed, the thread keeps it. */
bool io_owner_pass_to_caller(struct io_owner *o);
/* Wait until the caller has returned the link. */
void io_owner_await_return(struct io_owner *o);
/* The thread ends. True: the caller has abandoned the link, so the thread frees it. */
bool io_owner_end(struct io_owner *o);

/* ---- the caller ---- */

/* The link is not passed to the caller from now on. True: the caller owns it now and must
 * return it. */
bool io_owner_reclaim(struct io_owner *o);
void io_owner_return(struct io_owner *o);
/* Wait until the thread has ended, at most until UNTIL_MS (base/clock.h). False: it has
 * not; the link is abandoned and must not be touched any more. */
bool io_owner_await_end(struct io_owner *o, uint64_t until_ms);

#endif
