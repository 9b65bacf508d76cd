/* The tasks and the handler processes of a worker, and what follows from what becomes of
 * them. Which process takes which task is in dispatch.c, how many there are in
 * strength.c, how many tasks are held in prefetch.c.
 */
#include "pool.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "daemon/log.h"
#include "pool_room.h"
#include "spawn.h"
#include "wire/limits.h"
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <utlist.h>

enum { WEAR_JITTER_PERCENT = 10, LIVED_MS = 1000 };

/* ---- tasks ---- */

static bool has_processes(const struct pool *pool) {
    const struct handler *handler;
    DL_FOREACH (pool->handlers, handler)
        if (handler->state <= HANDLER_STOPPING && handler->duty != DUTY_RETIRED)
            return true;
    return false;
}

/* Tasks that nobody here will serve any more were under way while the queue was given up.
 */
static bool is_wanted(const struct pool *pool, const crew_task *task) {
    struct crew_task_view view;
    if (pool->phase == POOL_CLOSED ||
        (pool->phase == POOL_DRAINING && !has_processes(pool)))
        return false;
    crew_task_view(task, &view);
    return tasks_have(&pool->tasks, view.task);
}

static struct job *job_new(const struct pool *pool, crew_task *task) {
    struct job *job = xcalloc(1, sizeof *job);
    job->task = task;
    job->since_ms = uv_now(pool->context.loop);
    return job;
}

void pool_add(struct pool *pool, crew_task *task) {
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
    struct pool *pool = arg;
    if (!is_wanted(pool, task)) {
        crew_task_put_back(task);
        return;
    }
    struct job *job = job_new(pool, task);
    DL_PREPEND(pool->queue, job);
    prefetch_watch(pool);
}

void pool_put_back(struct pool *pool, struct job *job) {
    crew_task_put_back(job->task);
    DL_DELETE(pool->queue, job);
    free(job);
}

static void put_back_unwanted(struct pool *pool) {
    struct job *job;
    struct job *next;
    DL_FOREACH_SAFE (pool->queue, job, next)
        if (!is_wanted(pool, job->task))
            pool_put_back(pool, job);
}

void pool_put_back_all(struct pool *pool) {
    while (pool->queue != NULL)
        pool_put_back(pool, pool->queue);
}

const struct tasks *pool_tasks(const struct pool *pool) {
    return &pool->tasks;
}

/* ---- processes ---- */

struct handler *pool_start(struct pool *pool, enum handler_duty duty) {
    struct handler *handler = handler_start(&pool->context, duty);
    if (handler == NULL)
        return NULL;
    DL_APPEND(pool->handlers, handler);
    return handler;
}

/* handler_quit takes it off the idle stack, where no RETIRED one ever is. */
void pool_retire(struct pool *pool, struct handler *handler) {
    (void)pool;
    handler_take_back(handler, HANDLER_AHEAD_MOST);
    if (handler->state == HANDLER_IDLE)
        handler_quit(handler);
    else if (handler->state == HANDLER_STARTING)
        handler_kill(handler, HANDLER_ORDERED, CREW_ELOST);
    handler->duty = DUTY_RETIRED;
}

static void offer(struct pool *pool, struct handler *handler) {
    DL_PREPEND2(pool->idle, handler, idle_prev, idle_next);
    dispatch_tasks(pool);
    dispatch_relieve(pool);
    if (handler->state == HANDLER_IDLE)
        prefetch_note_idle(pool);
    if (pool->phase == POOL_DRAINING && handler->state == HANDLER_IDLE)
        pool_retire(pool, handler);
}

/* The memory limit itself is kept by the kernel: allocating fails. A process that leaks
 * is to be replaced before it gets there, so that no request suffers from those before
 * it: when half of what was free at the start is used up. */
static void set_wear(const struct pool *pool, struct handler *handler) {
    const struct settings *settings = pool->context.settings;
    handler->worn_after = respawn_jitter(settings->max_requests, WEAR_JITTER_PERCENT);
    if (settings->max_memory_bytes == 0)
        return;
    size_t used = spawn_memory_bytes(handler->pid);
    size_t left =
        settings->max_memory_bytes > used ? settings->max_memory_bytes - used : 0;
    handler->worn_above_bytes = used + left / 2;
}

static bool is_worn(const struct handler *handler) {
    if (handler->worn_after > 0 && handler->served >= handler->worn_after)
        return true;
    return handler->worn_above_bytes > 0 &&
           spawn_memory_bytes(handler->pid) > handler->worn_above_bytes;
}

static void on_went_on(void *arg, struct handler *handler) {
    struct pool *pool = arg;
    dispatch_note_run_time(pool, handler->last_run_us);
    prefetch_note_run_time(pool, handler->last_run_us);
    if (handler->duty != DUTY_PRESENT || is_worn(handler))
        handler_take_back(handler, HANDLER_AHEAD_MOST);
    dispatch_tasks(pool);
}

static void on_returned(struct pool *pool, struct handler *handler) {
    dispatch_note_run_time(pool, handler->last_run_us);
    prefetch_note_run_time(pool, handler->last_run_us);
    respawn_worked(&pool->respawn);
    if (handler->duty == DUTY_RETIRED) {
        handler_quit(handler);
        strength_balance(pool);
        return;
    }
    bool became_worn = handler->duty == DUTY_PRESENT && is_worn(handler);
    if (became_worn) {
        log_debug("handler %d is worn after %llu requests", (int)handler->pid,
                  (unsigned long long)handler->served);
        handler->duty = DUTY_WORN;
    }
    offer(pool, handler);
    if (became_worn)
        strength_balance(pool);
}

static void on_ready(struct pool *pool, struct handler *handler) {
    set_wear(pool, handler);
    if (handler->duty == DUTY_CANDIDATE) {
        pool->listener.candidate(pool->listener.arg, handler, NULL);
        return;
    }
    if (pool->phase == POOL_PROVING) {
        pool->phase = POOL_SERVING;
        tasks_move(&pool->tasks, &handler->tasks);
        pool->listener.ready(pool->listener.arg);
    } else if (!tasks_equal(&pool->tasks, &handler->tasks)) {
        pool->listener.changed(pool->listener.arg);
    }
    offer(pool, handler);
    strength_balance(pool);
}

/* Neither ever returned from a request nor lived for long: to start the next one at once
 * would be no better. */
static bool died_useless(const struct handler *handler) {
    return handler->end != HANDLER_ORDERED && handler->served == 0 &&
           (handler->refusal != NULL || clock_ms() - handler->started_ms < LIVED_MS);
}

static void on_gone(struct pool *pool, struct handler *handler) {
    const struct pool_listener *listener = &pool->listener;
    const char *why = handler->refusal;
    bool is_wanted_still =
        handler->end != HANDLER_ORDERED && handler->duty != DUTY_RETIRED;
    DL_DELETE(pool->handlers, handler);
    if (died_useless(handler))
        respawn_failed(&pool->respawn, clock_ms());

    if (handler->duty == DUTY_CANDIDATE && is_wanted_still)
        listener->candidate(listener->arg, handler,
                            why != NULL ? why : "a new handler process has died");
    else if (pool->phase == POOL_PROVING)
        listener->unusable(listener->arg, why != NULL ? why : "a handler was killed");
    else if (why != NULL && is_wanted_still)
        log_error("cannot replace a handler process: %s", why);

    if (pool->phase >= POOL_DRAINING && pool->handlers == NULL && pool->queue == NULL)
        listener->empty(listener->arg);
    else
        strength_balance(pool);
}

static void on_moved(void *arg, struct handler *handler, enum handler_state from) {
    struct pool *pool = arg;
    if (handler == pool->latest && handler->state != HANDLER_BUSY)
        pool->latest = NULL;
    bool was_on_stack = from == HANDLER_IDLE &&
                        (handler->duty == DUTY_PRESENT || handler->duty == DUTY_WORN);
    if (was_on_stack)
        DL_DELETE2(pool->idle, handler, idle_prev, idle_next);
    if (handler->state == HANDLER_WAITING)
        prefetch_note_call(pool);
    if (handler->calls_here && handler->state == HANDLER_WAITING)
        pool->waiting_for_us++;
    if (handler->calls_here && from == HANDLER_WAITING)
        pool->waiting_for_us--;

    if (handler->state == HANDLER_IDLE && from == HANDLER_STARTING)
        on_ready(pool, handler);
    else if (handler->state == HANDLER_IDLE)
        on_returned(pool, handler);
    else if (handler->state == HANDLER_GONE)
        on_gone(pool, handler);
    else if (handler->state == HANDLER_WAITING || from == HANDLER_WAITING)
        strength_balance(pool);
    if (from == HANDLER_WAITING || from == HANDLER_BUSY)
        dispatch_tasks(pool); /* what it had ahead */
}

static void on_gave_back(void *arg) {
    dispatch_tasks(arg);
}

/* If the last process waited for a task of this very worker, nobody would be left to run
 * it, and all would wait until their limits. */
static bool may_wait(void *arg, struct handler *handler, const struct crew_group *group) {
    struct pool *pool = arg;
    handler->calls_here = false;
    for (size_t i = 0; i < group->count; i++)
        if (tasks_have(&pool->tasks, group->calls[i].task))
            handler->calls_here = pool->calls_itself = true;
    return !handler->calls_here || strength_has_other(pool, handler);
}

/* ---- what the supervisor asks for ---- */

struct pool *pool_new(uv_loop_t *loop, const struct settings *settings, const char *app,
                      crew_worker *worker, const struct pool_listener *listener) {
    struct pool *pool = xcalloc(1, sizeof *pool);
    pool->listener = *listener;
    pool->worker = worker;
    pool->context = (struct handler_context){
        .loop = loop,
        .settings = settings,
        .node_uuid = crew_worker_uuid(worker),
        .app = app,
        .calls = calls_new(loop, &settings->broker),
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

static struct handler *handler_of(const struct pool *pool, const crew_task *task) {
    struct handler *handler;
    DL_FOREACH (pool->handlers, handler)
        if (handler->task == task)
            return handler;
    return NULL;
}

void pool_credit(struct pool *pool, const crew_task *task, uint32_t allowed_bytes) {
    struct handler *handler = handler_of(pool, task);
    if (handler != NULL)
        handler_credit(handler, allowed_bytes);
}

void pool_gone(struct pool *pool, const crew_task *task) {
    struct handler *handler = handler_of(pool, task);
    if (handler != NULL)
        handler_gone(handler);
}

void pool_hold(struct pool *pool, bool is_held) {
    bool is_released = pool->is_held && !is_held;
    pool->is_held = is_held;
    if (is_released)
        dispatch_tasks(pool);
}

void pool_flush(struct pool *pool) {
    handlers_flush(&pool->context);
}

void pool_drain(struct pool *pool) {
    struct handler *handler;
    pool->phase = POOL_DRAINING;
    put_back_unwanted(pool);
    DL_FOREACH (pool->handlers, handler)
        if (handler->state == HANDLER_IDLE ||
            (handler->state == HANDLER_STARTING && pool->queue == NULL))
            pool_retire(pool, handler);
    if (pool->handlers == NULL && pool->queue == NULL)
        pool->listener.empty(pool->listener.arg);
}

void pool_close(struct pool *pool) {
    struct handler *handler;
    pool->phase = POOL_CLOSED;
    put_back_unwanted(pool);
    DL_FOREACH (pool->handlers, handler)
        handler_kill(handler, HANDLER_ORDERED, CREW_ELOST);
    if (pool->handlers == NULL)
        pool->listener.empty(pool->listener.arg);
}

static struct handler *find(const struct pool *pool, pid_t pid) {
    struct handler *handler;
    DL_FOREACH (pool->handlers, handler)
        if (handler->pid == pid)
            return handler;
    return NULL;
}

static int wait_status(const siginfo_t *info) {
    return info->si_code == CLD_EXITED ? W_EXITCODE(info->si_status, 0)
                                       : W_EXITCODE(0, info->si_status);
}

/* A process is waited for last: until then its group's id is not given to another. As the
 * first process of a container this program is also asked to wait for strangers. */
void pool_reap(struct pool *pool) {
    siginfo_t info = {0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0) {
        struct handler *handler = find(pool, info.si_pid);
        if (handler != NULL)
            handler_reaped(handler, wait_status(&info));
        waitpid(info.si_pid, NULL, 0);
        info = (siginfo_t){0};
    }
}

/* ---- for a reload ---- */

int pool_start_candidates(struct pool *pool, unsigned count, const char *app) {
    pool->context.next_app = app;
    for (unsigned i = 0; i < count; i++)
        if (pool_start(pool, DUTY_CANDIDATE) == NULL)
            return -1;
    return 0;
}

void pool_drop_candidates(struct pool *pool) {
    struct handler *handler;
    DL_FOREACH (pool->handlers, handler) {
        if (handler->duty != DUTY_CANDIDATE)
            continue;
        handler_kill(handler, HANDLER_ORDERED, CREW_ELOST);
        handler->duty = DUTY_RETIRED;
    }
}

static void promote(struct pool *pool, struct handler *handler) {
    tasks_move(&pool->tasks, &handler->tasks);
    handler->duty = DUTY_PRESENT;
    DL_PREPEND2(pool->idle, handler, idle_prev, idle_next);
}

void pool_promote_candidates(struct pool *pool) {
    struct handler *handler;
    pool->context.app = pool->context.next_app;
    DL_FOREACH (pool->handlers, handler)
        if (handler->duty != DUTY_CANDIDATE)
            pool_retire(pool, handler);
        else if (handler->state == HANDLER_IDLE)
            promote(pool, handler);
    put_back_unwanted(pool);
    dispatch_tasks(pool);
    strength_balance(pool);
}

/* ---- the end ---- */

static void on_closed(uv_handle_t *handle) {
    struct pool *pool = handle->data;
    if (--pool->open_handles == 0)
        free(pool);
}

void pool_free(struct pool *pool) {
    if (pool == NULL)
        return;
    tasks_fini(&pool->tasks);
    calls_free(pool->context.calls);
    pool->open_handles = 5;
    uv_close((uv_handle_t *)&pool->relief, on_closed);
    uv_close((uv_handle_t *)&pool->refill, on_closed);
    uv_close((uv_handle_t *)&pool->trim, on_closed);
    uv_close((uv_handle_t *)&pool->raise, on_closed);
    uv_close((uv_handle_t *)&pool->watch, on_closed);
}
