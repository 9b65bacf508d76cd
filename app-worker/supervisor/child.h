/* A handler process, as the supervisor sees it: its life, and the one task that it runs.
 *
 * A task that is given to a handler is answered and finished here, whatever becomes of
 * the process: that is all that others need to know. */
#ifndef CREW_WORKER_CHILD_H
#define CREW_WORKER_CHILD_H

#include "app-worker/ipc/ipc_protocol.h"
#include "app-worker/ipc/ipc_socket.h"
#include "app-worker/ipc/task_ring.h"
#include "app-worker/settings.h"
#include "base/random.h"
#include "subcalls.h"
#include "task_names.h"
#include <crew/worker.h>
#include <uv.h>

enum child_state {
    CHILD_STARTING, /* executed; its hello is awaited, until then its death ends it */
    CHILD_IDLE,     /* waits for a task, or to be told to quit */
    CHILD_BUSY,     /* runs a task; ends with its answer, or at the task's limit */
    CHILD_WAITING,  /* the same, but its handler waits for a call of its own */
    CHILD_STOPPING, /* the limit has come: the caller is answered, the handler is told
                         to stop; ends when it returns, or with the grace period */
    CHILD_LEAVING,  /* told to quit; ends with its exit, or with the grace period */
    CHILD_KILLED,   /* its group was sent SIGKILL; the exit status is awaited */
    CHILD_GONE,     /* reaped */
    CHILD_STATE_COUNT
};

/* Why a handler was killed. */
enum child_end {
    CHILD_LOST,           /* its socket ended, or it exited */
    CHILD_PROTOCOL_ERROR, /* what came over its socket made no sense */
    CHILD_UNRESPONSIVE,   /* it did not stop or leave within the grace period */
    CHILD_ORDERED         /* it is not wanted any more */
};

/* What a handler process is there for. Kept by the pool. */
enum child_role {
    CHILD_CANDIDATE, /* of a generation that is not yet in charge */
    CHILD_ACTIVE,    /* takes tasks */
    CHILD_EXPIRING,  /* takes tasks until its replacement is ready */
    CHILD_RETIRED    /* takes none, and is let go when it has none */
};

struct child;

/* A task that a process was given, and its generation (ring.h). */
struct given {
    crew_task *task;
    uint32_t slot;
    uint32_t generation;
};

enum { CHILD_MAX_PIPELINED = 16 }; /* tasks behind the one that runs */

/* What all handlers of a supervisor share. */
struct child_context {
    uv_loop_t *loop;
    const struct settings *settings;
    const char *node_uuid;
    const char *app;      /* the file that processes load */
    const char *next_app; /* the same for candidates */
    struct subcalls *calls;
    struct child **unsent; /* those to be flushed */
    void *arg;
    unsigned *ahead; /* tasks given ahead, of all handlers together */
    /* A task that was given ahead has not been begun: the pool has it again. */
    void (*unbegun)(void *arg, crew_task *task);
    /* The running task was answered, and the next one runs: no change of state. */
    void (*went_on)(void *arg, struct child *child);
    /* All that was ahead of it is with the pool again. No change of state. */
    void (*gave_back)(void *arg);
    /* Called after each change of state. When a handler comes from STARTING to IDLE, its
     * tasks are known; when it leaves STARTING otherwise, child->refusal says why. */
    void (*moved)(void *arg, struct child *child, enum child_state from);
    /* May it wait for these calls? */
    bool (*may_wait)(void *arg, struct child *child, const struct crew_group *group);
};

struct child {
    enum child_state state;
    enum child_role role;
    const struct child_context *context;
    pid_t pid;
    char uuid[UUID_BYTES];
    struct task_names tasks; /* from its hello */
    char *refusal;           /* why the app cannot be used; null when it said nothing */
    uint64_t served;         /* requests that it has returned from */
    uint64_t served_at_relief;
    bool is_slow; /* BUSY: the task takes long. Both are the pool's; an answer ends it */
    uint64_t started_ms;
    uint64_t idle_since_ms;
    uint64_t worn_after;     /* requests after which it is replaced; 0: never */
    size_t worn_above_bytes; /* memory above which it is replaced; 0: never */

    struct ipc_socket socket;
    struct ipc_scratch parts;
    crew_task *task;                         /* given and not yet done */
    struct given current;                    /* the same */
    struct given ahead[CHILD_MAX_PIPELINED]; /* behind it, in their order */
    unsigned ahead_count;
    struct task_ring *ring;
    uint32_t last_generation;
    bool streams;                /* a part of the answer to the current task has left */
    uint64_t last_run_us;        /* of the latest answer */
    uint64_t limit_at_ms;        /* BUSY, WAITING: when the task's time is over */
    uint64_t armed_ms;           /* what the timer is set to */
    bool has_unsent;             /* in the list of those to be flushed */
    struct subcall_group *calls; /* WAITING: what it waits for */
    struct subcall_publication *publication; /* BUSY: the same */
    bool calls_here; /* these go to tasks of this worker. Kept by the pool */
    enum child_state killed_in;
    enum child_end end;
    uv_poll_t poll;
    uv_timer_t timer; /* BUSY, WAITING: the limit; STOPPING, LEAVING: the grace */
    int open_handles;

    struct child *prev; /* all handlers of the pool */
    struct child *next;
    struct child *idle_prev; /* those that may be given a task */
    struct child *idle_next;
    struct child *unsent_prev; /* those to be flushed */
    struct child *unsent_next;
};

const char *child_state_name(enum child_state state);

/* Start a process. Null with errno when that fails. */
struct child *child_start(const struct child_context *context, enum child_role role);

/* IDLE: hand over a task that has been begun. BUSY, and fewer than CHILD_MAX_PIPELINED
 * ahead: the same, to be run behind those that it has. Sent by children_flush. */
void child_run(struct child *child, crew_task *task);

/* Send what was handed over. To be called before the loop waits. */
void children_flush(const struct child_context *context);

/* Take back up to MOST of the tasks given ahead, the last ones first, as far as the
 * process has not begun them. */
void child_take_back(struct child *child, unsigned most);

/* BUSY or WAITING, with a task whose answer is a stream: it may send so many bytes of
 * body in all, modulo 2^32; nobody reads it any more, so it is told to stop. */
void child_credit(struct child *child, uint32_t allowed_bytes);
void child_gone(struct child *child);

/* See what it has answered and not sent yet. */
void child_look(struct child *child);

/* IDLE: tell it to quit. */
void child_quit(struct child *child);

/* Any state: kill its group. A task that was not answered is answered with ERROR. */
void child_kill(struct child *child, enum child_end end, int error);

/* The process has ended, with this status (wait(2)), and is still to be waited for: its
 * group is killed, its task finished, and its memory freed by the loop. */
void child_reaped(struct child *child, int wait_status);

#endif
