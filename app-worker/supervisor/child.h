/* A handler process, as the supervisor sees it: its life, and the one task that it runs.
 *
 * A task that is given to a handler is answered and finished here, whatever becomes of
 * the process: that is all that others need to know. */
#ifndef CREW_WORKER_CHILD_H
#define CREW_WORKER_CHILD_H

#include "app-worker/ipc/ipc_protocol.h"
#include "app-worker/ipc/ipc_socket.h"
#include "app-worker/ipc/task_ring.h"
#include "app-worker/scheduler/scheduler.h"
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

struct child;

/* A task that a process was given, and its generation (ring.h). */
struct assignment {
    crew_task *task;
    uint32_t slot;
    uint32_t generation;
};

enum {
    CHILD_MAX_PIPELINED = SCHEDULER_MAX_PIPELINED
}; /* tasks behind the one that runs */

struct scheduler_process;

/* What all children of a supervisor share. */
struct child_context {
    uv_loop_t *loop;
    const struct settings *settings;
    const char *node_uuid;
    struct subcalls *subcalls;
    struct child *unsent; /* those to be flushed */
    void *arg;
    /* The task that ran was answered, and the next one runs: no change of state. */
    void (*finished)(void *arg, struct child *child);
    /* The task that runs will take a while: what is pipelined behind it is to be revoked
     * (child_revoke). IS_SLOW: until it is answered nothing is to be pipelined. */
    void (*revoke)(void *arg, struct child *child, bool is_slow);
    /* Some time after `revoke`: what was revoked can be assigned to others. */
    void (*revoked)(void *arg);
    /* The process ends: what it has not started is to be revoked. */
    void (*ending)(void *arg, struct child *child);
    /* Called after each change of state. When a child comes from STARTING to IDLE, its
     * tasks are known; when it leaves STARTING otherwise, child->load_error says why. */
    void (*moved)(void *arg, struct child *child, enum child_state from);
    /* May it wait for these calls? */
    bool (*may_wait)(void *arg, struct child *child, const struct crew_group *group);
};

struct child {
    enum child_state state;
    struct child_context *context;
    struct scheduler_process *process; /* the pool's */
    pid_t pid;
    char uuid[UUID_BYTES];
    struct task_names tasks; /* from its hello */
    char *load_error;        /* why the app cannot be used; null when it said nothing */
    uint64_t started_ms;

    struct ipc_socket socket;
    struct ipc_scratch scratch;
    crew_task *task;                                  /* given and not yet done */
    struct assignment current;                        /* the same */
    struct assignment pipelined[CHILD_MAX_PIPELINED]; /* behind it, in their order */
    unsigned pipelined_count;
    struct task_ring *ring;
    uint32_t last_generation;
    bool streams;                /* a part of the answer to the current task has left */
    uint64_t last_run_us;        /* of the latest answer */
    uint64_t limit_at_ms;        /* BUSY, WAITING: when the task's time is over */
    uint64_t armed_ms;           /* what the timer is set to */
    bool has_unsent;             /* in the list of those to be flushed */
    struct subcall_group *calls; /* WAITING: what it waits for */
    struct subcall_publication *publication; /* BUSY: the same */
    enum child_state killed_in;
    enum child_end end;
    uv_poll_t poll;
    uv_timer_t timer; /* BUSY, WAITING: the limit; STOPPING, LEAVING: the grace */
    int open_handles;

    struct child *prev; /* all children of the pool */
    struct child *next;
    struct child *unsent_prev; /* those to be flushed */
    struct child *unsent_next;
};

const char *child_state_name(enum child_state state);

/* Start a process that loads the file APP. Null with errno. */
struct child *child_start(struct child_context *context, const char *app);

/* IDLE: hand over a task that has been begun. BUSY, and fewer than CHILD_MAX_PIPELINED
 * ahead: the same, to be run behind those that it has. Sent by children_flush. */
void child_run(struct child *child, crew_task *task);

/* Send what was handed over. To be called before the loop waits. */
void children_flush(struct child_context *context);

/* Revoke the last task that it was assigned. Null: it has started that, or has none. */
crew_task *child_revoke(struct child *child);

/* BUSY or WAITING, with a task whose answer is a stream: it may send so many bytes of
 * body in all, modulo 2^32; nobody reads it any more, so it is told to stop. */
void child_credit(struct child *child, uint32_t allowed_bytes);
void child_stream_closed(struct child *child);

/* Take the answers that it has stored and not sent yet. */
void child_collect(struct child *child);

/* IDLE: tell it to quit. */
void child_quit(struct child *child);

/* Any state: kill its group. A task that was not answered is answered with ERROR. */
void child_kill(struct child *child, enum child_end end, int error);

/* The process has ended, with this status (wait(2)), and is still to be waited for: its
 * group is killed, its task finished, and its memory freed by the loop. */
void child_reaped(struct child *child, int wait_status);

#endif
