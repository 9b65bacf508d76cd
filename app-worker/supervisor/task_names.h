/* The names of the tasks that an app serves. */
#ifndef CREW_WORKER_TASK_NAMES_H
#define CREW_WORKER_TASK_NAMES_H

#include "wire/envelope.h"
#include <stdbool.h>
#include <stddef.h>

struct task_names {
    char **names; /* sorted */
    size_t count;
};

/* From a block of pairs: their names. */
void task_names_init(struct task_names *tasks, struct wire_bytes pairs);
void task_names_fini(struct task_names *tasks);

/* Move FROM's names to TASKS; those it had are freed. */
void task_names_move(struct task_names *tasks, struct task_names *from);

bool task_names_have(const struct task_names *tasks, const char *name);
bool task_names_equal(const struct task_names *a, const struct task_names *b);

/* "a, b, c", cut with "..." where TEXT ends. */
void task_names_describe(const struct task_names *tasks, char *text, size_t text_bytes);

#endif
