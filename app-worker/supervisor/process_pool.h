/* The handler processes of a worker: they are started, served with tasks and reaped as
 * the scheduler decides (scheduler/scheduler.h). */
#ifndef CREW_WORKER_PROCESS_POOL_H
#define CREW_WORKER_PROCESS_POOL_H

#include "app-worker/settings.h"
#include "task_names.h"
#include <crew/worker.h>
#include <uv.h>

struct process_pool;

/* What the pool reports. */
struct process_pool_listener {
    void *arg;
    /* The first handler process is ready: process_pool_tasks is known. */
    void (*ready)(void *arg);
    /* The first handler process could not be made ready. WHY is one line. */
    void (*unusable)(void *arg, const char *why);
    /* A replacement loaded an app with other tasks: the .so has changed. */
    void (*changed)(void *arg);
    /* A candidate is ready, or (WHY not null) has failed. */
    void (*candidate)(void *arg, const char *why);
    /* After process_pool_drain or process_pool_close: no task and no process is left. */
    void (*empty)(void *arg);
};

/* Start the first process; the others follow when it is ready. They load the file APP.
 * SETTINGS and WORKER must outlive the pool, APP the processes that load it. */
struct process_pool *process_pool_new(uv_loop_t *loop, const struct settings *settings,
                                      const char *app, crew_worker *worker,
                                      const struct process_pool_listener *listener);

/* A task has arrived. */
void process_pool_add(struct process_pool *pool, crew_task *task);

/* The broker's answer to crew_worker_inspect_queue. */
void process_pool_queue_inspected(struct process_pool *pool, const char *task,
                                  uint32_t messages, uint32_t consumers);

/* Of a task whose answer is streamed: so many bytes of body may be sent in all, modulo
 * 2^32; the stream has no reader any more. */
void process_pool_credit(struct process_pool *pool, const crew_task *task,
                         uint32_t allowed_bytes);
void process_pool_unread(struct process_pool *pool, const crew_task *task);

/* Assign no tasks to processes as long as IS_HELD. */
void process_pool_hold(struct process_pool *pool, bool is_held);

/* Send what was assigned to processes. To be called before the loop waits. */
void process_pool_flush(struct process_pool *pool);

/* The tasks that the ACTIVE processes serve. */
const struct task_names *process_pool_tasks(const struct process_pool *pool);

/* Finish the tasks in hand, let all processes exit. */
void process_pool_drain(struct process_pool *pool);

/* Give up: tasks that were not started are requeued, those that were are answered
 * CREW_ELOST, all processes are killed. */
void process_pool_close(struct process_pool *pool);

/* SIGCHLD: see which processes have exited. */
void process_pool_reap(struct process_pool *pool);

/* ---- for a reload ---- */

/* Start COUNT candidates, which load APP. 0, or -1 with errno: some may have started. */
int process_pool_start_candidates(struct process_pool *pool, unsigned count,
                                  const char *app);
/* Kill all candidates. */
void process_pool_drop_candidates(struct process_pool *pool);
/* The candidates, all ready, are ACTIVE now; those that were are retired. */
void process_pool_promote_candidates(struct process_pool *pool);

/* No process is left. Null is fine. */
void process_pool_free(struct process_pool *pool);

#endif
