#include "wire/outcome.h"

#include <stddef.h>

static const struct outcome outcomes[CREW_ERROR_COUNT] = {
    [CREW_OK] = {.description = "success"},
    [CREW_EINVAL] = {.description = "an argument is not acceptable"},
    [CREW_ENOMEM] = {.description = "out of memory"},
    [CREW_ESYSTEM] = {.description = "a system call failed"},
    [CREW_ETOOLARGE] = {.description = "over a limit"},
    [CREW_EMALFORMED] = {.description = "malformed"},
    [CREW_EEXIST] = {.description = "the name or id is taken"},
    [CREW_ECLOSED] = {.description = "being closed"},
    [CREW_EBROKER] = {"the message broker cannot be reached or is blocked", "broker", 503,
                      "The task queue is not available", 1},
    [CREW_EOVERLOADED] = {"too many requests are under way", "overloaded", 503,
                          "Too many requests", 1},
    [CREW_ENOWORKERS] = {"no worker serves this task", "no-workers", 503,
                         "No worker serves this task", 2},
    [CREW_EEXPIRED] = {"no worker took the task in time", "expired", 503,
                       "No worker took the task in time", 2},
    [CREW_ETIMEOUT] = {"the handler ran too long and was stopped", "timeout", 504,
                       "The task took too long and was stopped", 0},
    [CREW_EDEADLINE] = {"a worker took the task, but no answer came in time", "deadline",
                        504, "The task was begun and nothing more was heard of it", 0},
    [CREW_ECRASHED] = {"the handler crashed", "crashed", 502, "The task crashed", 0},
    [CREW_ELOST] =
        {"the connection or the worker was lost; whether the task ran is unknown", "lost",
         502, "The task was lost and must not be repeated", 0},
    [CREW_EFAILED] = {"the handler failed", "failed", 500, "The task failed", 0},
    [CREW_EBADRESPONSE] = {"the handler's response is not valid", "bad-response", 502,
                           "The task's response is not valid", 0},
    [CREW_EBADENVELOPE] = {"the worker could not read the task", "bad-envelope", 502,
                           "The worker could not read the task", 0},
    [CREW_ECANCELLED] = {.description = "the caller took the call back",
                         .word = "cancelled",
                         .status = 499},
    [CREW_EBADREQUEST] = {.description = "the request is not acceptable"},
};

const struct outcome *outcome_find(int error) {
    return error >= 0 && error < CREW_ERROR_COUNT ? &outcomes[error] : NULL;
}
