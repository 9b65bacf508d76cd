/* How many child processes a pool has, and how many tasks it may hold.
 *
 *   processes  what --processes says, and one more for each child that waits for a call
 *              of its own, up to --max-processes. Those too many are let go when they
 *              have been idle for some seconds.
 *   prefetch   what --prefetch says (left out: prefetch.c), and one more for each
 *              process that holds a task without being there for another (it waits for a
 *              call, or is retired), and for each task that has to wait because the last
 *              process is reserved.
 *
 * More is seen to soon; less only once a second, because each change costs a word with
 * the broker or the start of a process, and calls come and go.
 */
#include "base/clock.h"
#include "daemon/log.h"
#include "scheduler_internal.h"
#include <errno.h>
#include <string.h>
#include <utlist.h>

enum {
    SPARE_IDLE_MS = 10 * 1000,
    TRIM_EVERY_MS = 1000,
    RAISE_AFTER_MS = 2,
    PUT_BACK_AFTER_MS = 10
};

struct census {
    unsigned present;  /* processes that count, those that start included */
    unsigned ready;    /* of these, those that have started */
    unsigned waiting;  /* of these, those that wait for a call */
    unsigned detached; /* retired ones that still hold a task */
};

static struct census take_census(const struct process_pool *pool) {
    struct census census = {0};
    const struct child *child;
    DL_FOREACH (pool->children, child) {
        if (child->role == CHILD_RETIRED && child->task != NULL)
            census.detached++;
        if (child->role != CHILD_ACTIVE || child->state > CHILD_STOPPING)
            continue;
        census.present++;
        census.ready += child->state != CHILD_STARTING;
        census.waiting += child->state == CHILD_WAITING;
    }
    return census;
}

static unsigned spares(const struct process_pool *pool, unsigned waiting) {
    const struct settings *settings = pool->context.settings;
    unsigned most = settings->max_processes - settings->processes;
    return waiting < most ? waiting : most;
}

static unsigned wanted_processes(const struct process_pool *pool,
                                 const struct census *census) {
    unsigned processes =
        pool->context.settings->processes + spares(pool, census->waiting);
    switch (pool->phase) {
    case POOL_PROVING:
        return 1;
    case POOL_SERVING:
        return processes;
    case POOL_DRAINING:
        return pool->queue != NULL ? processes : 0;
    case POOL_CLOSED:
        break;
    }
    return 0;
}

/* Tasks that keep out the calls for which the last process is reserved: those may be in
 * other queues, among which the broker chooses as it likes. */
static unsigned held_back(const struct process_pool *pool) {
    unsigned count = 0;
    if (!strength_is_reserved(pool))
        return 0;
    for (const struct job *job = pool->queue;
         job != NULL && count < pool->context.settings->max_processes; job = job->next)
        count++;
    return count;
}

static unsigned capacity(const struct process_pool *pool, const struct census *census) {
    return pool->context.settings->prefetch + spares(pool, census->waiting) +
           census->detached + held_back(pool);
}

/* A limit that is below what is held takes no more. Where a child waits, its call has
 * to come through. */
static unsigned wanted_prefetch(const struct process_pool *pool,
                                const struct census *census) {
    if (pool->is_stuck && pool->idle == NULL && census->waiting == 0)
        return 1;
    return capacity(pool, census) + pool->more;
}

static void set_prefetch(struct process_pool *pool, unsigned prefetch) {
    if (prefetch == pool->prefetch)
        return;
    crew_worker_set_prefetch(pool->worker, prefetch);
    pool->prefetch = prefetch;
}

/* ---- more ---- */

/* The reserved process idles, since all that came were other tasks, and no more of those
 * are taken in: let them stand in their queues again. */
static bool is_clogged(const struct process_pool *pool) {
    return pool->idle != NULL && held_back(pool) == pool->context.settings->max_processes;
}

/* A child that has just called would rather see its call taken next than one more
 * request that may call, too. So the broker is asked for more when the call has had the
 * time to reach its queue, where it stands in front. */
static void on_raise(uv_timer_t *timer) {
    struct process_pool *pool = timer->data;
    struct census census = take_census(pool);
    unsigned prefetch = wanted_prefetch(pool, &census);
    if (!subcalls_are_sent(pool->context.calls))
        uv_timer_start(timer, on_raise, RAISE_AFTER_MS, 0);
    else if (prefetch > pool->prefetch)
        set_prefetch(pool, prefetch);
    else if (is_clogged(pool))
        process_pool_put_back_all(pool);
}

static void on_refill(uv_timer_t *timer) {
    strength_balance(timer->data);
}

/* One process, or a pause. False: no more now. */
static bool add_process(struct process_pool *pool) {
    uint32_t pause_ms = respawn_pause_ms(&pool->respawn, clock_ms());
    if (pause_ms > 0) {
        uv_timer_start(&pool->refill, on_refill, pause_ms, 0);
        return false;
    }
    if (process_pool_start(pool, CHILD_ACTIVE) == NULL) {
        log_error("cannot start a child process: %s", strerror(errno));
        respawn_failed(&pool->respawn, clock_ms());
        uv_timer_start(&pool->refill, on_refill,
                       respawn_pause_ms(&pool->respawn, clock_ms()), 0);
        return false;
    }
    return true;
}

/* ---- less ---- */

/* Worn processes go when there are enough others. */
static void retire_worn(struct process_pool *pool) {
    struct child *child;
    DL_FOREACH (pool->children, child)
        if (child->role == CHILD_EXPIRING && child->state <= CHILD_STOPPING)
            process_pool_retire(pool, child);
}

/* The last of the stack has been idle for the longest time. */
static struct child *longest_idle(const struct process_pool *pool, uint64_t since_ms) {
    struct child *last = pool->idle != NULL ? pool->idle->idle_prev : NULL;
    return last != NULL && last->idle_since_ms <= since_ms ? last : NULL;
}

static void on_trim(uv_timer_t *timer) {
    struct process_pool *pool = timer->data;
    struct census census = take_census(pool);
    unsigned wanted = wanted_processes(pool, &census);
    uint64_t now_ms = uv_now(pool->context.loop);
    uint64_t since_ms = now_ms > SPARE_IDLE_MS ? now_ms - SPARE_IDLE_MS : 0;
    struct child *spare;
    while (census.present > wanted && (spare = longest_idle(pool, since_ms)) != NULL) {
        process_pool_retire(pool, spare);
        census.present--;
    }
    set_prefetch(pool, wanted_prefetch(pool, &census));
    if (census.present <= wanted)
        uv_timer_stop(timer);
}

void strength_balance(struct process_pool *pool) {
    struct census census = take_census(pool);
    unsigned wanted = wanted_processes(pool, &census);
    unsigned prefetch = wanted_prefetch(pool, &census);
    if ((prefetch > pool->prefetch || is_clogged(pool)) &&
        !uv_is_active((uv_handle_t *)&pool->raise))
        uv_timer_start(&pool->raise, on_raise,
                       is_clogged(pool) ? PUT_BACK_AFTER_MS : RAISE_AFTER_MS, 0);
    if (census.ready >= wanted)
        retire_worn(pool);
    for (unsigned present = census.present; present < wanted; present++)
        if (!add_process(pool))
            break;
    bool is_surplus = census.present > wanted || prefetch < pool->prefetch;
    if (is_surplus && !uv_is_active((uv_handle_t *)&pool->trim))
        uv_timer_start(&pool->trim, on_trim, TRIM_EVERY_MS, TRIM_EVERY_MS);
}

void strength_follow(struct process_pool *pool) {
    struct census census = take_census(pool);
    set_prefetch(pool, wanted_prefetch(pool, &census));
}

unsigned strength_surplus(const struct process_pool *pool) {
    struct census census = take_census(pool);
    unsigned most = capacity(pool, &census);
    unsigned held = 0;
    const struct job *job;
    const struct child *child;
    DL_COUNT(pool->queue, job, held);
    DL_FOREACH (pool->children, child)
        held += child->task != NULL;
    return held > most ? held - most : 0;
}

void strength_init(struct process_pool *pool) {
    pool->prefetch = pool->context.settings->prefetch;
    uv_timer_init(pool->context.loop, &pool->refill);
    uv_timer_init(pool->context.loop, &pool->trim);
    uv_timer_init(pool->context.loop, &pool->raise);
    pool->refill.data = pool->trim.data = pool->raise.data = pool;
}

bool strength_has_other(const struct process_pool *pool, const struct child *child) {
    const struct child *other;
    unsigned present = 0;
    DL_FOREACH (pool->children, other) {
        if (other->role > CHILD_EXPIRING || other->role == CHILD_CANDIDATE ||
            other->state > CHILD_STOPPING)
            continue;
        present++;
        if (other != child && other->state != CHILD_WAITING)
            return true;
    }
    return present < pool->context.settings->max_processes;
}

/* How many processes there may be besides those that hold a task? */
static unsigned free_processes(const struct process_pool *pool) {
    unsigned most = pool->context.settings->max_processes;
    const struct child *child;
    DL_FOREACH (pool->children, child)
        if (child->task != NULL && most > 0)
            most--;
    return most;
}

/* Handlers that have called this worker once will do so again, perhaps all at once.
 * Without spares, one process is too much to keep for that. */
bool strength_is_reserved(const struct process_pool *pool) {
    const struct settings *settings = pool->context.settings;
    bool may_call = pool->calls_itself && settings->max_processes > settings->processes;
    return (may_call || pool->waiting_for_us > 0) && free_processes(pool) <= 1;
}
