/* The handler processes of a worker, and the tasks that wait for one: which process takes
 * which task, how many processes there are, and what replaces those that end. */
#ifndef CREW_WORKER_PROCESS_POOL_H
#define CREW_WORKER_PROCESS_POOL_H

#include "child.h"

struct process_pool;

/* What the pool tells. Null handlers are never passed. */
struct process_pool_listener {
    void *arg;
    /* The first handler process is ready: process_pool_tasks is known. */
    void (*ready)(void *arg);
    /* The first handler process could not be made ready. WHY is one line. */
    void (*unusable)(void *arg, const char *why);
    /* A replacement loaded an app with other tasks: the .so has changed. */
    void (*changed)(void *arg);
    /* A candidate is ready, or (WHY not null) is gone. */
    void (*candidate)(void *arg, struct child *candidate, const char *why);
    /* After process_pool_drain or process_pool_close: no task and no process is left. */
    void (*empty)(void *arg);
};

/* Start the first process; the others follow when it is ready. They load the file APP.
 * SETTINGS and WORKER must outlive the pool, APP the time until others are in charge. */
struct process_pool *process_pool_new(uv_loop_t *loop, const struct settings *settings,
                                      const char *app, crew_worker *worker,
                                      const struct process_pool_listener *listener);

/* A task has come. */
void process_pool_add(struct process_pool *pool, crew_task *task);

/* The broker's answer to crew_worker_look. */
void process_pool_queue_seen(struct process_pool *pool, const char *task,
                             uint32_t messages, uint32_t consumers);

/* Of a task whose answer is a stream: so many bytes of body may be sent in all, modulo
 * 2^32; nobody reads it any more. */
void process_pool_credit(struct process_pool *pool, const crew_task *task,
                         uint32_t allowed_bytes);
void process_pool_gone(struct process_pool *pool, const crew_task *task);

/* Give no tasks to processes as long as IS_HELD; they wait here. */
void process_pool_hold(struct process_pool *pool, bool is_held);

/* Send what was given to processes. To be called before the loop waits. */
void process_pool_flush(struct process_pool *pool);

/* The tasks that the processes in charge serve. */
const struct task_names *process_pool_tasks(const struct process_pool *pool);

/* Finish the tasks in hand, let all processes go. */
void process_pool_drain(struct process_pool *pool);

/* Give up: tasks that were not begun are put back, those that were are answered
 * CREW_ELOST, all processes are killed. */
void process_pool_close(struct process_pool *pool);

/* SIGCHLD: see which processes have ended. */
void process_pool_reap(struct process_pool *pool);

/* ---- for a reload ---- */

/* Start COUNT candidates, which load APP. 0, or -1 with errno: there may be some. */
int process_pool_start_candidates(struct process_pool *pool, unsigned count,
                                  const char *app);
/* Kill all candidates. */
void process_pool_drop_candidates(struct process_pool *pool);
/* The candidates, all ready, are in charge now; those that were retire. */
void process_pool_promote_candidates(struct process_pool *pool);

/* The processes must be gone. Null is fine. */
void process_pool_free(struct process_pool *pool);

#endif
