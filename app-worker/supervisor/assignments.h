/* The tasks that a child was assigned: the one that it runs, and those pipelined behind.
 * Each is in a slot of the task ring (ipc/task_ring.h) under a generation of its own,
 * until the child starts it or the supervisor revokes it. */
#ifndef CREW_WORKER_ASSIGNMENTS_H
#define CREW_WORKER_ASSIGNMENTS_H

#include "app-worker/ipc/task_ring.h"
#include "app-worker/scheduler/scheduler.h"
#include <crew/worker.h>

struct assignment {
    crew_task *task;
    uint32_t slot;
    uint32_t generation; /* 0: none */
};

struct assignments {
    struct task_ring *ring;
    struct assignment current; /* assigned first and not yet finished */
    struct assignment pipelined[SCHEDULER_MAX_PIPELINED]; /* behind it, in their order */
    unsigned pipelined_count;
    uint32_t last_generation;
};

/* *RING_FD is for the child, and to be closed. 0, or -1 with errno. */
int assignments_init(struct assignments *assignments, int *ring_fd);
/* No task is left. */
void assignments_fini(struct assignments *assignments);

/* Assign one more: the current one where there is none, else pipelined. */
struct assignment assignments_add(struct assignments *assignments, crew_task *task);

crew_task *assignments_current(const struct assignments *assignments); /* or null */
/* Is there a current task, and is it of this generation? */
bool assignments_is_current(const struct assignments *assignments, uint32_t generation);
uint32_t assignments_generation(const struct assignments *assignments);

bool assignments_have_pipelined(const struct assignments *assignments);

/* Nothing runs for the current task any more: crew_task_done. Then the first of those
 * that are pipelined becomes the current one. */
void assignments_finish_current(struct assignments *assignments);
void assignments_next(struct assignments *assignments);

/* Revoke the last one that the child has not started, or null. The current one only when
 * MAY_BE_CURRENT. */
crew_task *assignments_revoke(struct assignments *assignments, bool may_be_current);

/* Answer all of them with ERROR, unless they have an answer; finish all of them. */
void assignments_answer_all(struct assignments *assignments, int error);
void assignments_finish_all(struct assignments *assignments);

/* Append the answers that the child has stored and not sent (frames) to TO. */
void assignments_read_stored(const struct assignments *assignments, struct buffer *to);

#endif
