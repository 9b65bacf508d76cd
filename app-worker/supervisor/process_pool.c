/* Events of children go to the scheduler; what it decides is done with children, tasks,
 * timers and the worker. */
#include "process_pool.h"

#include "app-worker/scheduler/scheduler.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "child.h"
#include "daemon/log.h"
#include "respawn.h"
#include "spawn.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <utlist.h>

enum { RECYCLING_JITTER_PERCENT = 10, LIVED_MS = 1000 };

struct process_pool {
    struct child_context context;
    struct process_pool_listener listener;
    crew_worker *worker;
    const struct settings *settings;
    struct scheduler *scheduler;
    struct task_names tasks;
    struct child *children;
    const char *app;      /* the file that processes load */
    const char *next_app; /* the same for candidates */
    struct respawn respawn;
    uv_timer_t
        respawn_timer; /* runs while processes that fail at once are not replaced */
    uv_timer_t timers[SCHEDULER_TIMER_COUNT];
    int open_handles;
};

/* ---- what the scheduler asks for ---- */

static uint64_t on_now(void *arg) {
    const struct process_pool *pool = arg;
    return uv_now(pool->context.loop);
}

static bool on_assign(void *arg, void *owner, void *task) {
    (void)arg;
    if (crew_task_begin(task) != CREW_OK)
        return false;
    child_run(owner, task);
    return true;
}

static void *on_revoke(void *arg, void *owner) {
    (void)arg;
    crew_task *task = child_revoke(owner);
    if (task != NULL)
        crew_task_unbegin(task);
    return task;
}

static void on_collect(void *arg, void *owner) {
    (void)arg;
    child_collect(owner);
}

static void on_requeue(void *arg, void *task) {
    (void)arg;
    crew_task_put_back(task);
}

static const char *on_task_name(void *arg, void *task) {
    struct crew_task_view view;
    (void)arg;
    crew_task_view(task, &view);
    return view.task;
}

static bool on_is_served(void *arg, const char *task_name) {
    const struct process_pool *pool = arg;
    return task_names_have(&pool->tasks, task_name);
}

static bool on_is_subcall(void *arg, void *task) {
    const struct process_pool *pool = arg;
    struct crew_task_view view;
    crew_task_view(task, &view);
    return subcalls_have(pool->context.subcalls, view.id);
}

static bool on_subcalls_are_sent(void *arg) {
    const struct process_pool *pool = arg;
    return subcalls_are_sent(pool->context.subcalls);
}

static void on_quit(void *arg, void *owner) {
    (void)arg;
    child_quit(owner);
}

static void on_kill(void *arg, void *owner) {
    (void)arg;
    child_kill(owner, CHILD_ORDERED, CREW_ELOST);
}

static void on_set_prefetch(void *arg, unsigned limit) {
    struct process_pool *pool = arg;
    crew_worker_set_prefetch(pool->worker, limit);
}

static void on_inspect_queue(void *arg, const char *task_name) {
    struct process_pool *pool = arg;
    crew_worker_look(pool->worker, task_name);
}

static void on_timer(uv_timer_t *timer) {
    struct process_pool *pool = timer->data;
    scheduler_timer_due(pool->scheduler, (enum scheduler_timer)(timer - pool->timers));
}

static void on_arm(void *arg, enum scheduler_timer timer, uint32_t delay_ms) {
    struct process_pool *pool = arg;
    uv_timer_start(&pool->timers[timer], on_timer, delay_ms, 0);
}

/* Null with errno. */
static struct child *start(struct process_pool *pool, enum process_role role) {
    struct child *child = child_start(
        &pool->context, role == PROCESS_CANDIDATE ? pool->next_app : pool->app);
    if (child == NULL)
        return NULL;
    DL_APPEND(pool->children, child);
    child->process = scheduler_add_process(pool->scheduler, role, child);
    return child;
}

static void on_respawn_timer(uv_timer_t *timer) {
    struct process_pool *pool = timer->data;
    scheduler_balance(pool->scheduler);
}

static bool pauses(struct process_pool *pool) {
    uint32_t pause_ms = respawn_pause_ms(&pool->respawn, clock_ms());
    if (pause_ms > 0)
        uv_timer_start(&pool->respawn_timer, on_respawn_timer, pause_ms, 0);
    return pause_ms > 0;
}

static bool on_start(void *arg) {
    struct process_pool *pool = arg;
    if (pauses(pool))
        return false;
    if (start(pool, PROCESS_ACTIVE) != NULL)
        return true;
    log_error("cannot start a handler process: %s", strerror(errno));
    respawn_failed(&pool->respawn, clock_ms());
    pauses(pool);
    return false;
}

static const struct scheduler_ops scheduler_ops = {
    .now_ms = on_now,
    .assign = on_assign,
    .revoke = on_revoke,
    .collect = on_collect,
    .requeue = on_requeue,
    .task_name = on_task_name,
    .is_served = on_is_served,
    .is_subcall = on_is_subcall,
    .subcalls_are_sent = on_subcalls_are_sent,
    .start = on_start,
    .quit = on_quit,
    .kill = on_kill,
    .set_prefetch = on_set_prefetch,
    .inspect_queue = on_inspect_queue,
    .arm = on_arm,
};

/* ---- events of children ---- */

static void on_child_ready(struct process_pool *pool, struct child *child) {
    const struct process_pool_listener *listener = &pool->listener;
    const struct settings *settings = pool->settings;
    bool is_candidate = scheduler_process_role(child->process) == PROCESS_CANDIDATE;
    bool limits_memory = settings->max_memory_bytes > 0;
    struct recycling recycling;
    recycling_init(
        &recycling, respawn_jitter(settings->max_requests, RECYCLING_JITTER_PERCENT),
        settings->max_memory_bytes, limits_memory ? spawn_memory_bytes(child->pid) : 0);
    if (!is_candidate && scheduler_phase(pool->scheduler) == SCHEDULER_PROBING) {
        task_names_move(&pool->tasks, &child->tasks);
        listener->ready(listener->arg);
    } else if (!is_candidate && !task_names_equal(&pool->tasks, &child->tasks)) {
        listener->changed(listener->arg);
    }
    scheduler_process_ready(pool->scheduler, child->process, &recycling);
    if (is_candidate)
        listener->candidate(listener->arg, NULL);
}

static void on_child_finished(void *arg, struct child *child) {
    struct process_pool *pool = arg;
    struct scheduler_process *process = child->process;
    bool was_active = scheduler_process_role(process) == PROCESS_ACTIVE;
    bool limits_memory = pool->settings->max_memory_bytes > 0;
    respawn_worked(&pool->respawn);
    scheduler_process_finished(pool->scheduler, process, child->last_run_us,
                               limits_memory ? spawn_memory_bytes(child->pid) : 0);
    if (was_active && scheduler_process_role(process) == PROCESS_EXPIRING)
        log_debug("handler process %d is recycled after %llu requests", (int)child->pid,
                  (unsigned long long)scheduler_process_finished_count(process));
}

/* It neither finished a request nor lived for long: to start the next one at once would
 * be no better. */
static bool failed_at_once(const struct child *child) {
    return child->end != CHILD_ORDERED &&
           scheduler_process_finished_count(child->process) == 0 &&
           (child->load_error != NULL || clock_ms() - child->started_ms < LIVED_MS);
}

static void report_exit(struct process_pool *pool, const struct child *child,
                        enum process_role role) {
    const struct process_pool_listener *listener = &pool->listener;
    const char *why = child->load_error;
    bool was_wanted = child->end != CHILD_ORDERED && role != PROCESS_RETIRED;
    if (role == PROCESS_CANDIDATE && was_wanted)
        listener->candidate(listener->arg,
                            why != NULL ? why : "a new handler process has died");
    else if (scheduler_phase(pool->scheduler) == SCHEDULER_PROBING)
        listener->unusable(listener->arg,
                           why != NULL ? why : "a handler process was killed");
    else if (why != NULL && was_wanted)
        log_error("cannot replace a handler process: %s", why);
}

static void report_empty(struct process_pool *pool) {
    if (scheduler_phase(pool->scheduler) >= SCHEDULER_DRAINING &&
        scheduler_is_empty(pool->scheduler))
        pool->listener.empty(pool->listener.arg);
}

static void on_child_exited(struct process_pool *pool, struct child *child) {
    enum process_role role = scheduler_process_role(child->process);
    if (failed_at_once(child))
        respawn_failed(&pool->respawn, clock_ms());
    DL_DELETE(pool->children, child);
    scheduler_remove_process(pool->scheduler, child->process);
    child->process = NULL;
    report_exit(pool, child, role);
    scheduler_balance(pool->scheduler);
    scheduler_dispatch(pool->scheduler);
    report_empty(pool);
}

static void on_child_ending(void *arg, struct child *child) {
    struct process_pool *pool = arg;
    if (child->process != NULL)
        scheduler_process_ending(pool->scheduler, child->process);
}

static void on_child_moved(void *arg, struct child *child, enum child_state from) {
    struct process_pool *pool = arg;
    struct scheduler *scheduler = pool->scheduler;
    switch (child->state) {
    case CHILD_IDLE:
        if (from == CHILD_STARTING)
            on_child_ready(pool, child);
        else
            on_child_finished(pool, child);
        break;
    case CHILD_BUSY:
        if (from == CHILD_WAITING)
            scheduler_process_resumed(scheduler, child->process);
        break;
    case CHILD_WAITING:
        scheduler_process_waiting(scheduler, child->process);
        break;
    case CHILD_STOPPING:
        scheduler_process_stopping(scheduler, child->process);
        break;
    case CHILD_LEAVING:
        on_child_ending(pool, child);
        break;
    case CHILD_KILLED:
        scheduler_dispatch(scheduler); /* what was revoked */
        break;
    case CHILD_GONE:
        on_child_exited(pool, child);
        break;
    default:
        break;
    }
}

static void on_child_revoke(void *arg, struct child *child, bool is_slow) {
    struct process_pool *pool = arg;
    scheduler_process_revoke(pool->scheduler, child->process, is_slow);
}

static void on_child_revoked(void *arg) {
    struct process_pool *pool = arg;
    scheduler_dispatch(pool->scheduler);
}

static bool on_child_may_wait(void *arg, struct child *child,
                              const struct crew_group *group) {
    struct process_pool *pool = arg;
    bool calls_itself = false;
    for (size_t i = 0; i < group->count; i++)
        if (task_names_have(&pool->tasks, group->calls[i].task))
            calls_itself = true;
    return scheduler_may_wait(pool->scheduler, child->process, calls_itself);
}

/* ---- what the supervisor asks for ---- */

struct process_pool *process_pool_new(uv_loop_t *loop, const struct settings *settings,
                                      const char *app, crew_worker *worker,
                                      const struct process_pool_listener *listener) {
    struct process_pool *pool = xcalloc(1, sizeof *pool);
    pool->listener = *listener;
    pool->worker = worker;
    pool->settings = settings;
    pool->app = app;
    pool->context = (struct child_context){
        .loop = loop,
        .settings = settings,
        .node_uuid = crew_worker_uuid(worker),
        .subcalls = subcalls_new(loop, &settings->broker),
        .arg = pool,
        .finished = on_child_finished,
        .revoke = on_child_revoke,
        .revoked = on_child_revoked,
        .ending = on_child_ending,
        .moved = on_child_moved,
        .may_wait = on_child_may_wait,
    };
    const struct scheduler_options options = {.processes = settings->processes,
                                              .max_processes = settings->max_processes,
                                              .prefetch = settings->prefetch,
                                              .max_prefetch = settings->max_prefetch};
    pool->scheduler = scheduler_new(&options, &scheduler_ops, pool);
    uv_timer_init(loop, &pool->respawn_timer);
    pool->respawn_timer.data = pool;
    for (size_t i = 0; i < SCHEDULER_TIMER_COUNT; i++) {
        uv_timer_init(loop, &pool->timers[i]);
        pool->timers[i].data = pool;
    }
    scheduler_balance(pool->scheduler);
    return pool;
}

void process_pool_add(struct process_pool *pool, crew_task *task) {
    scheduler_add_task(pool->scheduler, task);
}

void process_pool_queue_inspected(struct process_pool *pool, const char *task,
                                  uint32_t messages, uint32_t consumers) {
    scheduler_queue_inspected(pool->scheduler, task, messages, consumers);
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

void process_pool_stream_closed(struct process_pool *pool, const crew_task *task) {
    struct child *child = child_of(pool, task);
    if (child != NULL)
        child_stream_closed(child);
}

void process_pool_hold(struct process_pool *pool, bool is_held) {
    scheduler_hold(pool->scheduler, is_held);
}

void process_pool_flush(struct process_pool *pool) {
    children_flush(&pool->context);
}

const struct task_names *process_pool_tasks(const struct process_pool *pool) {
    return &pool->tasks;
}

void process_pool_drain(struct process_pool *pool) {
    scheduler_drain(pool->scheduler);
    report_empty(pool);
}

void process_pool_close(struct process_pool *pool) {
    scheduler_close(pool->scheduler);
    report_empty(pool);
}

static struct child *child_with_pid(const struct process_pool *pool, pid_t pid) {
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

/* A process is waited for last: until then the id of its group is not given to another.
 * As the first process of a container this program has to wait for unknown ones, too. */
void process_pool_reap(struct process_pool *pool) {
    siginfo_t info = {0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0) {
        struct child *child = child_with_pid(pool, info.si_pid);
        if (child != NULL)
            child_reaped(child, wait_status(&info));
        waitpid(info.si_pid, NULL, 0);
        info = (siginfo_t){0};
    }
}

/* ---- for a reload ---- */

int process_pool_start_candidates(struct process_pool *pool, unsigned count,
                                  const char *app) {
    pool->next_app = app;
    for (unsigned i = 0; i < count; i++)
        if (start(pool, PROCESS_CANDIDATE) == NULL)
            return -1;
    return 0;
}

void process_pool_drop_candidates(struct process_pool *pool) {
    scheduler_drop_candidates(pool->scheduler);
}

void process_pool_promote_candidates(struct process_pool *pool) {
    struct child *child;
    pool->app = pool->next_app;
    DL_FOREACH (pool->children, child)
        if (scheduler_process_role(child->process) == PROCESS_CANDIDATE &&
            child->state == CHILD_IDLE)
            task_names_move(&pool->tasks, &child->tasks);
    scheduler_promote_candidates(pool->scheduler);
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
    subcalls_free(pool->context.subcalls);
    scheduler_free(pool->scheduler);
    pool->open_handles = 1 + SCHEDULER_TIMER_COUNT;
    uv_close((uv_handle_t *)&pool->respawn_timer, on_closed);
    for (size_t i = 0; i < SCHEDULER_TIMER_COUNT; i++)
        uv_close((uv_handle_t *)&pool->timers[i], on_closed);
}
