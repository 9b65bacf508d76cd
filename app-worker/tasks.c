/* A sorted array of names. */
#include "tasks.h"

#include "base/xalloc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void tasks_init(struct tasks *tasks, struct wire_bytes pairs) {
    struct crew_pair pair;
    *tasks = (struct tasks){0};
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

void tasks_fini(struct tasks *tasks) {
    for (size_t i = 0; i < tasks->count; i++)
        free(tasks->names[i]);
    free(tasks->names);
    *tasks = (struct tasks){0};
}

void tasks_move(struct tasks *tasks, struct tasks *from) {
    tasks_fini(tasks);
    *tasks = *from;
    *from = (struct tasks){0};
}

bool tasks_have(const struct tasks *tasks, const char *name) {
    return tasks->count > 0 && bsearch(&name, tasks->names, tasks->count,
                                       sizeof *tasks->names, compare) != NULL;
}

bool tasks_equal(const struct tasks *a, const struct tasks *b) {
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->names[i], b->names[i]) != 0)
            return false;
    return true;
}

void tasks_describe(const struct tasks *tasks, char *text, size_t text_bytes) {
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
