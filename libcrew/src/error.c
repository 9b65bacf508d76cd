/* The errors' sentences, and the outcomes' words and statuses (docs/wire.md, "Outcomes").
 */
#include <crew/error.h>

#include <string.h>

static const struct {
    const char *sentence;
    const char *word; /* null: no outcome of a call */
    int status;
} errors[CREW_ERROR_COUNT] = {
    [CREW_OK] = {"success", NULL, 0},
    [CREW_EINVAL] = {"an argument is not acceptable", NULL, 0},
    [CREW_ENOMEM] = {"out of memory", NULL, 0},
    [CREW_ESYSTEM] = {"a system call failed", NULL, 0},
    [CREW_ETOOLARGE] = {"over a limit", NULL, 0},
    [CREW_EMALFORMED] = {"malformed", NULL, 0},
    [CREW_EEXIST] = {"the name or id is taken", NULL, 0},
    [CREW_ECLOSED] = {"being closed", NULL, 0},
    [CREW_EBROKER] = {"the message broker cannot be reached or is blocked", "broker",
                      503},
    [CREW_EOVERLOADED] = {"too many requests are under way", "overloaded", 503},
    [CREW_ENOWORKERS] = {"no worker serves this task", "no-workers", 503},
    [CREW_EEXPIRED] = {"no worker took the task in time", "expired", 503},
    [CREW_ETIMEOUT] = {"the handler ran too long and was stopped", "timeout", 504},
    [CREW_EDEADLINE] = {"a worker took the task, but no answer came in time", "deadline",
                        504},
    [CREW_ECRASHED] = {"the handler crashed", "crashed", 502},
    [CREW_ELOST] =
        {"the connection or the worker was lost; whether the task ran is unknown", "lost",
         502},
    [CREW_EFAILED] = {"the handler failed", "failed", 500},
    [CREW_EBADRESPONSE] = {"the handler's response is not valid", "bad-response", 502},
    [CREW_EBADENVELOPE] = {"the worker could not read the task", "bad-envelope", 502},
    [CREW_ECANCELLED] = {"the caller took the call back", "cancelled", 499},
    [CREW_EBADREQUEST] = {"the request is not acceptable", NULL, 0},
};

static int is_error(int error) {
    return error >= 0 && error < CREW_ERROR_COUNT;
}

const char *crew_strerror(int error) {
    return is_error(error) ? errors[error].sentence : "unknown error";
}

const char *crew_error_word(int error) {
    return is_error(error) ? errors[error].word : NULL;
}

int crew_error_status(int error) {
    return crew_error_word(error) != NULL ? errors[error].status : 500;
}

int crew_error_from_word(const char *word, size_t word_bytes) {
    for (int error = 0; error < CREW_ERROR_COUNT; error++) {
        const char *known = errors[error].word;
        if (known != NULL && strlen(known) == word_bytes &&
            memcmp(known, word, word_bytes) == 0)
            return error;
    }
    return CREW_OK;
}
