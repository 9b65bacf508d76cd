/* Tasks wait in a queue, first come, first served (the broker has ordered them); idle
 * processes are a stack: the one that worked last works next, so that those that are not
 * needed stay idle and can be retired.
 *
 *   prefetch  as prefetch.h says, and one more for each process that holds a task without
 *             being available for another one (its handler waits for a subcall, or it is
 *             retired), and for each task that waits because the last process is reserved
 *             for subcalls.
 *
 * More processes and a higher prefetch come soon; less only once a second, because each
 * change costs a message to the broker or the start of a process, and subcalls come and
 * go. */
#include "scheduler.h"

#include "base/xalloc.h"
#include "daemon/log.h"
#include "prefetch.h"
#include "runtime_estimator.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    REBALANCE_MS = 2,
    SPARE_IDLE_MS = 10 * 1000, /* before a process too many is retired */
    TRIM_MS = 1000,
    RAISE_PREFETCH_MS = 2,
    CLOGGED_MS = 10,         /* before tasks are requeued that keep out subcalls */
    SATURATION_MS = 40,      /* that a task may wait here */
    REQUEUE_BEHIND_MS = 500, /* the same, before it is requeued behind others */
};

#define AFFINITY_WORK_US 100u  /* assigned to one process although others are idle */
#define PIPELINE_WORK_US 500u  /* that may wait in a process behind what it runs */
#define SUBCALL_PEAK_US 20001u /* a handler that waits for a subcall is not short */

enum process_state {
    STATE_STARTING, /* scheduler_process_ready is awaited */
    STATE_IDLE,     /* may be assigned a task */
    STATE_BUSY,     /* runs a task, and may have pipelined ones */
    STATE_WAITING,  /* the same, but its handler waits for a subcall */
    STATE_STOPPING, /* its handler was asked to stop */
    STATE_ENDING    /* takes no tasks; its exit is awaited */
};

struct scheduler_process {
    enum process_state state;
    enum process_role role;
    void *owner;
    bool holds_task;
    bool is_slow;           /* BUSY: nothing is pipelined behind this task */
    bool waits_on_self;     /* its subcalls are to tasks of this worker */
    bool is_listed_idle;    /* is in scheduler->idle */
    unsigned pipelined;     /* tasks behind the one that runs */
    uint64_t finished;      /* tasks */
    uint64_t finished_then; /* at the last SCHEDULER_REBALANCE */
    uint64_t idle_since_ms;
    struct recycling recycling;
    struct scheduler_process *prev; /* all */
    struct scheduler_process *next;
    struct scheduler_process *idle_prev;
    struct scheduler_process *idle_next;
};

struct queued_task {
    void *task;
    uint64_t since_ms;
    struct queued_task *prev;
    struct queued_task *next;
};

struct scheduler {
    enum scheduler_phase phase;
    const struct scheduler_ops *ops;
    void *arg;
    bool is_held;
    struct queued_task *queue; /* tasks that are not assigned */
    unsigned queued;
    struct scheduler_process *processes;
    struct scheduler_process *idle;   /* ACTIVE and EXPIRING ones; the latest first */
    struct scheduler_process *latest; /* BUSY, and was assigned a task last; or null */
    unsigned pipelined;               /* of all processes */
    unsigned prefetch_set;            /* the limit that the broker was told */
    bool is_armed[SCHEDULER_TIMER_COUNT];
    struct autoscale autoscale;
    struct autoscale_counts counts;
    struct prefetch prefetch;
    struct runtime_estimator runtime;
};

struct scheduler *scheduler_new(const struct scheduler_options *options,
                                const struct scheduler_ops *ops, void *arg) {
    struct scheduler *scheduler = xcalloc(1, sizeof *scheduler);
    scheduler->ops = ops;
    scheduler->arg = arg;
    scheduler->prefetch_set = options->prefetch;
    scheduler->autoscale = (struct autoscale){.processes = options->processes,
                                              .max_processes = options->max_processes};
    prefetch_init(&scheduler->prefetch, options->processes, options->prefetch,
                  options->max_prefetch);
    runtime_estimator_init(&scheduler->runtime);
    return scheduler;
}

void scheduler_free(struct scheduler *scheduler) {
    free(scheduler);
}

enum scheduler_phase scheduler_phase(const struct scheduler *scheduler) {
    return scheduler->phase;
}

bool scheduler_is_empty(const struct scheduler *scheduler) {
    return scheduler->processes == NULL && scheduler->queue == NULL;
}

enum process_role scheduler_process_role(const struct scheduler_process *process) {
    return process->role;
}

uint64_t scheduler_process_finished_count(const struct scheduler_process *process) {
    return process->finished;
}

static uint64_t now_ms(const struct scheduler *scheduler) {
    return scheduler->ops->now_ms(scheduler->arg);
}

static void arm(struct scheduler *scheduler, enum scheduler_timer timer, uint32_t ms) {
    if (!scheduler->is_armed[timer])
        scheduler->ops->arm(scheduler->arg, timer, ms);
    scheduler->is_armed[timer] = true;
}

/* ---- the state of a process ---- */

/* By 1 or -1 (modulo 2^32). */
static void count(struct autoscale_counts *counts,
                  const struct scheduler_process *process, unsigned by) {
    bool is_ending = process->state == STATE_ENDING;
    bool is_waiting = process->state == STATE_WAITING;
    if (process->holds_task)
        counts->holding += by;
    if (process->holds_task && process->role == PROCESS_RETIRED)
        counts->detached += by;
    if (is_ending || process->role == PROCESS_RETIRED)
        return;
    counts->serving += by;
    if (process->role == PROCESS_CANDIDATE)
        return;
    counts->taking += by;
    counts->taking_waiting += is_waiting ? by : 0;
    if (process->role == PROCESS_EXPIRING) {
        counts->expiring += by;
        return;
    }
    counts->active += by;
    counts->ready += process->state != STATE_STARTING ? by : 0;
    counts->waiting += is_waiting ? by : 0;
}

static void set_role(struct scheduler *scheduler, struct scheduler_process *process,
                     enum process_role role) {
    count(&scheduler->counts, process, -1u);
    process->role = role;
    count(&scheduler->counts, process, 1);
}

/* The one place where the state changes. A process that ends may still hold a task. */
static void set_state(struct scheduler *scheduler, struct scheduler_process *process,
                      enum process_state state) {
    if (process->is_listed_idle)
        DL_DELETE2(scheduler->idle, process, idle_prev, idle_next);
    process->is_listed_idle = false;
    if (process == scheduler->latest && state != STATE_BUSY)
        scheduler->latest = NULL;
    if (process->waits_on_self && state == STATE_WAITING)
        scheduler->autoscale.waiting_on_self++;
    if (process->waits_on_self && process->state == STATE_WAITING)
        scheduler->autoscale.waiting_on_self--;
    count(&scheduler->counts, process, -1u);
    process->state = state;
    if (state != STATE_ENDING)
        process->holds_task = state > STATE_IDLE;
    count(&scheduler->counts, process, 1);
    if (state == STATE_IDLE)
        process->idle_since_ms = now_ms(scheduler);
}

static void list_idle(struct scheduler *scheduler, struct scheduler_process *process) {
    DL_PREPEND2(scheduler->idle, process, idle_prev, idle_next);
    process->is_listed_idle = true;
}

static bool is_reserved(const struct scheduler *scheduler) {
    return autoscale_is_reserved(&scheduler->autoscale, &scheduler->counts);
}

/* ---- the queue ---- */

/* Tasks that no process will serve any more were on their way while the queue was given
 * up. */
static bool is_wanted(const struct scheduler *scheduler, void *task) {
    const struct scheduler_ops *ops = scheduler->ops;
    if (scheduler->phase == SCHEDULER_CLOSED ||
        (scheduler->phase == SCHEDULER_DRAINING && scheduler->counts.serving == 0))
        return false;
    return ops->is_served(scheduler->arg, ops->task_name(scheduler->arg, task));
}

static void watch_for_saturation(struct scheduler *scheduler) {
    if (scheduler->prefetch.max > scheduler->prefetch.base)
        arm(scheduler, SCHEDULER_SATURATION, SATURATION_MS);
}

static void enqueue(struct scheduler *scheduler, void *task, bool is_first) {
    struct queued_task *queued = xcalloc(1, sizeof *queued);
    queued->task = task;
    queued->since_ms = now_ms(scheduler);
    if (is_first)
        DL_PREPEND(scheduler->queue, queued);
    else
        DL_APPEND(scheduler->queue, queued);
    scheduler->queued++;
}

static void *dequeue(struct scheduler *scheduler, struct queued_task *queued) {
    void *task = queued->task;
    DL_DELETE(scheduler->queue, queued);
    scheduler->queued--;
    free(queued);
    return task;
}

static void requeue(struct scheduler *scheduler, struct queued_task *queued) {
    scheduler->ops->requeue(scheduler->arg, dequeue(scheduler, queued));
}

static void requeue_all(struct scheduler *scheduler) {
    while (scheduler->queue != NULL)
        requeue(scheduler, scheduler->queue);
}

static void requeue_unwanted(struct scheduler *scheduler) {
    struct queued_task *queued, *next;
    DL_FOREACH_SAFE (scheduler->queue, queued, next)
        if (!is_wanted(scheduler, queued->task))
            requeue(scheduler, queued);
}

/* A revoked task was before those that still wait. */
static void take_back(struct scheduler *scheduler, void *task) {
    if (!is_wanted(scheduler, task)) {
        scheduler->ops->requeue(scheduler->arg, task);
        return;
    }
    enqueue(scheduler, task, true);
    watch_for_saturation(scheduler);
}

static void revoke(struct scheduler *scheduler, struct scheduler_process *process,
                   unsigned most) {
    void *task;
    while (most-- > 0 && process->pipelined > 0 &&
           (task = scheduler->ops->revoke(scheduler->arg, process->owner)) != NULL) {
        process->pipelined--;
        scheduler->pipelined--;
        take_back(scheduler, task);
    }
}

static void revoke_all(struct scheduler *scheduler, struct scheduler_process *process) {
    revoke(scheduler, process, SCHEDULER_MAX_PIPELINED);
}

/* ---- the prefetch ---- */

/* Tasks that keep out the subcalls for which the last process is reserved: those may be
 * in other queues, among which the broker chooses as it likes. */
static unsigned held_back(const struct scheduler *scheduler) {
    unsigned most = scheduler->autoscale.max_processes;
    if (!is_reserved(scheduler))
        return 0;
    return scheduler->queued < most ? scheduler->queued : most;
}

static unsigned needed_prefetch(const struct scheduler *scheduler) {
    return autoscale_spares(&scheduler->autoscale, &scheduler->counts) +
           scheduler->counts.detached + held_back(scheduler);
}

static unsigned wanted_prefetch(const struct scheduler *scheduler) {
    return prefetch_limit(&scheduler->prefetch, needed_prefetch(scheduler),
                          scheduler->idle != NULL || scheduler->counts.waiting > 0);
}

static void set_prefetch(struct scheduler *scheduler, unsigned limit) {
    if (limit == scheduler->prefetch_set)
        return;
    scheduler->ops->set_prefetch(scheduler->arg, limit);
    scheduler->prefetch_set = limit;
}

static void adapt_prefetch(struct scheduler *scheduler) {
    if (!prefetch_adapt(&scheduler->prefetch, scheduler->runtime.peak_us,
                        scheduler->autoscale.calls_itself, now_ms(scheduler)))
        return;
    log_debug("slow runs take %u us: prefetch %u tasks more than processes",
              scheduler->runtime.peak_us, scheduler->prefetch.extra);
    set_prefetch(scheduler, wanted_prefetch(scheduler));
}

/* Tasks in hand that are more than there are, or soon will be, processes for. */
static unsigned surplus(const struct scheduler *scheduler) {
    unsigned most = scheduler->prefetch.base + needed_prefetch(scheduler);
    unsigned held = scheduler->queued + scheduler->counts.holding;
    return held > most ? held - most : 0;
}

/* The reserved process idles, since all tasks that came are other ones, and no more of
 * those are taken: they have to go back to their queues. */
static bool is_clogged(const struct scheduler *scheduler) {
    return scheduler->idle != NULL &&
           held_back(scheduler) == scheduler->autoscale.max_processes;
}

/* A subcall that has just been made should be taken before one more task that may call,
 * too. So the limit is raised when the subcall has had the time to reach its queue, where
 * it has the highest priority. */
static void raise_prefetch(struct scheduler *scheduler) {
    unsigned wanted = wanted_prefetch(scheduler);
    if (!scheduler->ops->are_subcalls_sent(scheduler->arg))
        arm(scheduler, SCHEDULER_RAISE_PREFETCH, RAISE_PREFETCH_MS);
    else if (wanted > scheduler->prefetch_set)
        set_prefetch(scheduler, wanted);
    else if (is_clogged(scheduler))
        requeue_all(scheduler);
}

/* ---- saturation ---- */

/* A task that is requeued goes to the end of its queue. Where nothing waits in that, it
 * loses no turn, and another worker may have an idle process. Where others wait, all
 * workers are busy; then a task goes back only when it has waited for long. */
void scheduler_queue_inspected(struct scheduler *scheduler, const char *task_name,
                               uint32_t messages, uint32_t consumers) {
    const struct scheduler_ops *ops = scheduler->ops;
    struct queued_task *queued, *next;
    if (scheduler->prefetch.mode != PREFETCH_SATURATED || consumers < 2)
        return;
    uint64_t now = now_ms(scheduler);
    unsigned most = surplus(scheduler), requeued = 0;
    DL_FOREACH_SAFE (scheduler->queue, queued, next) {
        if (requeued == most)
            break;
        if (strcmp(ops->task_name(scheduler->arg, queued->task), task_name) != 0 ||
            (messages > 0 && now - queued->since_ms < REQUEUE_BEHIND_MS))
            continue;
        requeue(scheduler, queued);
        requeued++;
    }
    log_debug("%u tasks are requeued for other workers", requeued);
}

static void inspect_queues(struct scheduler *scheduler) {
    const struct scheduler_ops *ops = scheduler->ops;
    const struct queued_task *queued;
    DL_FOREACH (scheduler->queue, queued)
        ops->inspect_queue(scheduler->arg, ops->task_name(scheduler->arg, queued->task));
}

static void check_saturation(struct scheduler *scheduler, uint64_t waited_ms) {
    if (scheduler->phase != SCHEDULER_SERVING || scheduler->idle != NULL ||
        is_reserved(scheduler) || surplus(scheduler) == 0)
        return;
    if (scheduler->prefetch.mode != PREFETCH_SATURATED) {
        log_debug("saturated: tasks have waited for %llu ms",
                  (unsigned long long)waited_ms);
        runtime_estimator_add_peak(&scheduler->runtime, waited_ms * 1000);
        prefetch_saturate(&scheduler->prefetch, now_ms(scheduler));
        set_prefetch(scheduler, wanted_prefetch(scheduler));
    }
    inspect_queues(scheduler);
}

static void on_saturation_timer(struct scheduler *scheduler) {
    if (scheduler->queue == NULL)
        return;
    uint64_t waited_ms = now_ms(scheduler) - scheduler->queue->since_ms;
    if (waited_ms >= SATURATION_MS)
        check_saturation(scheduler, waited_ms);
    arm(scheduler, SCHEDULER_SATURATION,
        waited_ms < SATURATION_MS ? SATURATION_MS - (uint32_t)waited_ms : SATURATION_MS);
}

static void note_idle(struct scheduler *scheduler) {
    if (prefetch_relax(&scheduler->prefetch))
        set_prefetch(scheduler, wanted_prefetch(scheduler));
}

/* ---- which process runs which task ---- */

/* The last process is kept for the calls to this worker that handlers wait for. */
static struct queued_task *next_task(const struct scheduler *scheduler) {
    struct queued_task *queued = scheduler->queue;
    if (is_reserved(scheduler))
        while (queued != NULL &&
               !scheduler->ops->is_subcall(scheduler->arg, queued->task))
            queued = queued->next;
    return queued;
}

/* How many tasks may be pipelined in a process: none, unless they are so short that the
 * way there and back would be the longer part. */
static unsigned pipeline_depth(const struct scheduler *scheduler) {
    uint32_t average_us = scheduler->runtime.average_us;
    if (average_us == 0 || scheduler->phase != SCHEDULER_SERVING ||
        is_reserved(scheduler))
        return 0;
    uint32_t tasks = PIPELINE_WORK_US / average_us;
    return tasks < SCHEDULER_MAX_PIPELINED ? tasks : SCHEDULER_MAX_PIPELINED;
}

static bool takes_pipelined(const struct scheduler_process *process) {
    return process->state == STATE_BUSY && process->role == PROCESS_ACTIVE &&
           !process->is_slow;
}

static struct scheduler_process *shortest_pipeline(const struct scheduler *scheduler) {
    unsigned fewest = pipeline_depth(scheduler);
    struct scheduler_process *found = NULL, *process;
    if (fewest == 0)
        return NULL;
    DL_FOREACH (scheduler->processes, process) {
        if (!takes_pipelined(process) || process->pipelined >= fewest)
            continue;
        found = process;
        fewest = process->pipelined;
    }
    return found;
}

/* Affinity: the answers of very short tasks that go to one process come back together. */
static struct scheduler_process *latest_process(const struct scheduler *scheduler) {
    struct scheduler_process *process = scheduler->latest;
    uint32_t average_us = scheduler->runtime.average_us;
    if (process == NULL || average_us > AFFINITY_WORK_US || !takes_pipelined(process) ||
        process->pipelined >= pipeline_depth(scheduler) ||
        process->pipelined + 1 >= AFFINITY_WORK_US / average_us)
        return NULL;
    return process;
}

static struct scheduler_process *next_process(const struct scheduler *scheduler) {
    struct scheduler_process *process = latest_process(scheduler);
    if (process != NULL)
        return process;
    return scheduler->idle != NULL ? scheduler->idle : shortest_pipeline(scheduler);
}

static void assign(struct scheduler *scheduler, struct scheduler_process *process,
                   void *task) {
    if (!scheduler->ops->assign(scheduler->arg, process->owner, task))
        return;
    if (process->state == STATE_BUSY) {
        process->pipelined++;
        scheduler->pipelined++;
    } else {
        set_state(scheduler, process, STATE_BUSY);
    }
    scheduler->latest = process;
}

void scheduler_dispatch(struct scheduler *scheduler) {
    struct queued_task *queued;
    struct scheduler_process *process;
    if (scheduler->is_held)
        return;
    while (scheduler->queue != NULL && (process = next_process(scheduler)) != NULL &&
           (queued = next_task(scheduler)) != NULL)
        assign(scheduler, process, dequeue(scheduler, queued));
    if (scheduler->pipelined > 0)
        arm(scheduler, SCHEDULER_REBALANCE, REBALANCE_MS);
    if (scheduler->idle != NULL && scheduler->queue != NULL)
        scheduler_balance(scheduler);
}

void scheduler_add_task(struct scheduler *scheduler, void *task) {
    if (!is_wanted(scheduler, task)) {
        scheduler->ops->requeue(scheduler->arg, task);
        return;
    }
    enqueue(scheduler, task, false);
    scheduler_dispatch(scheduler);
    if (scheduler->queue != NULL)
        watch_for_saturation(scheduler);
}

void scheduler_hold(struct scheduler *scheduler, bool is_held) {
    bool is_released = scheduler->is_held && !is_held;
    scheduler->is_held = is_held;
    if (is_released)
        scheduler_dispatch(scheduler);
}

/* ---- rebalance and preempt ---- */

/* An idle process gets half of the longest pipeline, if that is worth the way. */
static void rebalance(struct scheduler *scheduler) {
    struct scheduler_process *process, *longest = scheduler->idle;
    if (scheduler->pipelined == 0 || longest == NULL)
        return;
    DL_FOREACH (scheduler->processes, process)
        if (process->pipelined > longest->pipelined)
            longest = process;
    if (longest->pipelined * scheduler->runtime.average_us > AFFINITY_WORK_US) {
        revoke(scheduler, longest, (longest->pipelined + 1) / 2);
        scheduler_dispatch(scheduler);
    }
}

/* A task that takes long after all: the answers that its process has stored are read, and
 * the tasks behind it go to other processes, can be cancelled, and expire. */
static void preempt(struct scheduler *scheduler, struct scheduler_process *process) {
    scheduler->ops->collect(scheduler->arg, process->owner);
    if (process->state != STATE_BUSY || process->pipelined == 0)
        return;
    process->is_slow = true;
    revoke_all(scheduler, process);
}

static void on_rebalance_timer(struct scheduler *scheduler) {
    struct scheduler_process *process;
    DL_FOREACH (scheduler->processes, process) {
        if (process->pipelined > 0 && process->finished == process->finished_then)
            preempt(scheduler, process);
        process->finished_then = process->finished;
    }
    scheduler_dispatch(scheduler);
    if (scheduler->pipelined > 0)
        arm(scheduler, SCHEDULER_REBALANCE, REBALANCE_MS);
}

/* ---- how many processes ---- */

static unsigned target_processes(const struct scheduler *scheduler) {
    return autoscale_target(&scheduler->autoscale, scheduler->phase, &scheduler->counts,
                            scheduler->queue != NULL);
}

/* No more tasks for this process: it quits as soon as it has none. */
static void retire(struct scheduler *scheduler, struct scheduler_process *process) {
    revoke_all(scheduler, process);
    enum process_state state = process->state;
    if (state == STATE_IDLE)
        set_state(scheduler, process, STATE_ENDING);
    set_role(scheduler, process, PROCESS_RETIRED);
    if (state == STATE_IDLE)
        scheduler->ops->quit(scheduler->arg, process->owner);
    else if (state == STATE_STARTING)
        scheduler->ops->kill(scheduler->arg, process->owner);
}

static void retire_expiring(struct scheduler *scheduler) {
    struct scheduler_process *process;
    if (scheduler->counts.expiring == 0)
        return;
    DL_FOREACH (scheduler->processes, process)
        if (process->role == PROCESS_EXPIRING && process->state != STATE_ENDING)
            retire(scheduler, process);
}

void scheduler_balance(struct scheduler *scheduler) {
    unsigned target = target_processes(scheduler);
    unsigned limit = wanted_prefetch(scheduler);
    if (limit > scheduler->prefetch_set || is_clogged(scheduler))
        arm(scheduler, SCHEDULER_RAISE_PREFETCH,
            is_clogged(scheduler) ? CLOGGED_MS : RAISE_PREFETCH_MS);
    if (scheduler->counts.ready >= target)
        retire_expiring(scheduler);
    while (scheduler->counts.active < target)
        if (!scheduler->ops->start(scheduler->arg))
            break;
    if (scheduler->counts.active > target || limit < scheduler->prefetch_set)
        arm(scheduler, SCHEDULER_TRIM, TRIM_MS);
}

/* The last of the stack has been idle for the longest time. */
static struct scheduler_process *longest_idle(const struct scheduler *scheduler) {
    struct scheduler_process *last =
        scheduler->idle != NULL ? scheduler->idle->idle_prev : NULL;
    return last != NULL && now_ms(scheduler) - last->idle_since_ms >= SPARE_IDLE_MS
               ? last
               : NULL;
}

static void on_trim_timer(struct scheduler *scheduler) {
    unsigned target = target_processes(scheduler);
    struct scheduler_process *spare;
    while (scheduler->counts.active > target && (spare = longest_idle(scheduler)) != NULL)
        retire(scheduler, spare);
    set_prefetch(scheduler, wanted_prefetch(scheduler));
    if (scheduler->counts.active > target)
        arm(scheduler, SCHEDULER_TRIM, TRIM_MS);
}

void scheduler_timer_due(struct scheduler *scheduler, enum scheduler_timer timer) {
    static void (*const handlers[SCHEDULER_TIMER_COUNT])(struct scheduler *) = {
        [SCHEDULER_REBALANCE] = on_rebalance_timer,
        [SCHEDULER_TRIM] = on_trim_timer,
        [SCHEDULER_RAISE_PREFETCH] = raise_prefetch,
        [SCHEDULER_SATURATION] = on_saturation_timer,
    };
    scheduler->is_armed[timer] = false;
    handlers[timer](scheduler);
}

/* ---- events of a process ---- */

struct scheduler_process *scheduler_add_process(struct scheduler *scheduler,
                                                enum process_role role, void *owner) {
    struct scheduler_process *process = xcalloc(1, sizeof *process);
    process->role = role;
    process->owner = owner;
    DL_APPEND(scheduler->processes, process);
    count(&scheduler->counts, process, 1);
    return process;
}

void scheduler_remove_process(struct scheduler *scheduler,
                              struct scheduler_process *process) {
    scheduler_process_ending(scheduler, process);
    count(&scheduler->counts, process, -1u);
    DL_DELETE(scheduler->processes, process);
    free(process);
}

/* An idle process takes a task, or part of a pipeline, or stays idle. */
static void offer(struct scheduler *scheduler, struct scheduler_process *process) {
    list_idle(scheduler, process);
    scheduler_dispatch(scheduler);
    rebalance(scheduler);
    if (process->state != STATE_IDLE)
        return;
    note_idle(scheduler);
    if (scheduler->phase == SCHEDULER_DRAINING)
        retire(scheduler, process);
}

void scheduler_process_ready(struct scheduler *scheduler,
                             struct scheduler_process *process,
                             const struct recycling *recycling) {
    process->recycling = *recycling;
    set_state(scheduler, process, STATE_IDLE);
    if (process->role == PROCESS_CANDIDATE)
        return;
    if (scheduler->phase == SCHEDULER_PROBING)
        scheduler->phase = SCHEDULER_SERVING;
    offer(scheduler, process);
    scheduler_balance(scheduler);
}

/* It runs the next one. */
static void continue_pipeline(struct scheduler *scheduler,
                              struct scheduler_process *process, bool is_due) {
    if (process->role != PROCESS_ACTIVE || is_due)
        revoke_all(scheduler, process);
    scheduler_dispatch(scheduler);
}

static void become_idle(struct scheduler *scheduler, struct scheduler_process *process,
                        bool is_due) {
    bool expires = is_due && process->role == PROCESS_ACTIVE;
    if (process->role == PROCESS_RETIRED) {
        retire(scheduler, process);
        scheduler_balance(scheduler);
        return;
    }
    if (expires)
        set_role(scheduler, process, PROCESS_EXPIRING);
    offer(scheduler, process);
    if (expires)
        scheduler_balance(scheduler);
}

void scheduler_process_finished(struct scheduler *scheduler,
                                struct scheduler_process *process, uint64_t run_us,
                                size_t memory_bytes) {
    bool goes_on = process->state == STATE_BUSY && process->pipelined > 0;
    process->finished++;
    process->is_slow = false;
    if (goes_on) {
        process->pipelined--;
        scheduler->pipelined--;
    } else {
        set_state(scheduler, process, STATE_IDLE);
    }
    runtime_estimator_add(&scheduler->runtime, run_us);
    adapt_prefetch(scheduler);
    bool is_due = recycling_is_due(&process->recycling, process->finished, memory_bytes);
    if (goes_on)
        continue_pipeline(scheduler, process, is_due);
    else
        become_idle(scheduler, process, is_due);
}

void scheduler_process_revoke(struct scheduler *scheduler,
                              struct scheduler_process *process, bool is_slow) {
    process->is_slow = process->is_slow || is_slow;
    revoke_all(scheduler, process);
}

bool scheduler_may_wait(struct scheduler *scheduler, struct scheduler_process *process,
                        bool calls_itself) {
    bool is_taking = process->role == PROCESS_ACTIVE || process->role == PROCESS_EXPIRING;
    process->waits_on_self = calls_itself;
    if (!calls_itself)
        return true;
    scheduler->autoscale.calls_itself = true;
    return autoscale_has_other(&scheduler->autoscale, &scheduler->counts, is_taking);
}

void scheduler_process_waiting(struct scheduler *scheduler,
                               struct scheduler_process *process) {
    set_state(scheduler, process, STATE_WAITING);
    runtime_estimator_add_peak(&scheduler->runtime, SUBCALL_PEAK_US);
    adapt_prefetch(scheduler);
    scheduler_balance(scheduler);
}

void scheduler_process_resumed(struct scheduler *scheduler,
                               struct scheduler_process *process) {
    set_state(scheduler, process, STATE_BUSY);
    scheduler_balance(scheduler);
    scheduler_dispatch(scheduler);
}

void scheduler_process_stopping(struct scheduler *scheduler,
                                struct scheduler_process *process) {
    bool was_waiting = process->state == STATE_WAITING;
    set_state(scheduler, process, STATE_STOPPING);
    if (was_waiting)
        scheduler_balance(scheduler);
    scheduler_dispatch(scheduler);
}

/* What was started is answered by the owner. The task that it should have run next can be
 * revoked only when all behind it are. */
static void revoke_for_end(struct scheduler *scheduler,
                           struct scheduler_process *process) {
    unsigned pipelined = process->pipelined;
    unsigned revoked = 0;
    void *task;
    scheduler->pipelined -= pipelined;
    process->pipelined = 0;
    for (; (task = scheduler->ops->revoke(scheduler->arg, process->owner)) != NULL;
         revoked++)
        take_back(scheduler, task);
    count(&scheduler->counts, process, -1u);
    process->holds_task = revoked <= pipelined;
    count(&scheduler->counts, process, 1);
}

void scheduler_process_ending(struct scheduler *scheduler,
                              struct scheduler_process *process) {
    enum process_state from = process->state;
    if (from == STATE_ENDING)
        return;
    set_state(scheduler, process, STATE_ENDING);
    if (from == STATE_BUSY || from == STATE_WAITING)
        revoke_for_end(scheduler, process);
    if (from == STATE_WAITING)
        scheduler_balance(scheduler);
}

/* ---- the whole ---- */

void scheduler_drain(struct scheduler *scheduler) {
    struct scheduler_process *process;
    scheduler->phase = SCHEDULER_DRAINING;
    requeue_unwanted(scheduler);
    DL_FOREACH (scheduler->processes, process)
        if (process->state == STATE_IDLE ||
            (process->state == STATE_STARTING && scheduler->queue == NULL))
            retire(scheduler, process);
}

void scheduler_close(struct scheduler *scheduler) {
    struct scheduler_process *process;
    scheduler->phase = SCHEDULER_CLOSED;
    requeue_unwanted(scheduler);
    DL_FOREACH (scheduler->processes, process)
        scheduler->ops->kill(scheduler->arg, process->owner);
}

void scheduler_drop_candidates(struct scheduler *scheduler) {
    struct scheduler_process *process;
    DL_FOREACH (scheduler->processes, process) {
        if (process->role != PROCESS_CANDIDATE)
            continue;
        set_role(scheduler, process, PROCESS_RETIRED);
        scheduler->ops->kill(scheduler->arg, process->owner);
    }
}

void scheduler_promote_candidates(struct scheduler *scheduler) {
    struct scheduler_process *process;
    DL_FOREACH (scheduler->processes, process) {
        if (process->role != PROCESS_CANDIDATE) {
            retire(scheduler, process);
        } else if (process->state == STATE_IDLE) {
            set_role(scheduler, process, PROCESS_ACTIVE);
            list_idle(scheduler, process);
        }
    }
    requeue_unwanted(scheduler);
    scheduler_dispatch(scheduler);
    scheduler_balance(scheduler);
}
