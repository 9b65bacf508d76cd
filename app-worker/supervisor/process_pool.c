/* The tasks and the handler processes of a worker, and what follows from what becomes of
 * them. Which process takes which task is in dispatch.c, how many there are in
 * strength.c, how many tasks are held in prefetch.c.
 */
#include "process_pool.h"

#include "app-worker/scheduler/scheduler_internal.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "daemon/log.h"
#include "spawn.h"
#include "wire/limits.h"
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <utlist.h>

enum { WEAR_JITTER_PERCENT = 10, LIVED_MS = 1000 };

/* ---- tasks ---- */

static bool has_processes(const struct process_pool *pool) {
    const struct child *child;
    DL_FOREACH (pool->children, child)
        if (child->state <= CHILD_STOPPING && child->role != CHILD_RETIRED)
            return true;
    return false;
}

/* Tasks that nobody here will serve any more were under way while the queue was given up.
 */
static bool is_wanted(const struct process_pool *pool, const crew_task *task) {
    struct crew_task_view view;
    if (pool->phase == POOL_CLOSED ||
        (pool->phase == POOL_DRAINING && !has_processes(pool)))
        return false;
    crew_task_view(task, &view);
    return task_names_have(&pool->tasks, view.task);
}

static struct job *job_new(const struct process_pool *pool, crew_task *task) {
    struct job *job = xcalloc(1, sizeof *job);
    job->task = task;
    job->since_ms = uv_now(pool->context.loop);
    return job;
}

void process_pool_add(struct process_pool *pool, crew_task *task) {
    if (!is_wanted(pool, task)) {
        crew_task_put_back(task);
        return;
    }
    struct job *job = job_new(pool, task);
    DL_APPEND(pool->queue, job);
    dispatch_tasks(pool);
    if (pool->queue != NULL)
        prefetch_watch(pool);
}

/* It was before those that still wait. */
static void on_unbegun(void *arg, crew_task *task) {
    struct process_pool *pool = arg;
    if (!is_wanted(pool, task)) {
        crew_task_put_back(task);
        return;
    }
    struct job *job = job_new(pool, task);
    DL_PREPEND(pool->queue, job);
    prefetch_watch(pool);
}

void process_pool_put_back(struct process_pool *pool, struct job *job) {
    crew_task_put_back(job->task);
    DL_DELETE(pool->queue, job);
    free(job);
}

static void put_back_unwanted(struct process_pool *pool) {
    struct job *job;
    struct job *next;
    DL_FOREACH_SAFE (pool->queue, job, next)
        if (!is_wanted(pool, job->task))
            process_pool_put_back(pool, job);
}

void process_pool_put_back_all(struct process_pool *pool) {
    while (pool->queue != NULL)
        process_pool_put_back(pool, pool->queue);
}

const struct task_names *process_pool_tasks(const struct process_pool *pool) {
    return &pool->tasks;
}

/* ---- processes ---- */

struct child *process_pool_start(struct process_pool *pool, enum child_role role) {
    struct child *child = child_start(&pool->context, role);
    if (child == NULL)
        return NULL;
    DL_APPEND(pool->children, child);
    return child;
}

/* child_quit takes it off the idle stack, where no RETIRED one ever is. */
void process_pool_retire(struct process_pool *pool, struct child *child) {
    (void)pool;
    child_take_back(child, CHILD_MAX_PIPELINED);
    if (child->state == CHILD_IDLE)
        child_quit(child);
    else if (child->state == CHILD_STARTING)
        child_kill(child, CHILD_ORDERED, CREW_ELOST);
    child->role = CHILD_RETIRED;
}

static void offer(struct process_pool *pool, struct child *child) {
    DL_PREPEND2(pool->idle, child, idle_prev, idle_next);
    dispatch_tasks(pool);
    dispatch_relieve(pool);
    if (child->state == CHILD_IDLE)
        prefetch_note_idle(pool);
    if (pool->phase == POOL_DRAINING && child->state == CHILD_IDLE)
        process_pool_retire(pool, child);
}

/* The memory limit itself is kept by the kernel: allocating fails. A process that leaks
 * is to be replaced before it gets there, so that no request suffers from those before
 * it: when half of what was free at the start is used up. */
static void set_wear(const struct process_pool *pool, struct child *child) {
    const struct settings *settings = pool->context.settings;
    child->worn_after = respawn_jitter(settings->max_requests, WEAR_JITTER_PERCENT);
    if (settings->max_memory_bytes == 0)
        return;
    size_t used = spawn_memory_bytes(child->pid);
    size_t left =
        settings->max_memory_bytes > used ? settings->max_memory_bytes - used : 0;
    child->worn_above_bytes = used + left / 2;
}

static bool is_worn(const struct child *child) {
    if (child->worn_after > 0 && child->served >= child->worn_after)
        return true;
    return child->worn_above_bytes > 0 &&
           spawn_memory_bytes(child->pid) > child->worn_above_bytes;
}

static void on_went_on(void *arg, struct child *child) {
    struct process_pool *pool = arg;
    dispatch_note_run_time(pool, child->last_run_us);
    prefetch_note_run_time(pool, child->last_run_us);
    if (child->role != CHILD_ACTIVE || is_worn(child))
        child_take_back(child, CHILD_MAX_PIPELINED);
    dispatch_tasks(pool);
}

static void on_returned(struct process_pool *pool, struct child *child) {
    dispatch_note_run_time(pool, child->last_run_us);
    prefetch_note_run_time(pool, child->last_run_us);
    respawn_worked(&pool->respawn);
    if (child->role == CHILD_RETIRED) {
        child_quit(child);
        strength_balance(pool);
        return;
    }
    bool became_worn = child->role == CHILD_ACTIVE && is_worn(child);
    if (became_worn) {
        log_debug("handler %d is worn after %llu requests", (int)child->pid,
                  (unsigned long long)child->served);
        child->role = CHILD_EXPIRING;
    }
    offer(pool, child);
    if (became_worn)
        strength_balance(pool);
}

static void on_ready(struct process_pool *pool, struct child *child) {
    set_wear(pool, child);
    if (child->role == CHILD_CANDIDATE) {
        pool->listener.candidate(pool->listener.arg, child, NULL);
        return;
    }
    if (pool->phase == POOL_PROVING) {
        pool->phase = POOL_SERVING;
        task_names_move(&pool->tasks, &child->tasks);
        pool->listener.ready(pool->listener.arg);
    } else if (!task_names_equal(&pool->tasks, &child->tasks)) {
        pool->listener.changed(pool->listener.arg);
    }
    offer(pool, child);
    strength_balance(pool);
}

/* Neither ever returned from a request nor lived for long: to start the next one at once
 * would be no better. */
static bool died_useless(const struct child *child) {
    return child->end != CHILD_ORDERED && child->served == 0 &&
           (child->refusal != NULL || clock_ms() - child->started_ms < LIVED_MS);
}

static void on_gone(struct process_pool *pool, struct child *child) {
    const struct process_pool_listener *listener = &pool->listener;
    const char *why = child->refusal;
    bool is_wanted_still = child->end != CHILD_ORDERED && child->role != CHILD_RETIRED;
    DL_DELETE(pool->children, child);
    if (died_useless(child))
        respawn_failed(&pool->respawn, clock_ms());

    if (child->role == CHILD_CANDIDATE && is_wanted_still)
        listener->candidate(listener->arg, child,
                            why != NULL ? why : "a new handler process has died");
    else if (pool->phase == POOL_PROVING)
        listener->unusable(listener->arg, why != NULL ? why : "a handler was killed");
    else if (why != NULL && is_wanted_still)
        log_error("cannot replace a handler process: %s", why);

    if (pool->phase >= POOL_DRAINING && pool->children == NULL && pool->queue == NULL)
        listener->empty(listener->arg);
    else
        strength_balance(pool);
}

static void on_moved(void *arg, struct child *child, enum child_state from) {
    struct process_pool *pool = arg;
    if (child == pool->latest && child->state != CHILD_BUSY)
        pool->latest = NULL;
    bool was_on_stack = from == CHILD_IDLE &&
                        (child->role == CHILD_ACTIVE || child->role == CHILD_EXPIRING);
    if (was_on_stack)
        DL_DELETE2(pool->idle, child, idle_prev, idle_next);
    if (child->state == CHILD_WAITING)
        prefetch_note_call(pool);
    if (child->calls_here && child->state == CHILD_WAITING)
        pool->waiting_for_us++;
    if (child->calls_here && from == CHILD_WAITING)
        pool->waiting_for_us--;

    if (child->state == CHILD_IDLE && from == CHILD_STARTING)
        on_ready(pool, child);
    else if (child->state == CHILD_IDLE)
        on_returned(pool, child);
    else if (child->state == CHILD_GONE)
        on_gone(pool, child);
    else if (child->state == CHILD_WAITING || from == CHILD_WAITING)
        strength_balance(pool);
    if (from == CHILD_WAITING || from == CHILD_BUSY)
        dispatch_tasks(pool); /* what it had ahead */
}

static void on_gave_back(void *arg) {
    dispatch_tasks(arg);
}

/* If the last process waited for a task of this very worker, nobody would be left to run
 * it, and all would wait until their limits. */
static bool may_wait(void *arg, struct child *child, const struct crew_group *group) {
    struct process_pool *pool = arg;
    child->calls_here = false;
    for (size_t i = 0; i < group->count; i++)
        if (task_names_have(&pool->tasks, group->calls[i].task))
            child->calls_here = pool->calls_itself = true;
    return !child->calls_here || strength_has_other(pool, child);
}

/* ---- what the supervisor asks for ---- */

struct process_pool *process_pool_new(uv_loop_t *loop, const struct settings *settings,
                                      const char *app, crew_worker *worker,
                                      const struct process_pool_listener *listener) {
    struct process_pool *pool = xcalloc(1, sizeof *pool);
    pool->listener = *listener;
    pool->worker = worker;
    pool->context = (struct child_context){
        .loop = loop,
        .settings = settings,
        .node_uuid = crew_worker_uuid(worker),
        .app = app,
        .calls = subcalls_new(loop, &settings->broker),
        .unsent = &pool->unsent,
        .arg = pool,
        .ahead = &pool->ahead,
        .unbegun = on_unbegun,
        .went_on = on_went_on,
        .gave_back = on_gave_back,
        .moved = on_moved,
        .may_wait = may_wait,
    };
    dispatch_init(pool);
    strength_init(pool);
    prefetch_init(pool);
    strength_balance(pool);
    return pool;
}

static struct child *child_of(const struct process_pool *pool, const crew_task *task) {
    struct child *child;
    DL_FOREACH (pool->children, child)
        if (child->task == task)
            return child;
    return NULL;
}

void process_pool_credit(struct process_pool *pool, const crew_task *task,
                         uint32_t allowed_bytes) {
    struct child *child = child_of(pool, task);
    if (child != NULL)
        child_credit(child, allowed_bytes);
}

void process_pool_gone(struct process_pool *pool, const crew_task *task) {
    struct child *child = child_of(pool, task);
    if (child != NULL)
        child_gone(child);
}

void process_pool_hold(struct process_pool *pool, bool is_held) {
    bool is_released = pool->is_held && !is_held;
    pool->is_held = is_held;
    if (is_released)
        dispatch_tasks(pool);
}

void process_pool_flush(struct process_pool *pool) {
    children_flush(&pool->context);
}

void process_pool_drain(struct process_pool *pool) {
    struct child *child;
    pool->phase = POOL_DRAINING;
    put_back_unwanted(pool);
    DL_FOREACH (pool->children, child)
        if (child->state == CHILD_IDLE ||
            (child->state == CHILD_STARTING && pool->queue == NULL))
            process_pool_retire(pool, child);
    if (pool->children == NULL && pool->queue == NULL)
        pool->listener.empty(pool->listener.arg);
}

void process_pool_close(struct process_pool *pool) {
    struct child *child;
    pool->phase = POOL_CLOSED;
    put_back_unwanted(pool);
    DL_FOREACH (pool->children, child)
        child_kill(child, CHILD_ORDERED, CREW_ELOST);
    if (pool->children == NULL)
        pool->listener.empty(pool->listener.arg);
}

static struct child *find(const struct process_pool *pool, pid_t pid) {
    struct child *child;
    DL_FOREACH (pool->children, child)
        if (child->pid == pid)
            return child;
    return NULL;
}

static int wait_status(const siginfo_t *info) {
    return info->si_code == CLD_EXITED ? W_EXITCODE(info->si_status, 0)
                                       : W_EXITCODE(0, info->si_status);
}

/* A process is waited for last: until then its group's id is not given to another. As the
 * first process of a container this program is also asked to wait for strangers. */
void process_pool_reap(struct process_pool *pool) {
    siginfo_t info = {0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0) {
        struct child *child = find(pool, info.si_pid);
        if (child != NULL)
            child_reaped(child, wait_status(&info));
        waitpid(info.si_pid, NULL, 0);
        info = (siginfo_t){0};
    }
}

/* ---- for a reload ---- */

int process_pool_start_candidates(struct process_pool *pool, unsigned count,
                                  const char *app) {
    pool->context.next_app = app;
    for (unsigned i = 0; i < count; i++)
        if (process_pool_start(pool, CHILD_CANDIDATE) == NULL)
            return -1;
    return 0;
}

void process_pool_drop_candidates(struct process_pool *pool) {
    struct child *child;
    DL_FOREACH (pool->children, child) {
        if (child->role != CHILD_CANDIDATE)
            continue;
        child_kill(child, CHILD_ORDERED, CREW_ELOST);
        child->role = CHILD_RETIRED;
    }
}

static void promote(struct process_pool *pool, struct child *child) {
    task_names_move(&pool->tasks, &child->tasks);
    child->role = CHILD_ACTIVE;
    DL_PREPEND2(pool->idle, child, idle_prev, idle_next);
}

void process_pool_promote_candidates(struct process_pool *pool) {
    struct child *child;
    pool->context.app = pool->context.next_app;
    DL_FOREACH (pool->children, child)
        if (child->role != CHILD_CANDIDATE)
            process_pool_retire(pool, child);
        else if (child->state == CHILD_IDLE)
            promote(pool, child);
    put_back_unwanted(pool);
    dispatch_tasks(pool);
    strength_balance(pool);
}

/* ---- the end ---- */

static void on_closed(uv_handle_t *handle) {
    struct process_pool *pool = handle->data;
    if (--pool->open_handles == 0)
        free(pool);
}

void process_pool_free(struct process_pool *pool) {
    if (pool == NULL)
        return;
    task_names_fini(&pool->tasks);
    subcalls_free(pool->context.calls);
    pool->open_handles = 5;
    uv_close((uv_handle_t *)&pool->relief, on_closed);
    uv_close((uv_handle_t *)&pool->refill, on_closed);
    uv_close((uv_handle_t *)&pool->trim, on_closed);
    uv_close((uv_handle_t *)&pool->raise, on_closed);
    uv_close((uv_handle_t *)&pool->watch, on_closed);
}
