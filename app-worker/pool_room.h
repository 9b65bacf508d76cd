/* Inside the pool: shared by pool.c, dispatch.c (which process takes which task) and
 * strength.c (how many processes there are). */
#ifndef CREW_WORKER_POOL_ROOM_H
#define CREW_WORKER_POOL_ROOM_H

#include "pool.h"
#include "respawn.h"

enum pool_phase {
    POOL_PROVING,  /* the first process shows whether the app can be used */
    POOL_SERVING,  /* processes that end are replaced */
    POOL_DRAINING, /* tasks in hand are finished; processes are let go */
    POOL_CLOSED    /* all processes were killed; their ends are awaited */
};

/* A task that waits for a process. */
struct job {
    crew_task *task;
    struct job *prev;
    struct job *next;
};

struct pool {
    enum pool_phase phase;
    struct handler_context context;
    struct pool_listener listener;
    crew_worker *worker;
    struct tasks tasks;
    struct handler *handlers; /* all */
    struct handler *idle;     /* PRESENT and WORN ones that are IDLE; the latest first */
    struct job *queue;        /* tasks not begun */
    bool is_held;             /* they wait for another generation of processes */
    unsigned ahead;           /* tasks given to processes ahead of their turn */
    struct handler *unsent;   /* processes with tasks that are not yet sent to them */
    struct handler *latest;   /* the busy one that was given a task last, or null */
    uint32_t run_us;          /* average of the handlers; 0: not known */
    bool calls_itself;        /* handlers have called tasks of this worker */
    unsigned waiting_for_us;  /* handlers that wait for calls to tasks of this worker */
    unsigned prefetch;
    struct respawn respawn;
    uv_timer_t refill; /* ends the pause after processes have died too fast */
    uv_timer_t trim;   /* runs while there may be spares to let go */
    uv_timer_t relief; /* runs while tasks wait in a process though others idle */
    uv_timer_t raise;  /* puts off raising the prefetch until calls are in their queues */
    int open_handles;
};

/* Give tasks to processes, as far as there are both. */
void dispatch_tasks(struct pool *pool);
/* A process has become idle: see whether others have too much. */
void dispatch_relieve(struct pool *pool);
void dispatch_note_run_time(struct pool *pool, uint64_t run_us);
void dispatch_init(struct pool *pool);

/* Start a process and list it. Null with errno. */
struct handler *pool_start(struct pool *pool, enum handler_duty duty);

/* No tasks for this process any more: it goes as soon as it has none. */
void pool_retire(struct pool *pool, struct handler *handler);

/* Work out how many processes there are to be and how many tasks may be in hand, and see
 * to it. To be called when a process is ready, waits for a call, is worn, retired or
 * gone. */
void strength_balance(struct pool *pool);

/* Is there, or may there be, a process besides HANDLER that takes tasks? */
bool strength_has_other(const struct pool *pool, const struct handler *handler);

/* Give all tasks that were not begun back to the broker. */
void pool_put_back_all(struct pool *pool);

/* Is one process left, which has to be kept for calls to this worker? */
bool strength_is_reserved(const struct pool *pool);

void strength_init(struct pool *pool);

#endif
