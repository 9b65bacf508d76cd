#include "wire/retry_policy.h"

#include <crew/error.h>
#include <string.h>

int retry_after_loss(enum retry_progress progress, bool may_repeat) {
    switch (progress) {
    case RETRY_NEVER_SENT:
        return CREW_EBROKER;
    case RETRY_NOT_STARTED:
        return CREW_OK;
    case RETRY_MAY_HAVE_RUN:
        return may_repeat ? CREW_OK : CREW_ELOST;
    case RETRY_ANSWER_BEGUN:
        break;
    }
    return CREW_ELOST;
}

int retry_error_without_connection(enum retry_progress progress) {
    return progress == RETRY_NEVER_SENT ? CREW_EBROKER : CREW_ELOST;
}

enum crew_repeat retry_repeat_of_method(const char *method, size_t method_bytes) {
    static const char *const idempotent[] = {"GET",   "HEAD", "OPTIONS",
                                             "TRACE", "PUT",  "DELETE"};
    for (size_t i = 0; i < sizeof idempotent / sizeof *idempotent; i++)
        if (strlen(idempotent[i]) == method_bytes &&
            memcmp(idempotent[i], method, method_bytes) == 0)
            return CREW_REPEAT_ALWAYS;
    return CREW_REPEAT_NEVER;
}
