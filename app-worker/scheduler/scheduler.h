/* Which handler process runs which task, how many processes there are, and how many tasks
 * the worker holds.
 *
 * Pure: the owner reports events (a task has arrived, a process is ready, has finished,
 * waits, exits, a timer is due), and the scheduler acts through struct scheduler_ops. It
 * knows tasks and processes as pointers that it never dereferences. It is called from one
 * thread.
 *
 *   pipelining  short tasks are assigned to a busy process behind the one that it runs;
 *               what it has not started can be revoked;
 *   affinity    very short tasks that arrive together go to one process, although others
 *               are idle: to wake another one would take longer;
 *   rebalance   an idle process takes half of what is pipelined elsewhere;
 *   preempt     a task that takes long after all loses what is pipelined behind it. */
#ifndef CREW_WORKER_SCHEDULER_H
#define CREW_WORKER_SCHEDULER_H

#include "autoscale.h"
#include "recycling.h"
#include <stdint.h>

enum { SCHEDULER_MAX_PIPELINED = 16 }; /* tasks of a process behind the one that runs */

struct scheduler;
struct scheduler_process;

/* What a process is there for. */
enum process_role {
    PROCESS_CANDIDATE, /* of a reload that is not complete: takes no tasks yet */
    PROCESS_ACTIVE,    /* takes tasks */
    PROCESS_EXPIRING,  /* is to be recycled; takes tasks until its replacement is ready */
    PROCESS_RETIRED    /* takes no tasks, and quits when it has none */
};

enum scheduler_timer {
    SCHEDULER_REBALANCE,      /* while tasks are pipelined */
    SCHEDULER_TRIM,           /* while there may be too many processes */
    SCHEDULER_RAISE_PREFETCH, /* delays a higher prefetch until subcalls are queued */
    SCHEDULER_SATURATION,     /* while tasks wait for a process */
    SCHEDULER_TIMER_COUNT
};

/* What the scheduler asks of its owner. OWNER is that of scheduler_add_process. None of
 * the functions may call the scheduler, except where it says so. */
struct scheduler_ops {
    uint64_t (*now_ms)(void *arg); /* monotonic */

    /* Assign TASK to a process, behind those that it has. False: the task has expired or
     * was cancelled, and is not to be run. */
    bool (*assign)(void *arg, void *owner, void *task);
    /* Revoke the last task that was assigned to a process. Null: the process has started
     * it (and those before it), or has none. */
    void *(*revoke)(void *arg, void *owner);
    /* Read the answers that the process has stored and not sent yet. May call
     * scheduler_process_finished, for this process. */
    void (*collect)(void *arg, void *owner);
    /* Return a task that was not started to its queue at the broker. */
    void (*requeue)(void *arg, void *task);

    const char *(*task_name)(void *arg, void *task);
    bool (*is_served)(void *arg,
                      const char *task_name);  /* do the ACTIVE ones serve it? */
    bool (*is_subcall)(void *arg, void *task); /* a handler of this worker waits for it */
    bool (*are_subcalls_sent)(void *arg);      /* have all left this worker? */

    /* Start an ACTIVE process: call scheduler_add_process and return true. False: not
     * now; the owner calls scheduler_balance when it can. */
    bool (*start)(void *arg);
    /* Let an idle process exit; kill a process. May call scheduler_process_ending, for
     * this process. */
    void (*quit)(void *arg, void *owner);
    void (*kill)(void *arg, void *owner);

    void (*set_prefetch)(void *arg, unsigned limit);
    /* Ask for the state of a task's queue; scheduler_queue_inspected has it. */
    void (*inspect_queue)(void *arg, const char *task_name);

    /* Call scheduler_timer_due once, in DELAY_MS. */
    void (*arm)(void *arg, enum scheduler_timer timer, uint32_t delay_ms);
};

struct scheduler_options {
    unsigned processes;
    unsigned max_processes; /* spares for handlers that wait for a subcall included */
    unsigned prefetch;
    unsigned
        max_prefetch; /* while handlers are short; the same as prefetch: never more */
};

/* OPS must outlive the scheduler. scheduler_balance starts the first process. */
struct scheduler *scheduler_new(const struct scheduler_options *options,
                                const struct scheduler_ops *ops, void *arg);
/* No process and no task is left. Null is fine. */
void scheduler_free(struct scheduler *scheduler);

/* ---- tasks ---- */

/* A task has arrived. */
void scheduler_add_task(struct scheduler *scheduler, void *task);

/* Assign tasks to processes, as far as there are both. */
void scheduler_dispatch(struct scheduler *scheduler);

/* Assign nothing as long as IS_HELD. */
void scheduler_hold(struct scheduler *scheduler, bool is_held);

/* The answer to inspect_queue: so many messages wait at the broker for so many consumers,
 * this worker included. */
void scheduler_queue_inspected(struct scheduler *scheduler, const char *task_name,
                               uint32_t messages, uint32_t consumers);

void scheduler_timer_due(struct scheduler *scheduler, enum scheduler_timer timer);

/* ---- processes ---- */

/* A process was started. */
struct scheduler_process *scheduler_add_process(struct scheduler *scheduler,
                                                enum process_role role, void *owner);

/* It has loaded the app. */
void scheduler_process_ready(struct scheduler *scheduler,
                             struct scheduler_process *process,
                             const struct recycling *recycling);

/* The task that it ran is finished; it runs the next one that is pipelined, or is idle.
 * MEMORY_BYTES is read only for a limit in recycling. */
void scheduler_process_finished(struct scheduler *scheduler,
                                struct scheduler_process *process, uint64_t run_us,
                                size_t memory_bytes);

/* The task that it runs will take a while: revoke what is pipelined behind it. The caller
 * calls scheduler_dispatch when it is done. IS_SLOW: pipeline nothing until the task is
 * finished. */
void scheduler_process_revoke(struct scheduler *scheduler,
                              struct scheduler_process *process, bool is_slow);

/* May its handler wait for a subcall? CALLS_ITSELF: one to a task of this worker. If the
 * last process waited for that, none would be left to run it. */
bool scheduler_may_wait(struct scheduler *scheduler, struct scheduler_process *process,
                        bool calls_itself);
void scheduler_process_waiting(struct scheduler *scheduler,
                               struct scheduler_process *process);
void scheduler_process_resumed(struct scheduler *scheduler,
                               struct scheduler_process *process);

/* Its handler was asked to stop: it is idle with scheduler_process_finished, or ends. */
void scheduler_process_stopping(struct scheduler *scheduler,
                                struct scheduler_process *process);

/* It takes no more tasks and will exit; what it has not started is revoked. The caller
 * calls scheduler_dispatch when it is done. No effect when called again. */
void scheduler_process_ending(struct scheduler *scheduler,
                              struct scheduler_process *process);

/* It has exited; PROCESS is freed. The caller calls scheduler_balance and
 * scheduler_dispatch when it is done. */
void scheduler_remove_process(struct scheduler *scheduler,
                              struct scheduler_process *process);

enum process_role scheduler_process_role(const struct scheduler_process *process);
uint64_t scheduler_process_finished_count(const struct scheduler_process *process);

/* ---- all of it ---- */

/* Start and retire processes and set the prefetch, as the present state wants it. */
void scheduler_balance(struct scheduler *scheduler);

/* Finish the tasks in hand, let all processes quit. */
void scheduler_drain(struct scheduler *scheduler);

/* Requeue what was not started, kill all processes. */
void scheduler_close(struct scheduler *scheduler);

enum scheduler_phase scheduler_phase(const struct scheduler *scheduler);
bool scheduler_is_empty(const struct scheduler *scheduler); /* no process and no task */

/* ---- reload ---- */

/* All candidates are ready: they are ACTIVE, the others RETIRED. is_served tells of the
 * tasks of the candidates already. */
void scheduler_promote_candidates(struct scheduler *scheduler);
void scheduler_drop_candidates(struct scheduler *scheduler);

#endif
