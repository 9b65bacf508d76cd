#include "test/recorded_logs.h"

#include "base/xalloc.h"
#include <stdlib.h>
#include <string.h>

void recorded_logs_add(struct recorded_logs *logs, enum crew_log_level level,
                       const char *request_id, const char *text) {
    logs->lines = xreallocarray(logs->lines, logs->count + 1, sizeof *logs->lines);
    logs->lines[logs->count++] =
        (struct crew_test_log){level, xstrdup(request_id), xstrdup(text)};
}

bool recorded_logs_contain(const struct recorded_logs *logs, const char *text) {
    for (size_t i = 0; i < logs->count; i++)
        if (strstr(logs->lines[i].text, text) != NULL)
            return true;
    return false;
}

void recorded_logs_fini(struct recorded_logs *logs) {
    for (size_t i = 0; i < logs->count; i++) {
        free((char *)logs->lines[i].request_id);
        free((char *)logs->lines[i].text);
    }
    free(logs->lines);
    *logs = (struct recorded_logs){0};
}
