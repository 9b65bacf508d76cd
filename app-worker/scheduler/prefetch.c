/* How many tasks a worker holds when nobody has told it (--prefetch): as many as it has
 * processes, and
 *
 *   wide   more while handlers are short, so that no process idles while the broker is
 *          asked for the next task: as many as are done in some milliseconds;
 *   stuck  none while tasks have waited for longer than that. All processes are busy with
 *          something long, and what waits is put back for other workers.
 *
 * A task that is put back goes to the end of its queue. Where nothing waits in that, it
 * loses no turn, and another worker may be idle. Where others wait, all workers have
 * their hands full; then a task goes back only when it has waited for long.
 */
#include "prefetch.h"

#include "daemon/log.h"
#include "scheduler_internal.h"
#include <string.h>
#include <utlist.h>

enum {
    WAIT_MS = 40,      /* that a task may wait here; then the worker is stuck */
    PATIENCE_MS = 500, /* the same, while others wait in the queue */
    SETTLE_MS = 250    /* between changes that are not urgent */
};

#define SLOW_US 20000u   /* runs that take longer are not short */
#define WORK_US 10000u   /* of work may wait for each process */
#define MESSAGE_US 2000u /* of work are in a message with many short requests */
#define LATEST_MAX_US 1000000u
#define FORGET_SHARE 8u /* a long run is forgotten by an eighth with each shorter one */
#define MORE_MOST 64u

/* ---- wide ---- */

unsigned prefetch_most(unsigned processes) {
    unsigned more = processes * (WORK_US / MESSAGE_US);
    return processes + (more < MORE_MOST ? more : MORE_MOST);
}

static unsigned wanted_more(const struct process_pool *pool) {
    const struct settings *settings = pool->context.settings;
    if (pool->slow_us > SLOW_US || pool->calls_itself)
        return 0;
    uint32_t message_us = pool->slow_us > MESSAGE_US ? pool->slow_us : MESSAGE_US;
    unsigned more = (settings->processes * WORK_US + message_us - 1) / message_us;
    unsigned most = settings->prefetch_most - settings->prefetch;
    return more < most ? more : most;
}

static void change(struct process_pool *pool, unsigned more) {
    log_debug("slow runs take %u us: %u tasks more than processes", pool->slow_us, more);
    pool->more = more;
    pool->settled_ms = uv_now(pool->context.loop) + SETTLE_MS;
    strength_follow(pool);
}

/* Less at once when handlers are slow, and otherwise when it is much less. */
static void follow(struct process_pool *pool) {
    unsigned wanted = wanted_more(pool);
    if (wanted == 0 && pool->more > 0)
        change(pool, 0);
    else if ((wanted > pool->more || 2 * wanted < pool->more) && !pool->is_stuck &&
             uv_now(pool->context.loop) >= pool->settled_ms)
        change(pool, wanted);
}

void prefetch_note_run_time(struct process_pool *pool, uint64_t run_us) {
    uint32_t latest = run_us < LATEST_MAX_US ? (uint32_t)run_us : LATEST_MAX_US;
    if (latest >= pool->slow_us)
        pool->slow_us = latest;
    else
        pool->slow_us -= (pool->slow_us - latest + FORGET_SHARE - 1) / FORGET_SHARE;
    follow(pool);
}

void prefetch_note_call(struct process_pool *pool) {
    prefetch_note_run_time(pool, SLOW_US + 1);
}

/* ---- stuck ---- */

static void look_for_others(struct process_pool *pool) {
    const struct job *job;
    struct crew_task_view view;
    DL_FOREACH (pool->queue, job) {
        crew_task_view(job->task, &view);
        crew_worker_look(pool->worker, view.task);
    }
}

static void see_if_stuck(struct process_pool *pool, uint64_t waited_ms) {
    if (pool->phase != POOL_SERVING || pool->idle != NULL || strength_is_reserved(pool) ||
        strength_surplus(pool) == 0)
        return;
    if (!pool->is_stuck) {
        log_debug("tasks have waited for %llu ms", (unsigned long long)waited_ms);
        pool->is_stuck = true;
        prefetch_note_run_time(pool, waited_ms * 1000);
        strength_follow(pool);
    }
    look_for_others(pool);
}

static void on_watch(uv_timer_t *timer) {
    struct process_pool *pool = timer->data;
    if (pool->queue == NULL)
        return;
    uint64_t waited_ms = uv_now(pool->context.loop) - pool->queue->since_ms;
    if (waited_ms >= WAIT_MS)
        see_if_stuck(pool, waited_ms);
    uv_timer_start(timer, on_watch, waited_ms < WAIT_MS ? WAIT_MS - waited_ms : WAIT_MS,
                   0);
}

void prefetch_watch(struct process_pool *pool) {
    const struct settings *settings = pool->context.settings;
    if (settings->prefetch_most > settings->prefetch &&
        !uv_is_active((uv_handle_t *)&pool->watch))
        uv_timer_start(&pool->watch, on_watch, WAIT_MS, 0);
}

void prefetch_note_idle(struct process_pool *pool) {
    if (!pool->is_stuck)
        return;
    pool->is_stuck = false;
    strength_follow(pool);
}

void process_pool_queue_seen(struct process_pool *pool, const char *task,
                             uint32_t messages, uint32_t consumers) {
    uint64_t now_ms = uv_now(pool->context.loop);
    struct job *job, *next;
    if (!pool->is_stuck || consumers < 2)
        return;
    unsigned surplus = strength_surplus(pool), put_back = 0;
    DL_FOREACH_SAFE (pool->queue, job, next) {
        struct crew_task_view view;
        crew_task_view(job->task, &view);
        if (put_back == surplus || strcmp(view.task, task) != 0 ||
            (messages > 0 && now_ms - job->since_ms < PATIENCE_MS))
            continue;
        process_pool_put_back(pool, job);
        put_back++;
    }
    log_debug("%u tasks are put back for other workers", put_back);
}

void prefetch_init(struct process_pool *pool) {
    pool->slow_us = LATEST_MAX_US;
    uv_timer_init(pool->context.loop, &pool->watch);
    pool->watch.data = pool;
}
