#include "assignments.h"

#include <string.h>

int assignments_init(struct assignments *assignments, int *ring_fd) {
    *assignments = (struct assignments){.ring = task_ring_new(ring_fd)};
    return assignments->ring != NULL ? 0 : -1;
}

void assignments_fini(struct assignments *assignments) {
    task_ring_free(assignments->ring);
    assignments->ring = NULL;
}

struct assignment assignments_add(struct assignments *assignments, crew_task *task) {
    uint32_t generation = ++assignments->last_generation;
    if (generation == 0) /* stands for none */
        generation = ++assignments->last_generation;
    const struct assignment added = {task, generation % TASK_RING_SLOTS, generation};
    task_ring_offer(assignments->ring, added.slot, generation);
    if (assignments->current.task == NULL)
        assignments->current = added;
    else
        assignments->pipelined[assignments->pipelined_count++] = added;
    return added;
}

crew_task *assignments_current(const struct assignments *assignments) {
    return assignments->current.task;
}

uint32_t assignments_generation(const struct assignments *assignments) {
    return assignments->current.generation;
}

bool assignments_is_current(const struct assignments *assignments, uint32_t generation) {
    return generation != 0 && generation == assignments->current.generation;
}

bool assignments_have_pipelined(const struct assignments *assignments) {
    return assignments->pipelined_count > 0;
}

void assignments_finish_current(struct assignments *assignments) {
    if (assignments->current.task != NULL)
        crew_task_done(assignments->current.task);
    assignments->current = (struct assignment){.task = NULL};
}

void assignments_next(struct assignments *assignments) {
    assignments->current = assignments->pipelined[0];
    assignments->pipelined_count--;
    memmove(assignments->pipelined, assignments->pipelined + 1,
            assignments->pipelined_count * sizeof *assignments->pipelined);
}

/* When the last one was started, those before it were, too. */
crew_task *assignments_revoke(struct assignments *assignments, bool may_be_current) {
    unsigned count = assignments->pipelined_count;
    struct assignment *last =
        count > 0 ? &assignments->pipelined[count - 1] : &assignments->current;
    crew_task *task = last->task;
    if (task == NULL || (count == 0 && !may_be_current) ||
        !task_ring_claim(assignments->ring, last->slot, last->generation))
        return NULL;
    if (count > 0)
        assignments->pipelined_count--;
    else
        assignments->current = (struct assignment){.task = NULL};
    return task;
}

void assignments_answer_all(struct assignments *assignments, int error) {
    const struct crew_answer answer = {.error = error,
                                       .status = crew_error_status(error)};
    for (unsigned i = 0; i < assignments->pipelined_count; i++)
        crew_task_answer(assignments->pipelined[i].task, &answer);
    if (assignments->current.task != NULL)
        crew_task_answer(assignments->current.task, &answer);
}

void assignments_finish_all(struct assignments *assignments) {
    assignments_finish_current(assignments);
    while (assignments->pipelined_count > 0)
        crew_task_done(assignments->pipelined[--assignments->pipelined_count].task);
}

void assignments_read_stored(const struct assignments *assignments, struct buffer *to) {
    task_ring_read(assignments->ring, to);
}
