/* The handler processes of a worker, and the tasks that wait for one: which process takes
 * which task, how many processes there are, and what replaces those that end. */
#ifndef CREW_WORKER_POOL_H
#define CREW_WORKER_POOL_H

#include "handler.h"

struct pool;

/* What the pool tells. Null handlers are never passed. */
struct pool_listener {
    void *arg;
    /* The first handler process is ready: pool_tasks is known. */
    void (*ready)(void *arg);
    /* The first handler process could not be made ready. WHY is one line. */
    void (*unusable)(void *arg, const char *why);
    /* A replacement loaded an app with other tasks: the .so has changed. */
    void (*changed)(void *arg);
    /* A candidate is ready, or (WHY not null) is gone. */
    void (*candidate)(void *arg, struct handler *candidate, const char *why);
    /* After pool_drain or pool_close: no task and no process is left. */
    void (*empty)(void *arg);
};

/* Start the first process; the others follow when it is ready. They load the file APP.
 * SETTINGS and WORKER must outlive the pool, APP the time until others are in charge. */
struct pool *pool_new(uv_loop_t *loop, const struct settings *settings, const char *app,
                      crew_worker *worker, const struct pool_listener *listener);

/* A task has come. */
void pool_add(struct pool *pool, crew_task *task);

/* Of a task whose answer is a stream: so many bytes of body may be sent in all, modulo
 * 2^32; nobody reads it any more. */
void pool_credit(struct pool *pool, const crew_task *task, uint32_t allowed_bytes);
void pool_gone(struct pool *pool, const crew_task *task);

/* Give no tasks to processes as long as IS_HELD; they wait here. */
void pool_hold(struct pool *pool, bool is_held);

/* Send what was given to processes. To be called before the loop waits. */
void pool_flush(struct pool *pool);

/* The tasks that the processes in charge serve. */
const struct tasks *pool_tasks(const struct pool *pool);

/* Finish the tasks in hand, let all processes go. */
void pool_drain(struct pool *pool);

/* Give up: tasks that were not begun are put back, those that were are answered
 * CREW_ELOST, all processes are killed. */
void pool_close(struct pool *pool);

/* SIGCHLD: see which processes have ended. */
void pool_reap(struct pool *pool);

/* ---- for a reload ---- */

/* Start COUNT candidates, which load APP. 0, or -1 with errno: there may be some. */
int pool_start_candidates(struct pool *pool, unsigned count, const char *app);
/* Kill all candidates. */
void pool_drop_candidates(struct pool *pool);
/* The candidates, all ready, are in charge now; those that were retire. */
void pool_promote_candidates(struct pool *pool);

/* The processes must be gone. Null is fine. */
void pool_free(struct pool *pool);

#endif
