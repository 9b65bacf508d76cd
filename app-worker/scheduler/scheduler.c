/* Which handler process takes which task.
 *
 * Tasks wait in a queue, first come, first served (the broker has ordered them), and idle
 * processes on a stack: the one that worked last works next, so that those which are not
 * needed stay idle and can be let go. Short tasks are given to a process ahead of its
 * need; what it has not begun can be taken back, so that nothing waits behind a long task
 * while another process idles.
 */
#include "scheduler_internal.h"

#include <stdlib.h>
#include <utlist.h>

#define COMPANY_WORK_US 100u /* that is given to one process though others idle */
#define RELIEF_MS 2
#define AHEAD_WORK_US 500u /* that may wait in a process behind what it runs */
#define RUN_SHARE 8u       /* a new run time counts for an eighth */
#define RUN_MAX_US 20000u  /* one very slow run says little about the next */

static bool is_awaited_here(const struct process_pool *pool, const crew_task *task) {
    struct crew_task_view view;
    crew_task_view(task, &view);
    return subcalls_have(pool->context.calls, view.id);
}

/* Where handlers call this worker, the last process is kept for those very calls: any
 * other task might call, too, and then nobody would be left to run them. */
static struct job *next_job(const struct process_pool *pool) {
    struct job *job = pool->queue;
    if (strength_is_reserved(pool))
        while (job != NULL && !is_awaited_here(pool, job->task))
            job = job->next;
    return job;
}

/* How many tasks may wait in a process behind the one that it runs: none, unless they are
 * so short that the way there and back would be the longer part. */
static unsigned room_ahead(const struct process_pool *pool) {
    if (pool->run_us == 0 || pool->phase != POOL_SERVING || strength_is_reserved(pool))
        return 0;
    uint32_t tasks = AHEAD_WORK_US / pool->run_us;
    return tasks < CHILD_MAX_PIPELINED ? tasks : CHILD_MAX_PIPELINED;
}

static bool takes_more(const struct child *child) {
    return child->state == CHILD_BUSY && child->role == CHILD_ACTIVE && !child->is_slow;
}

/* The process that has the fewest ahead, and room. */
static struct child *least_ahead(const struct process_pool *pool) {
    unsigned fewest = room_ahead(pool);
    struct child *found = NULL;
    struct child *child;
    if (fewest == 0)
        return NULL;
    DL_FOREACH (pool->children, child) {
        if (!takes_more(child) || child->ahead_count >= fewest)
            continue;
        found = child;
        fewest = child->ahead_count;
    }
    return found;
}

/* Very short tasks that come together go to one process as long as they are little work:
 * to wake another one would take longer, and their answers come back together. */
static struct child *in_company(const struct process_pool *pool) {
    struct child *child = pool->latest;
    if (child == NULL || pool->run_us > COMPANY_WORK_US || !takes_more(child) ||
        child->ahead_count >= room_ahead(pool) ||
        child->ahead_count + 1 >= COMPANY_WORK_US / pool->run_us)
        return NULL;
    return child;
}

static struct child *next_handler(const struct process_pool *pool) {
    struct child *child = in_company(pool);
    if (child != NULL)
        return child;
    return pool->idle != NULL ? pool->idle : least_ahead(pool);
}

/* A task that takes long after all: what it has held up is answered, and what waits
 * behind it is with the pool again, where it can be given to others, cancelled, and
 * expire. */
static void set_aside(struct child *child) {
    child_look(child);
    if (child->state == CHILD_BUSY && child->ahead_count > 0) {
        child->is_slow = true;
        child_take_back(child, CHILD_MAX_PIPELINED);
    }
}

static void on_relief(uv_timer_t *timer) {
    struct process_pool *pool = timer->data;
    struct child *child;
    DL_FOREACH (pool->children, child) {
        if (child->ahead_count > 0 && child->served == child->served_at_relief)
            set_aside(child);
        child->served_at_relief = child->served;
    }
    dispatch_tasks(pool);
    if (pool->ahead == 0)
        uv_timer_stop(timer);
}

static void watch_ahead(struct process_pool *pool) {
    if (pool->ahead > 0 && !uv_is_active((uv_handle_t *)&pool->relief))
        uv_timer_start(&pool->relief, on_relief, RELIEF_MS, RELIEF_MS);
}

void dispatch_tasks(struct process_pool *pool) {
    struct job *job;
    struct child *child;
    if (pool->is_held)
        return;
    while (pool->queue != NULL && (child = next_handler(pool)) != NULL &&
           (job = next_job(pool)) != NULL) {
        crew_task *task = job->task;
        DL_DELETE(pool->queue, job);
        free(job);
        if (crew_task_begin(task) != CREW_OK)
            continue;
        child_run(child, task);
        pool->latest = child;
    }
    watch_ahead(pool);
    if (pool->idle != NULL && pool->queue != NULL)
        strength_balance(pool);
}

/* An idle process gets half of what waits in the one with the most ahead, if that is
 * worth the way. */
void dispatch_relieve(struct process_pool *pool) {
    struct child *child, *fullest = pool->idle;
    if (pool->ahead == 0 || fullest == NULL)
        return;
    DL_FOREACH (pool->children, child)
        if (child->ahead_count > fullest->ahead_count)
            fullest = child;
    if (fullest->ahead_count * pool->run_us > COMPANY_WORK_US) {
        child_take_back(fullest, (fullest->ahead_count + 1) / 2);
        dispatch_tasks(pool);
    }
    watch_ahead(pool);
}

/* An average that forgets. */
void dispatch_note_run_time(struct process_pool *pool, uint64_t run_us) {
    uint32_t latest = run_us < RUN_MAX_US ? (uint32_t)run_us + 1 : RUN_MAX_US;
    pool->run_us = pool->run_us == 0
                       ? latest
                       : (pool->run_us * (RUN_SHARE - 1) + latest) / RUN_SHARE;
}

void dispatch_init(struct process_pool *pool) {
    uv_timer_init(pool->context.loop, &pool->relief);
    pool->relief.data = pool;
}
