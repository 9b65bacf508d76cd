/* The log lines that handlers have written. */
#ifndef CREW_TEST_RECORDED_LOGS_H
#define CREW_TEST_RECORDED_LOGS_H

#include <crew/test.h>

/* Zeroed memory is an empty list. */
struct recorded_logs {
    struct crew_test_log *lines;
    size_t count;
};

void recorded_logs_add(struct recorded_logs *logs, enum crew_log_level level,
                       const char *request_id, const char *text);
bool recorded_logs_contain(const struct recorded_logs *logs, const char *text);

/* Remove all lines and free their memory. */
void recorded_logs_fini(struct recorded_logs *logs);

#endif
