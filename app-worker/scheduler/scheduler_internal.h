/* Inside the pool: shared by pool.c, dispatch.c (which process takes which task),
 * strength.c (how many processes there are) and prefetch.c (how many tasks are held). */
#ifndef CREW_WORKER_SCHEDULER_INTERNAL_H
#define CREW_WORKER_SCHEDULER_INTERNAL_H

#include "app-worker/supervisor/process_pool.h"
#include "app-worker/supervisor/respawn.h"

enum process_pool_phase {
    POOL_PROVING,  /* the first process shows whether the app can be used */
    POOL_SERVING,  /* processes that end are replaced */
    POOL_DRAINING, /* tasks in hand are finished; processes are let go */
    POOL_CLOSED    /* all processes were killed; their ends are awaited */
};

/* A task that waits for a process. */
struct job {
    crew_task *task;
    uint64_t since_ms;
    struct job *prev;
    struct job *next;
};

struct process_pool {
    enum process_pool_phase phase;
    struct child_context context;
    struct process_pool_listener listener;
    crew_worker *worker;
    struct task_names tasks;
    struct child *children;  /* all */
    struct child *idle;      /* PRESENT and WORN ones that are IDLE; the latest first */
    struct job *queue;       /* tasks not begun */
    bool is_held;            /* they wait for another generation of processes */
    unsigned ahead;          /* tasks given to processes ahead of their turn */
    struct child *unsent;    /* processes with tasks that are not yet sent to them */
    struct child *latest;    /* the busy one that was given a task last, or null */
    uint32_t run_us;         /* average of the handlers; 0: not known */
    bool calls_itself;       /* handlers have called tasks of this worker */
    unsigned waiting_for_us; /* handlers that wait for calls to tasks of this worker */
    unsigned prefetch;
    uint32_t slow_us;    /* how long slow runs lately took */
    unsigned more;       /* tasks held beyond one for each process: handlers are short */
    uint64_t settled_ms; /* from when on it may change without need */
    bool is_stuck;       /* tasks wait, and no process has been idle since */
    struct respawn respawn;
    uv_timer_t refill; /* ends the pause after processes have died too fast */
    uv_timer_t trim;   /* runs while there may be spares to let go */
    uv_timer_t relief; /* runs while tasks wait in a process though others idle */
    uv_timer_t raise;  /* puts off raising the prefetch until calls are in their queues */
    uv_timer_t watch;  /* runs while tasks wait for a process */
    int open_handles;
};

/* Give tasks to processes, as far as there are both. */
void dispatch_tasks(struct process_pool *pool);
/* A process has become idle: see whether others have too much. */
void dispatch_relieve(struct process_pool *pool);
void dispatch_note_run_time(struct process_pool *pool, uint64_t run_us);
void dispatch_init(struct process_pool *pool);

/* Start a process and list it. Null with errno. */
struct child *process_pool_start(struct process_pool *pool, enum child_role role);

/* No tasks for this process any more: it goes as soon as it has none. */
void process_pool_retire(struct process_pool *pool, struct child *child);

/* Work out how many processes there are to be and how many tasks may be in hand, and see
 * to it. To be called when a process is ready, waits for a call, is worn, retired or
 * gone. */
void strength_balance(struct process_pool *pool);

/* Ask the broker for as many tasks as may be in hand now. */
void strength_follow(struct process_pool *pool);

/* Of the tasks that wait, those that are more than there are, or will soon be, processes
 * for. */
unsigned strength_surplus(const struct process_pool *pool);

/* Is there, or may there be, a process besides HANDLER that takes tasks? */
bool strength_has_other(const struct process_pool *pool, const struct child *child);

/* Give a task that was not begun, or all of them, back to the broker. Frees JOB. */
void process_pool_put_back(struct process_pool *pool, struct job *job);
void process_pool_put_back_all(struct process_pool *pool);

/* Is one process left, which has to be kept for calls to this worker? */
bool strength_is_reserved(const struct process_pool *pool);

void strength_init(struct process_pool *pool);

/* A handler has returned; it waits for a call; a process has nothing to do. */
void prefetch_note_run_time(struct process_pool *pool, uint64_t run_us);
void prefetch_note_call(struct process_pool *pool);
void prefetch_note_idle(struct process_pool *pool);

/* A task waits. */
void prefetch_watch(struct process_pool *pool);

void prefetch_init(struct process_pool *pool);

#endif
