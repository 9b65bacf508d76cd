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

/* A child, and the same process as the scheduler knows it. */
struct member {
    struct process_pool *pool;
    struct child *child;
    struct scheduler_process *process; /* null while it starts */
    struct member *prev;
    struct member *next;
};

struct process_pool {
    struct child_context context;
    struct process_pool_listener listener;
    crew_worker *worker;
    const struct settings *settings;
    struct scheduler *scheduler;
    struct task_names tasks;
    struct member *members;
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
    const struct member *member = owner;
    (void)arg;
    if (crew_task_begin(task) != CREW_OK)
        return false;
    child_assign(member->child, task);
    return true;
}

static void *on_revoke(void *arg, void *owner) {
    const struct member *member = owner;
    (void)arg;
    crew_task *task = child_revoke(member->child);
    if (task != NULL)
        crew_task_unbegin(task);
    return task;
}

static void on_collect(void *arg, void *owner) {
    const struct member *member = owner;
    (void)arg;
    child_collect(member->child);
}

static void on_requeue(void *arg, void *task) {
    (void)arg;
    crew_task_requeue(task);
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

static bool on_are_subcalls_sent(void *arg) {
    const struct process_pool *pool = arg;
    return subcalls_are_sent(pool->context.subcalls);
}

static void on_quit(void *arg, void *owner) {
    const struct member *member = owner;
    (void)arg;
    child_quit(member->child);
}

static void on_kill(void *arg, void *owner) {
    const struct member *member = owner;
    (void)arg;
    child_kill(member->child);
}

static void on_set_prefetch(void *arg, unsigned limit) {
    struct process_pool *pool = arg;
    crew_worker_set_prefetch(pool->worker, limit);
}

static void on_inspect_queue(void *arg, const char *task_name) {
    struct process_pool *pool = arg;
    crew_worker_inspect_queue(pool->worker, task_name);
}

static void on_timer(uv_timer_t *timer) {
    struct process_pool *pool = timer->data;
    scheduler_timer_due(pool->scheduler, (enum scheduler_timer)(timer - pool->timers));
}

static void on_arm(void *arg, enum scheduler_timer timer, uint32_t delay_ms) {
    struct process_pool *pool = arg;
    uv_timer_start(&pool->timers[timer], on_timer, delay_ms, 0);
}

/* False with errno. */
static bool start(struct process_pool *pool, enum process_role role) {
    const char *app = role == PROCESS_CANDIDATE ? pool->next_app : pool->app;
    struct member *member = xcalloc(1, sizeof *member);
    member->pool = pool;
    member->child = child_start(&pool->context, app, member);
    if (member->child == NULL) {
        int error = errno;
        free(member);
        errno = error;
        return false;
    }
    DL_APPEND(pool->members, member);
    member->process = scheduler_add_process(pool->scheduler, role, member);
    return true;
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
    if (start(pool, PROCESS_ACTIVE))
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
    .are_subcalls_sent = on_are_subcalls_sent,
    .start = on_start,
    .quit = on_quit,
    .kill = on_kill,
    .set_prefetch = on_set_prefetch,
    .inspect_queue = on_inspect_queue,
    .arm = on_arm,
};

/* ---- events of children ---- */

/* Read only where it is limited. */
static size_t memory_bytes(const struct member *member) {
    bool is_limited = member->pool->settings->max_memory_bytes > 0;
    return is_limited ? spawn_memory_bytes(child_pid(member->child)) : 0;
}

static void on_ready(void *owner) {
    struct member *member = owner;
    struct process_pool *pool = member->pool;
    const struct process_pool_listener *listener = &pool->listener;
    const struct settings *settings = pool->settings;
    struct task_names *tasks = child_tasks(member->child);
    bool is_candidate = scheduler_process_role(member->process) == PROCESS_CANDIDATE;
    struct recycling recycling;
    recycling_init(&recycling,
                   respawn_jitter(settings->max_requests, RECYCLING_JITTER_PERCENT),
                   settings->max_memory_bytes, memory_bytes(member));
    if (!is_candidate && scheduler_phase(pool->scheduler) == SCHEDULER_PROBING) {
        task_names_move(&pool->tasks, tasks);
        listener->ready(listener->arg);
    } else if (!is_candidate && !task_names_equal(&pool->tasks, tasks)) {
        listener->changed(listener->arg);
    }
    scheduler_process_ready(pool->scheduler, member->process, &recycling);
    if (is_candidate)
        listener->candidate(listener->arg, NULL);
}

static void on_finished(void *owner, uint64_t run_us) {
    struct member *member = owner;
    struct process_pool *pool = member->pool;
    struct scheduler_process *process = member->process;
    bool was_active = scheduler_process_role(process) == PROCESS_ACTIVE;
    respawn_worked(&pool->respawn);
    scheduler_process_finished(pool->scheduler, process, run_us, memory_bytes(member));
    if (was_active && scheduler_process_role(process) == PROCESS_EXPIRING)
        log_debug("handler process %d is recycled after %llu requests",
                  (int)child_pid(member->child),
                  (unsigned long long)scheduler_process_finished_count(process));
}

static void on_revoke_pipelined(void *owner, bool is_slow) {
    struct member *member = owner;
    scheduler_process_revoke(member->pool->scheduler, member->process, is_slow);
}

static void on_revoked(void *owner) {
    struct member *member = owner;
    scheduler_dispatch(member->pool->scheduler);
}

static bool on_may_wait(void *owner, const struct crew_group *group) {
    struct member *member = owner;
    struct process_pool *pool = member->pool;
    bool calls_itself = false;
    for (size_t i = 0; i < group->count; i++)
        if (task_names_have(&pool->tasks, group->calls[i].task))
            calls_itself = true;
    return scheduler_may_wait(pool->scheduler, member->process, calls_itself);
}

static void on_waiting(void *owner) {
    struct member *member = owner;
    scheduler_process_waiting(member->pool->scheduler, member->process);
}

static void on_resumed(void *owner) {
    struct member *member = owner;
    scheduler_process_resumed(member->pool->scheduler, member->process);
}

static void on_stopping(void *owner) {
    struct member *member = owner;
    scheduler_process_stopping(member->pool->scheduler, member->process);
}

static void on_ending(void *owner) {
    struct member *member = owner;
    if (member->process != NULL)
        scheduler_process_ending(member->pool->scheduler, member->process);
}

/* It neither finished a request nor lived for long: to start the next one at once would
 * be no better. */
static bool failed_at_once(const struct member *member, const struct child_exit *exit) {
    return !exit->was_ordered && scheduler_process_finished_count(member->process) == 0 &&
           (exit->load_error != NULL || exit->lived_ms < LIVED_MS);
}

static void report_exit(struct process_pool *pool, const struct child_exit *exit,
                        enum process_role role) {
    const struct process_pool_listener *listener = &pool->listener;
    const char *why = exit->load_error;
    bool was_wanted = !exit->was_ordered && role != PROCESS_RETIRED;
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

static void on_exited(void *owner, const struct child_exit *exit) {
    struct member *member = owner;
    struct process_pool *pool = member->pool;
    enum process_role role = scheduler_process_role(member->process);
    if (failed_at_once(member, exit))
        respawn_failed(&pool->respawn, clock_ms());
    scheduler_remove_process(pool->scheduler, member->process);
    DL_DELETE(pool->members, member);
    free(member);
    report_exit(pool, exit, role);
    scheduler_balance(pool->scheduler);
    scheduler_dispatch(pool->scheduler);
    report_empty(pool);
}

static const struct child_listener child_listener = {
    .ready = on_ready,
    .finished = on_finished,
    .revoke = on_revoke_pipelined,
    .revoked = on_revoked,
    .may_wait = on_may_wait,
    .waiting = on_waiting,
    .resumed = on_resumed,
    .stopping = on_stopping,
    .ending = on_ending,
    .exited = on_exited,
};

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
        .listener = &child_listener,
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
    const struct member *member;
    DL_FOREACH (pool->members, member)
        if (child_current_task(member->child) == task)
            return member->child;
    return NULL;
}

void process_pool_credit(struct process_pool *pool, const crew_task *task,
                         uint32_t allowed_bytes) {
    struct child *child = child_of(pool, task);
    if (child != NULL)
        child_credit(child, allowed_bytes);
}

void process_pool_unread(struct process_pool *pool, const crew_task *task) {
    struct child *child = child_of(pool, task);
    if (child != NULL)
        child_unread(child);
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
    const struct member *member;
    DL_FOREACH (pool->members, member)
        if (child_pid(member->child) == pid)
            return member->child;
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
        if (!start(pool, PROCESS_CANDIDATE))
            return -1;
    return 0;
}

void process_pool_drop_candidates(struct process_pool *pool) {
    scheduler_drop_candidates(pool->scheduler);
}

void process_pool_promote_candidates(struct process_pool *pool) {
    const struct member *member;
    pool->app = pool->next_app;
    DL_FOREACH (pool->members, member)
        if (scheduler_process_role(member->process) == PROCESS_CANDIDATE)
            task_names_move(&pool->tasks, child_tasks(member->child));
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
