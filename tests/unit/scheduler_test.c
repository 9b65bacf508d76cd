/* app-worker/scheduler against a simulated broker and simulated processes, with fixed
 * seeds: random arrivals, run times, subcalls, deaths, hangs, expired tasks, failing
 * starts and reloads. After each tick:
 *
 *   - no task waits while a process that may take it is idle
 *   - a task is started at most once, and is in one place
 *   - pipelines, the number of processes and the prefetch keep their bounds
 *   - nothing that was not started stays behind a task that runs for long
 *
 * and in the end, whatever happened: each task has ended (so subcalls do not deadlock),
 * and all processes quit. */
#include "app-worker/scheduler/scheduler.h"
#include "unit.h"

enum {
    TICK_US = 100,
    TICKS = 20000,
    DRAIN_TICKS = 400000, /* at most, until all has ended */
    JOBS = 60000,
    PROCESSES = 4000,
    LIMIT_US = 60000,  /* --timeout */
    BEHIND_US = 10000, /* that an unstarted task may be behind a running one */
};

enum job_state {
    JOB_QUEUED, /* at the broker */
    JOB_HELD,   /* in the scheduler's queue */
    JOB_ASSIGNED,
    JOB_STARTED,
    JOB_ENDED
};

struct job {
    enum job_state state;
    bool is_subcall;
    bool calls; /* this worker, when half of it is done */
    unsigned depth;
    unsigned run_us;
    uint64_t assigned_us;
    struct process *caller; /* waits for it */
    struct job *next;       /* at the broker */
};

enum process_life { LIFE_NONE, LIFE_STARTING, LIFE_RUNNING, LIFE_ENDING };

struct process {
    enum process_life life;
    struct scheduler_process *handle;
    uint64_t due_us; /* STARTING: ready; ENDING: exited */
    struct job *assigned[SCHEDULER_MAX_PIPELINED + 1];
    unsigned count;
    unsigned completed; /* of these, the first ones: answers that are not sent yet */
    bool has_started;   /* the one behind those */
    uint64_t started_us;
    unsigned left_us; /* of it */
    bool is_waiting;
    bool waits_on_self;
    bool is_stopping;
    bool had_task;      /* when it died */
    bool was_preempted; /* by the task that runs */
};

struct scenario {
    const char *name;
    unsigned seed;
    struct scheduler_options options;
    unsigned arrivals_percent; /* of ticks */
    unsigned burst;
    unsigned run_us; /* typical */
    unsigned slow_percent;
    unsigned calls_percent;
    unsigned deaths_per_10000; /* ticks and processes */
    unsigned recycle_after;
    bool reloads;
};

static struct {
    const struct scenario *scenario;
    struct scheduler *scheduler;
    uint32_t random;
    uint64_t now_us;
    uint64_t timer_us[SCHEDULER_TIMER_COUNT]; /* 0: not armed */
    uint64_t balance_us;
    struct job jobs[JOBS];
    unsigned job_count;
    unsigned ended;
    unsigned held;            /* delivered and not ended */
    struct job *queues[2][2]; /* of tasks and of subcalls: first, last */
    struct process processes[PROCESSES];
    unsigned process_count;
    unsigned prefetch;
    unsigned candidates;
    bool is_held;
    bool calls_itself;
} sim;

static uint32_t below(uint32_t limit) {
    sim.random = sim.random * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)sim.random * limit) >> 32);
}

static bool percent(unsigned chance) {
    return below(100) < chance;
}

/* ---- the broker ---- */

static void put(struct job *job, bool is_first) {
    struct job **queue = sim.queues[job->is_subcall];
    job->state = JOB_QUEUED;
    job->next = is_first ? queue[0] : NULL;
    if (queue[0] == NULL)
        queue[0] = queue[1] = job;
    else if (is_first)
        queue[0] = job;
    else
        queue[1] = queue[1]->next = job;
}

static struct job *new_job(unsigned depth, struct process *caller) {
    const struct scenario *s = sim.scenario;
    assert_true(sim.job_count < JOBS);
    struct job *job = &sim.jobs[sim.job_count++];
    job->depth = depth;
    job->is_subcall = caller != NULL;
    job->caller = caller;
    job->calls = depth < 3 && percent(s->calls_percent);
    job->run_us = percent(s->slow_percent) ? 1000 * (1 + below(100))
                                           : s->run_us / 2 + below(s->run_us + 1);
    put(job, caller != NULL);
    return job;
}

static void deliver(void) {
    while (sim.held < sim.prefetch) {
        unsigned which = below(2);
        struct job **queue = sim.queues[sim.queues[which][0] != NULL ? which : 1 - which];
        struct job *job = queue[0];
        if (job == NULL)
            return;
        queue[0] = job->next;
        job->state = JOB_HELD;
        sim.held++;
        scheduler_add_task(sim.scheduler, job);
    }
}

static void resume(struct process *process) {
    if (process->life != LIFE_RUNNING || !process->is_waiting)
        return;
    process->is_waiting = false;
    scheduler_process_resumed(sim.scheduler, process->handle);
}

static void end_job(struct job *job) {
    assert_true(job->state != JOB_ENDED);
    struct process *caller = job->caller;
    job->state = JOB_ENDED;
    job->caller = NULL;
    sim.ended++;
    sim.held--;
    if (caller != NULL)
        resume(caller);
}

/* ---- processes ---- */

static struct process *new_process(enum process_role role) {
    assert_true(sim.process_count < PROCESSES);
    struct process *process = &sim.processes[sim.process_count++];
    process->life = LIFE_STARTING;
    process->due_us = sim.now_us + 1000 + below(20000);
    process->handle = scheduler_add_process(sim.scheduler, role, process);
    return process;
}

/* The answers that it has: in their order, each an event. */
static void send_answers(struct process *process) {
    while (process->life == LIFE_RUNNING && process->completed > 0) {
        struct job *job = process->assigned[0];
        process->completed--;
        process->count--;
        memmove(process->assigned, process->assigned + 1,
                process->count * sizeof *process->assigned);
        process->is_stopping = process->was_preempted = false;
        end_job(job);
        scheduler_process_finished(sim.scheduler, process->handle, job->run_us, 0);
    }
}

static void cancel_subcall(struct process *process) {
    for (unsigned i = 0; i < sim.job_count; i++)
        if (sim.jobs[i].caller == process)
            sim.jobs[i].caller = NULL;
}

static void die(struct process *process) {
    if (process->life != LIFE_STARTING && process->life != LIFE_RUNNING)
        return;
    process->life = LIFE_ENDING;
    process->due_us = sim.now_us + 500;
    scheduler_process_ending(sim.scheduler, process->handle);
    if (process->is_waiting)
        cancel_subcall(process);
    process->had_task = process->count > 0;
    for (unsigned i = 0; i < process->count; i++)
        end_job(process->assigned[i]);
    process->count = process->completed = 0;
    scheduler_dispatch(sim.scheduler);
}

static void start_next(struct process *process) {
    struct job *job = process->assigned[process->completed];
    assert_int_equal(job->state, JOB_ASSIGNED);
    job->state = JOB_STARTED;
    process->has_started = true;
    process->started_us = sim.now_us;
    process->left_us = job->run_us;
}

/* Revoke what is behind; then it waits, or the call is refused. */
static void call(struct process *process, struct job *job) {
    job->calls = false;
    sim.calls_itself = true;
    send_answers(process);
    scheduler_process_revoke(sim.scheduler, process->handle, false);
    process->waits_on_self = true;
    if (scheduler_may_wait(sim.scheduler, process->handle, true)) {
        process->is_waiting = true;
        scheduler_process_waiting(sim.scheduler, process->handle);
        new_job(job->depth + 1, process);
    }
    scheduler_dispatch(sim.scheduler);
}

static void exceed_limit(struct process *process) {
    scheduler_process_revoke(sim.scheduler, process->handle, false);
    send_answers(process);
    process->is_stopping = true;
    if (process->is_waiting)
        cancel_subcall(process);
    process->is_waiting = false;
    scheduler_process_stopping(sim.scheduler, process->handle);
    process->left_us = below(20000);
    if (percent(50))
        die(process);
}

static void run(struct process *process) {
    unsigned budget_us = TICK_US;
    while (process->life == LIFE_RUNNING && !process->is_waiting && budget_us > 0 &&
           process->completed < process->count) {
        if (!process->has_started)
            start_next(process);
        struct job *job = process->assigned[process->completed];
        unsigned spent_us = budget_us < process->left_us ? budget_us : process->left_us;
        process->left_us -= spent_us;
        budget_us -= spent_us;
        if (job->calls && !process->is_stopping && process->left_us <= job->run_us / 2) {
            call(process, job);
        } else if (process->left_us == 0) {
            process->has_started = false;
            process->completed++;
            if (process->completed == process->count || percent(30))
                send_answers(process);
        }
    }
    if (process->life == LIFE_RUNNING && process->has_started && !process->is_stopping &&
        sim.now_us - process->started_us > LIMIT_US)
        exceed_limit(process);
}

static void promote(void) {
    if (sim.candidates == 0 || --sim.candidates > 0)
        return;
    scheduler_promote_candidates(sim.scheduler);
}

static void advance(struct process *process) {
    bool is_due = sim.now_us >= process->due_us;
    if (process->life == LIFE_STARTING && is_due) {
        struct recycling recycling;
        recycling_init(&recycling, sim.scenario->recycle_after, 0, 0);
        process->life = LIFE_RUNNING;
        bool is_candidate = scheduler_process_role(process->handle) == PROCESS_CANDIDATE;
        scheduler_process_ready(sim.scheduler, process->handle, &recycling);
        if (is_candidate)
            promote();
    } else if (process->life == LIFE_ENDING && is_due) {
        process->life = LIFE_NONE;
        scheduler_remove_process(sim.scheduler, process->handle);
        scheduler_balance(sim.scheduler);
        scheduler_dispatch(sim.scheduler);
    } else if (process->life == LIFE_RUNNING) {
        if (below(10000) < sim.scenario->deaths_per_10000 &&
            scheduler_process_role(process->handle) != PROCESS_CANDIDATE)
            die(process);
        else
            run(process);
    }
}

/* ---- what the scheduler asks for ---- */

/* By what the simulation itself knows. */
static bool is_reserved(void) {
    const struct scheduler_options *options = &sim.scenario->options;
    unsigned holding = 0, waiting = 0;
    for (unsigned i = 0; i < sim.process_count; i++) {
        holding += sim.processes[i].count > 0 ||
                   (sim.processes[i].life == LIFE_ENDING && sim.processes[i].had_task);
        waiting += sim.processes[i].life == LIFE_RUNNING && sim.processes[i].is_waiting;
    }
    bool may_call = sim.calls_itself && options->max_processes > options->processes;
    return (may_call || waiting > 0) && holding + 1 >= options->max_processes;
}

static uint64_t on_now(void *arg) {
    (void)arg;
    return sim.now_us / 1000;
}

static bool on_assign(void *arg, void *owner, void *task) {
    struct process *process = owner;
    struct job *job = task;
    (void)arg;
    assert_int_equal(job->state, JOB_HELD);
    assert_int_equal(process->life, LIFE_RUNNING);
    assert_false(process->is_waiting || process->is_stopping || sim.is_held);
    enum process_role role = scheduler_process_role(process->handle);
    assert_true(role == PROCESS_ACTIVE ||
                (role == PROCESS_EXPIRING && process->count == 0));
    assert_false(process->was_preempted);
    assert_true(!is_reserved() || job->caller != NULL);
    if (below(1000) == 0) { /* expired */
        end_job(job);
        return false;
    }
    assert_true(process->count <= SCHEDULER_MAX_PIPELINED);
    job->state = JOB_ASSIGNED;
    job->assigned_us = sim.now_us;
    process->assigned[process->count++] = job;
    return true;
}

static void *on_revoke(void *arg, void *owner) {
    struct process *process = owner;
    (void)arg;
    if (process->count == 0)
        return NULL;
    struct job *job = process->assigned[process->count - 1];
    assert_true(process->count > 1 || process->life == LIFE_ENDING);
    if (job->state != JOB_ASSIGNED)
        return NULL;
    process->count--;
    job->state = JOB_HELD;
    return job;
}

static void on_collect(void *arg, void *owner) {
    struct process *process = owner;
    (void)arg;
    send_answers(process);
    process->was_preempted = process->count > 1;
}

static void on_requeue(void *arg, void *task) {
    struct job *job = task;
    (void)arg;
    assert_int_equal(job->state, JOB_HELD);
    sim.held--;
    put(job, job->is_subcall);
}

static const char *on_task_name(void *arg, void *task) {
    const struct job *job = task;
    (void)arg;
    return job->is_subcall ? "subcall" : "task";
}

static bool on_is_served(void *arg, const char *task_name) {
    (void)arg;
    (void)task_name;
    return true;
}

static bool on_is_subcall(void *arg, void *task) {
    const struct job *job = task;
    (void)arg;
    return job->caller != NULL;
}

static bool on_subcalls_are_sent(void *arg) {
    (void)arg;
    return percent(90);
}

static bool on_start(void *arg) {
    (void)arg;
    if (percent(5)) {
        sim.balance_us = sim.now_us + 5000;
        return false;
    }
    new_process(PROCESS_ACTIVE);
    return true;
}

static void on_quit(void *arg, void *owner) {
    struct process *process = owner;
    (void)arg;
    assert_int_equal(process->life, LIFE_RUNNING);
    assert_int_equal(process->count, 0);
    process->life = LIFE_ENDING;
    process->due_us = sim.now_us + 500;
    scheduler_process_ending(sim.scheduler, process->handle);
}

static void on_kill(void *arg, void *owner) {
    (void)arg;
    die(owner);
}

static void on_set_prefetch(void *arg, unsigned limit) {
    const struct scheduler_options *options = &sim.scenario->options;
    (void)arg;
    assert_true(limit >= 1);
    unsigned detached = 0;
    for (unsigned i = 0; i < sim.process_count; i++)
        detached += sim.processes[i].count > 0 &&
                    scheduler_process_role(sim.processes[i].handle) == PROCESS_RETIRED;
    /* The most, a spare and a task that is held back for each process. */
    assert_true(limit <= options->max_prefetch + detached + 2 * options->max_processes);
    sim.prefetch = limit;
}

static void on_inspect_queue(void *arg, const char *task_name) {
    (void)arg;
    (void)task_name; /* answered at the next tick: no second consumer takes anything */
}

static void on_arm(void *arg, enum scheduler_timer timer, uint32_t delay_ms) {
    (void)arg;
    assert_true(sim.timer_us[timer] == 0);
    sim.timer_us[timer] = sim.now_us + delay_ms * 1000u;
}

static const struct scheduler_ops ops = {
    .now_ms = on_now,
    .assign = on_assign,
    .revoke = on_revoke,
    .collect = on_collect,
    .requeue = on_requeue,
    .task_name = on_task_name,
    .is_served = on_is_served,
    .is_subcall = on_is_subcall,
    .are_subcalls_sent = on_subcalls_are_sent,
    .start = on_start,
    .quit = on_quit,
    .kill = on_kill,
    .set_prefetch = on_set_prefetch,
    .inspect_queue = on_inspect_queue,
    .arm = on_arm,
};

/* ---- the properties ---- */

static bool is_alive(const struct process *process) {
    return process->life == LIFE_STARTING || process->life == LIFE_RUNNING;
}

static bool has_idle_process(void) {
    for (unsigned i = 0; i < sim.process_count; i++) {
        const struct process *process = &sim.processes[i];
        if (process->life != LIFE_RUNNING || process->count > 0)
            continue;
        enum process_role role = scheduler_process_role(process->handle);
        if (role == PROCESS_ACTIVE || role == PROCESS_EXPIRING)
            return true;
    }
    return false;
}

static void check_nothing_waits_for_an_idle_process(void) {
    bool only_subcalls = is_reserved();
    if (sim.is_held || !has_idle_process())
        return;
    for (unsigned i = 0; i < sim.job_count; i++)
        if (sim.jobs[i].state == JOB_HELD)
            assert_true(only_subcalls && sim.jobs[i].caller == NULL);
}

static void check_processes(void) {
    unsigned active = 0;
    for (unsigned i = 0; i < sim.process_count; i++) {
        const struct process *process = &sim.processes[i];
        if (!is_alive(process))
            continue;
        active += scheduler_process_role(process->handle) == PROCESS_ACTIVE;
        if (process->has_started && process->count > process->completed + 1 &&
            sim.now_us - process->started_us > BEHIND_US)
            assert_true(sim.now_us -
                            process->assigned[process->completed + 1]->assigned_us <=
                        BEHIND_US);
    }
    assert_true(active <= sim.scenario->options.max_processes);
}

static void check_tasks(void) {
    unsigned held = 0, assigned = 0, in_processes = 0;
    for (unsigned i = 0; i < sim.job_count; i++) {
        enum job_state state = sim.jobs[i].state;
        held += state == JOB_HELD;
        assigned += state == JOB_ASSIGNED || state == JOB_STARTED;
    }
    for (unsigned i = 0; i < sim.process_count; i++)
        in_processes += sim.processes[i].count;
    assert_int_equal(assigned, in_processes);
    assert_int_equal(held + assigned, sim.held);
}

/* ---- time ---- */

static void tick(void) {
    sim.now_us += TICK_US;
    for (unsigned i = 0; i < SCHEDULER_TIMER_COUNT; i++) {
        if (sim.timer_us[i] == 0 || sim.timer_us[i] > sim.now_us)
            continue;
        sim.timer_us[i] = 0;
        scheduler_timer_due(sim.scheduler, (enum scheduler_timer)i);
    }
    if (sim.balance_us > 0 && sim.balance_us <= sim.now_us) {
        sim.balance_us = 0;
        scheduler_balance(sim.scheduler);
    }
    for (unsigned i = 0; i < sim.process_count; i++)
        advance(&sim.processes[i]);
    deliver();
}

static void reload(void) {
    scheduler_drop_candidates(sim.scheduler);
    sim.candidates = sim.scenario->options.processes;
    for (unsigned i = 0; i < sim.candidates; i++)
        new_process(PROCESS_CANDIDATE);
}

static void arrive(void) {
    const struct scenario *s = sim.scenario;
    if (percent(s->arrivals_percent))
        for (unsigned n = 1 + below(s->burst); n > 0; n--)
            new_job(0, NULL);
    if (s->reloads && below(2000) == 0)
        reload();
    if (s->reloads && below(500) == 0)
        scheduler_hold(sim.scheduler, sim.is_held = !sim.is_held);
    if (sim.now_us % 40000 == 0)
        scheduler_queue_inspected(sim.scheduler, "task", below(2), 1 + below(2));
}

static bool all_ended(void) {
    return sim.ended == sim.job_count;
}

static bool all_exited(void) {
    return scheduler_is_empty(sim.scheduler);
}

static void tick_until(bool (*is_over)(void)) {
    for (unsigned i = 0; !is_over(); i++) {
        assert_true(i < DRAIN_TICKS);
        tick();
        if (sim.queues[0][0] == NULL && sim.queues[1][0] == NULL)
            check_nothing_waits_for_an_idle_process();
    }
}

static void rest(unsigned ms) {
    for (unsigned i = 0; i < ms * 1000 / TICK_US; i++)
        tick();
}

static unsigned count_alive(enum process_role role) {
    unsigned count = 0;
    for (unsigned i = 0; i < sim.process_count; i++)
        count += is_alive(&sim.processes[i]) &&
                 scheduler_process_role(sim.processes[i].handle) == role;
    return count;
}

static void finish(void) {
    scheduler_drain(sim.scheduler);
    tick_until(all_exited);
    scheduler_free(sim.scheduler);
}

static void begin(const struct scenario *scenario) {
    memset(&sim, 0, sizeof sim);
    sim.scenario = scenario;
    sim.random = scenario->seed;
    sim.now_us = 100 * 1000 * 1000;
    sim.prefetch = scenario->options.prefetch;
    sim.scheduler = scheduler_new(&scenario->options, &ops, NULL);
    scheduler_balance(sim.scheduler);
}

static void simulate(const struct scenario *scenario) {
    begin(scenario);
    for (unsigned i = 0; i < TICKS; i++) {
        arrive();
        tick();
        check_nothing_waits_for_an_idle_process();
        check_processes();
        if (i % 16 == 0)
            check_tasks();
    }
    scheduler_hold(sim.scheduler, sim.is_held = false);
    tick_until(all_ended);
    rest(100);
    assert_int_equal(count_alive(PROCESS_EXPIRING), 0);
    finish();
}

static void simulate_seeds(struct scenario scenario) {
    for (scenario.seed = 1; scenario.seed <= 5; scenario.seed++)
        simulate(&scenario);
}

static void test_scheduler_short_tasks(void **state) {
    (void)state;
    simulate_seeds((struct scenario){.options = {2, 8, 2, 12},
                                     .arrivals_percent = 50,
                                     .burst = 3,
                                     .run_us = 30,
                                     .slow_percent = 0});
}

static void test_scheduler_short_tasks_and_some_slow_ones(void **state) {
    (void)state;
    simulate_seeds((struct scenario){.options = {4, 16, 4, 24},
                                     .arrivals_percent = 50,
                                     .burst = 3,
                                     .run_us = 60,
                                     .slow_percent = 1});
}

static void test_scheduler_slow_tasks_saturate(void **state) {
    (void)state;
    simulate_seeds((struct scenario){.options = {3, 12, 3, 18},
                                     .arrivals_percent = 2,
                                     .burst = 4,
                                     .run_us = 200,
                                     .slow_percent = 40});
}

static void test_scheduler_processes_die_and_are_recycled(void **state) {
    (void)state;
    simulate_seeds((struct scenario){.options = {4, 8, 4, 24},
                                     .arrivals_percent = 30,
                                     .burst = 3,
                                     .run_us = 50,
                                     .slow_percent = 1,
                                     .deaths_per_10000 = 20,
                                     .recycle_after = 100});
}

static void test_scheduler_subcalls_do_not_deadlock(void **state) {
    (void)state;
    simulate_seeds((struct scenario){.options = {2, 4, 2, 12},
                                     .arrivals_percent = 10,
                                     .burst = 6,
                                     .run_us = 200,
                                     .calls_percent = 50});
}

static void test_scheduler_subcalls_among_slow_tasks(void **state) {
    (void)state;
    simulate_seeds((struct scenario){.options = {2, 8, 2, 12},
                                     .arrivals_percent = 3,
                                     .burst = 6,
                                     .run_us = 200,
                                     .slow_percent = 30,
                                     .calls_percent = 5});
}

static void test_scheduler_spares_are_retired_when_they_were_idle_for_long(void **state) {
    const struct scenario scenario = {.seed = 1,
                                      .options = {2, 8, 2, 2},
                                      .arrivals_percent = 20,
                                      .burst = 4,
                                      .run_us = 1000,
                                      .calls_percent = 50};
    (void)state;
    begin(&scenario);
    for (unsigned i = 0; i < 2000; i++) {
        arrive();
        tick();
    }
    tick_until(all_ended);
    assert_true(count_alive(PROCESS_ACTIVE) > 2);
    rest(15000);
    assert_int_equal(count_alive(PROCESS_ACTIVE), 2);
    assert_int_equal(sim.prefetch, 2);
    finish();
}

static struct job *add_job(unsigned run_us) {
    struct job *job = new_job(0, NULL);
    job->run_us = run_us;
    return job;
}

/* One process is at the first of four tasks when the other has run its four. */
static void test_scheduler_an_idle_process_takes_half_of_a_pipeline(void **state) {
    const struct scenario scenario = {.seed = 1, .options = {2, 2, 8, 8}};
    (void)state;
    begin(&scenario);
    rest(50);
    for (unsigned i = 0; i < 100; i++) {
        add_job(150);
        rest(1);
    }
    scheduler_hold(sim.scheduler, sim.is_held = true);
    struct job *slow = add_job(1500);
    for (unsigned i = 0; i < 7; i++)
        add_job(150);
    tick();
    scheduler_hold(sim.scheduler, sim.is_held = false);
    rest(1);
    assert_int_equal(slow->state, JOB_STARTED);
    assert_true(sim.ended >= 100 + 4); /* those of the other, and then ... */
    for (unsigned i = 0; i < sim.process_count; i++)
        assert_true(sim.processes[i].count <= 3);
    tick_until(all_ended);
    finish();
}

static void test_scheduler_subcalls_without_spares(void **state) {
    (void)state;
    simulate_seeds((struct scenario){.options = {3, 3, 3, 3},
                                     .arrivals_percent = 10,
                                     .burst = 6,
                                     .run_us = 200,
                                     .calls_percent = 50,
                                     .deaths_per_10000 = 5});
}

static void test_scheduler_one_process(void **state) {
    (void)state;
    simulate_seeds((struct scenario){.options = {1, 1, 1, 6},
                                     .arrivals_percent = 20,
                                     .burst = 2,
                                     .run_us = 100,
                                     .slow_percent = 1,
                                     .calls_percent = 5});
}

static void test_scheduler_reloads(void **state) {
    (void)state;
    simulate_seeds((struct scenario){.options = {3, 9, 3, 18},
                                     .arrivals_percent = 20,
                                     .burst = 3,
                                     .run_us = 100,
                                     .slow_percent = 1,
                                     .calls_percent = 10,
                                     .deaths_per_10000 = 2,
                                     .reloads = true});
}

static void test_scheduler_close_gives_up_everything(void **state) {
    const struct scenario scenario = {.seed = 1,
                                      .options = {2, 8, 2, 12},
                                      .arrivals_percent = 50,
                                      .burst = 8,
                                      .run_us = 50};
    (void)state;
    begin(&scenario);
    for (unsigned i = 0; i < 2000; i++) {
        arrive();
        tick();
    }
    scheduler_close(sim.scheduler);
    for (unsigned i = 0; i < sim.job_count; i++)
        assert_true(sim.jobs[i].state == JOB_QUEUED || sim.jobs[i].state == JOB_ENDED);
    sim.prefetch = 0;
    tick_until(all_exited);
    scheduler_free(sim.scheduler);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scheduler_short_tasks),
        cmocka_unit_test(test_scheduler_short_tasks_and_some_slow_ones),
        cmocka_unit_test(test_scheduler_slow_tasks_saturate),
        cmocka_unit_test(test_scheduler_processes_die_and_are_recycled),
        cmocka_unit_test(test_scheduler_subcalls_do_not_deadlock),
        cmocka_unit_test(test_scheduler_subcalls_among_slow_tasks),
        cmocka_unit_test(test_scheduler_spares_are_retired_when_they_were_idle_for_long),
        cmocka_unit_test(test_scheduler_an_idle_process_takes_half_of_a_pipeline),
        cmocka_unit_test(test_scheduler_subcalls_without_spares),
        cmocka_unit_test(test_scheduler_one_process),
        cmocka_unit_test(test_scheduler_reloads),
        cmocka_unit_test(test_scheduler_close_gives_up_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
