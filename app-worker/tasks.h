/* The names of the tasks that an app serves. */
#ifndef CREW_WORKER_TASKS_H
#define CREW_WORKER_TASKS_H

#include "wire/envelope.h"
#include <stdbool.h>
#include <stddef.h>

struct tasks {
    char **names; /* sorted */
    size_t count;
};

/* From a block of pairs, whose names they are. */
void tasks_init(struct tasks *tasks, struct wire_bytes pairs);
void tasks_fini(struct tasks *tasks);

/* Give FROM's names to TASKS, which loses its own. */
void tasks_move(struct tasks *tasks, struct tasks *from);

bool tasks_have(const struct tasks *tasks, const char *name);
bool tasks_equal(const struct tasks *a, const struct tasks *b);

/* "a, b, c", cut with "..." where TEXT ends. */
void tasks_describe(const struct tasks *tasks, char *text, size_t text_bytes);

#endif
