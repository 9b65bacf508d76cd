/* Task names: `crew.tasks.NAME` is the queue. */
#ifndef CREW_WIRE_TASK_NAME_H
#define CREW_WIRE_TASK_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* 1 to LIMIT_TASK_NAME_BYTES bytes of UTF-8 without control characters. */
bool task_name_valid(const char *name, size_t bytes);

#endif
