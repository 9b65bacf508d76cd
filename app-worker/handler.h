/* A handler process, as the supervisor sees it: its life, and the one task that it runs.
 *
 * A task that is given to a handler is answered and finished here, whatever becomes of
 * the process: that is all that others need to know. */
#ifndef CREW_WORKER_HANDLER_H
#define CREW_WORKER_HANDLER_H

#include "base/random.h"
#include "calls.h"
#include "channel.h"
#include "claims.h"
#include "frames.h"
#include "settings.h"
#include "tasks.h"
#include <crew/worker.h>
#include <uv.h>

enum handler_state {
    HANDLER_STARTING, /* executed; its hello is awaited, until then its death ends it */
    HANDLER_IDLE,     /* waits for a task, or to be told to quit */
    HANDLER_BUSY,     /* runs a task; ends with its answer, or at the task's limit */
    HANDLER_WAITING,  /* the same, but its handler waits for a call of its own */
    HANDLER_STOPPING, /* the limit has come: the caller is answered, the handler is told
                         to stop; ends when it returns, or with the grace period */
    HANDLER_LEAVING,  /* told to quit; ends with its exit, or with the grace period */
    HANDLER_KILLED,   /* its group was sent SIGKILL; the exit status is awaited */
    HANDLER_GONE,     /* reaped */
    HANDLER_STATE_COUNT
};

/* Why a handler was killed. */
enum handler_end {
    HANDLER_LOST,    /* its socket ended, or it exited */
    HANDLER_BABBLED, /* what came over its socket made no sense */
    HANDLER_DEAF,    /* it did not stop or leave within the grace period */
    HANDLER_ORDERED  /* it is not wanted any more */
};

/* What a handler process is there for. Kept by the pool. */
enum handler_duty {
    DUTY_CANDIDATE, /* of a generation that is not yet in charge */
    DUTY_PRESENT,   /* takes tasks */
    DUTY_WORN,      /* takes tasks until its replacement is ready */
    DUTY_RETIRED    /* takes none, and is let go when it has none */
};

struct handler;

/* A task that a process was given, and its ticket (claims.h). */
struct given {
    crew_task *task;
    uint32_t place;
    uint32_t ticket;
};

enum { HANDLER_AHEAD_MOST = 16 }; /* tasks behind the one that runs */

/* What all handlers of a supervisor share. */
struct handler_context {
    uv_loop_t *loop;
    const struct settings *settings;
    const char *node_uuid;
    const char *app;      /* the file that processes load */
    const char *next_app; /* the same for candidates */
    struct calls *calls;
    struct handler **unsent; /* those to be flushed */
    void *arg;
    unsigned *ahead; /* tasks given ahead, of all handlers together */
    /* A task that was given ahead has not been begun: the pool has it again. */
    void (*unbegun)(void *arg, crew_task *task);
    /* The running task was answered, and the next one runs: no change of state. */
    void (*went_on)(void *arg, struct handler *handler);
    /* All that was ahead of it is with the pool again. No change of state. */
    void (*gave_back)(void *arg);
    /* Called after each change of state. When a handler comes from STARTING to IDLE, its
     * tasks are known; when it leaves STARTING otherwise, handler->refusal says why. */
    void (*moved)(void *arg, struct handler *handler, enum handler_state from);
    /* May it wait for these calls? */
    bool (*may_wait)(void *arg, struct handler *handler, const struct crew_group *group);
};

struct handler {
    enum handler_state state;
    enum handler_duty duty;
    const struct handler_context *context;
    pid_t pid;
    char uuid[UUID_BYTES];
    struct tasks tasks; /* from its hello */
    char *refusal;      /* why the app cannot be used; null when it said nothing */
    uint64_t served;    /* requests that it has returned from */
    uint64_t served_at_relief;
    bool is_slow; /* BUSY: the task takes long. Both are the pool's; an answer ends it */
    uint64_t started_ms;
    uint64_t idle_since_ms;
    uint64_t worn_after;     /* requests after which it is replaced; 0: never */
    size_t worn_above_bytes; /* memory above which it is replaced; 0: never */

    struct channel channel;
    struct frame_parts parts;
    crew_task *task;                        /* given and not yet done */
    struct given current;                   /* the same */
    struct given ahead[HANDLER_AHEAD_MOST]; /* behind it, in their order */
    unsigned ahead_count;
    struct claims *claims;
    uint32_t last_ticket;
    bool streams;              /* a part of the answer to the current task has left */
    uint64_t last_run_us;      /* of the latest answer */
    uint64_t limit_at_ms;      /* BUSY, WAITING: when the task's time is over */
    uint64_t armed_ms;         /* what the timer is set to */
    bool has_unsent;           /* in the list of those to be flushed */
    struct calls_group *calls; /* WAITING: what it waits for */
    struct calls_publication *publication; /* BUSY: the same */
    bool calls_here; /* these go to tasks of this worker. Kept by the pool */
    enum handler_state killed_in;
    enum handler_end end;
    uv_poll_t poll;
    uv_timer_t timer; /* BUSY, WAITING: the limit; STOPPING, LEAVING: the grace */
    int open_handles;

    struct handler *prev; /* all handlers of the pool */
    struct handler *next;
    struct handler *idle_prev; /* those that may be given a task */
    struct handler *idle_next;
    struct handler *unsent_prev; /* those to be flushed */
    struct handler *unsent_next;
};

const char *handler_state_name(enum handler_state state);

/* Start a process. Null with errno when that fails. */
struct handler *handler_start(const struct handler_context *context,
                              enum handler_duty duty);

/* IDLE: hand over a task that has been begun. BUSY, and fewer than HANDLER_AHEAD_MOST
 * ahead: the same, to be run behind those that it has. Sent by handlers_flush. */
void handler_run(struct handler *handler, crew_task *task);

/* Send what was handed over. To be called before the loop waits. */
void handlers_flush(const struct handler_context *context);

/* Take back up to MOST of the tasks given ahead, the last ones first, as far as the
 * process has not begun them. */
void handler_take_back(struct handler *handler, unsigned most);

/* BUSY or WAITING, with a task whose answer is a stream: it may send so many bytes of
 * body in all, modulo 2^32; nobody reads it any more, so it is told to stop. */
void handler_credit(struct handler *handler, uint32_t allowed_bytes);
void handler_gone(struct handler *handler);

/* See what it has answered and not sent yet. */
void handler_look(struct handler *handler);

/* IDLE: tell it to quit. */
void handler_quit(struct handler *handler);

/* Any state: kill its group. A task that was not answered is answered with ERROR. */
void handler_kill(struct handler *handler, enum handler_end end, int error);

/* The process has ended, with this status (wait(2)), and is still to be waited for: its
 * group is killed, its task finished, and its memory freed by the loop. */
void handler_reaped(struct handler *handler, int wait_status);

#endif
