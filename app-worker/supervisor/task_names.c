/* A sorted array of names. */
#include "task_names.h"

#include "base/xalloc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void task_names_init(struct task_names *tasks, struct wire_bytes pairs) {
    struct crew_pair pair;
    *tasks = (struct task_names){0};
    while (wire_pairs_next(&pairs, &pair)) {
        tasks->names =
            xreallocarray(tasks->names, tasks->count + 1, sizeof *tasks->names);
        char *name = xcalloc(1, pair.name_bytes + 1);
        memcpy(name, pair.name, pair.name_bytes);
        tasks->names[tasks->count++] = name;
    }
    if (tasks->count > 0)
        qsort(tasks->names, tasks->count, sizeof *tasks->names, compare);
}

void task_names_fini(struct task_names *tasks) {
    for (size_t i = 0; i < tasks->count; i++)
        free(tasks->names[i]);
    free(tasks->names);
    *tasks = (struct task_names){0};
}

void task_names_move(struct task_names *tasks, struct task_names *from) {
    task_names_fini(tasks);
    *tasks = *from;
    *from = (struct task_names){0};
}

bool task_names_have(const struct task_names *tasks, const char *name) {
    return tasks->count > 0 && bsearch(&name, tasks->names, tasks->count,
                                       sizeof *tasks->names, compare) != NULL;
}

bool task_names_equal(const struct task_names *a, const struct task_names *b) {
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->names[i], b->names[i]) != 0)
            return false;
    return true;
}

void task_names_describe(const struct task_names *tasks, char *text, size_t text_bytes) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < tasks->count; i++) {
        int added = snprintf(text + used, text_bytes - used, "%s%s", i > 0 ? ", " : "",
                             tasks->names[i]);
        if (added < 0 || (size_t)added >= text_bytes - used) {
            const char dots[] = "...";
            if (text_bytes >= sizeof dots)
                memcpy(text + text_bytes - sizeof dots, dots, sizeof dots);
            return;
        }
        used += (size_t)added;
    }
}
