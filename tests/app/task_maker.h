/* Tasks for tests, made from a list of names and values. */
#ifndef CREW_TEST_TASK_MAKER_H
#define CREW_TEST_TASK_MAKER_H

#include "base/buffer.h"
#include <crew/worker.h>

struct task_maker {
    struct buffer pairs;
    struct crew_task_view view;
};

/* Zero-terminated name, value, name, value ..., null. */
void task_maker_init(struct task_maker *maker, enum crew_form form, const char *task,
                     const char *const *params);
void task_maker_body(struct task_maker *maker, const void *body, size_t bytes);
void task_maker_fini(struct task_maker *maker);

#endif
