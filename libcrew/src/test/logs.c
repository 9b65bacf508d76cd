/* The log lines of handlers, kept for the test. */
#include "test/test_room.h"

#include "base/xalloc.h"
#include <stdlib.h>
#include <string.h>

void test_log(void *arg, enum crew_log_level level, const char *request_id,
              const char *text) {
    struct crew_test *test = arg;
    test->logs = xreallocarray(test->logs, test->log_count + 1, sizeof *test->logs);
    test->logs[test->log_count++] =
        (struct crew_test_log){level, xstrdup(request_id), xstrdup(text)};
}

const struct crew_test_log *crew_test_logs(const crew_test *test, size_t *count) {
    *count = test->log_count;
    return test->logs;
}

bool crew_test_logged(const crew_test *test, const char *text) {
    for (size_t i = 0; i < test->log_count; i++)
        if (strstr(test->logs[i].text, text) != NULL)
            return true;
    return false;
}

void test_forget_logs(struct crew_test *test) {
    for (size_t i = 0; i < test->log_count; i++) {
        free((char *)test->logs[i].request_id);
        free((char *)test->logs[i].text);
    }
    free(test->logs);
    test->logs = NULL;
    test->log_count = 0;
}
