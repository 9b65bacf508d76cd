/* A handler process, as the supervisor sees it: its life, and the tasks that it was
 * assigned. Whatever becomes of the process, an assigned task is answered and finished
 * here; only what was revoked before it was started goes back. */
#ifndef CREW_WORKER_CHILD_H
#define CREW_WORKER_CHILD_H

#include "app-worker/settings.h"
#include "ipc_endpoint.h"
#include "subcalls.h"
#include "task_names.h"
#include <crew/worker.h>

struct child;

/* How a child has ended. */
struct child_exit {
    const char *load_error; /* why the app could not be loaded, or null */
    bool was_ordered;       /* by child_kill */
    uint64_t lived_ms;
};

/* Events. OWNER is that of child_start. */
struct child_listener {
    /* It has loaded the app: child_tasks is known. */
    void (*ready)(void *owner);
    /* A task is finished: the child runs the next one that is pipelined, or is idle.
     * RUN_US is the run time of the latest answer. */
    void (*finished)(void *owner, uint64_t run_us);
    /* The task that runs will take a while: the owner revokes what is pipelined behind it
     * (child_revoke). IS_SLOW: until it is finished nothing is to be pipelined. */
    void (*revoke)(void *owner, bool is_slow);
    /* Some time after `revoke` or `ending`: what was revoked can be assigned. */
    void (*revoked)(void *owner);
    /* May the handler wait for these calls? */
    bool (*may_wait)(void *owner, const struct crew_group *group);
    void (*waiting)(void *owner);  /* for its calls */
    void (*resumed)(void *owner);  /* they have ended */
    void (*stopping)(void *owner); /* the handler was asked to stop */
    /* It takes no more tasks and will exit: the owner revokes all that it can. May come
     * twice. */
    void (*ending)(void *owner);
    /* The last event; the child's memory is freed later. */
    void (*exited)(void *owner, const struct child_exit *exit);
};

/* What all children of a supervisor share. Must outlive them. */
struct child_context {
    uv_loop_t *loop;
    const struct settings *settings;
    const char *node_uuid;
    struct subcalls *subcalls;
    const struct child_listener *listener;
    struct ipc_send_queue send_queue; /* children_flush */
};

/* Start a process that loads the file APP. Null with errno. */
struct child *child_start(struct child_context *context, const char *app, void *owner);

pid_t child_pid(const struct child *child);
struct task_names *child_tasks(struct child *child);      /* known when ready */
crew_task *child_current_task(const struct child *child); /* or null */

/* Idle: assign a task (after crew_task_begin). Busy: the same, behind those that it has,
 * SCHEDULER_MAX_PIPELINED at most. Sent by children_flush. */
void child_assign(struct child *child, crew_task *task);

/* Send what was assigned. To be called before the loop waits. */
void children_flush(struct child_context *context);

/* Revoke the last task that it was assigned. Null: it has started that. The task that it
 * was to run next can be revoked only after `ending`. */
crew_task *child_revoke(struct child *child);

/* Of the current task, whose answer is streamed: so many bytes of body may be sent in
 * all, modulo 2^32; the stream has no reader any more, so the handler is asked to
 * stop. */
void child_credit(struct child *child, uint32_t allowed_bytes);
void child_unread(struct child *child);

/* Take the answers that it has stored and not sent yet: `finished`. */
void child_collect(struct child *child);

/* Idle: tell it to exit. */
void child_quit(struct child *child);

/* Any state: kill its process group, because it is not needed any more. */
void child_kill(struct child *child);

/* The process has exited with STATUS (wait(2)), and is still to be waited for: its group
 * is killed, its tasks finished, its memory freed by the loop. */
void child_reaped(struct child *child, int status);

#endif
