/* A call made once, or many times with several under way. */
#ifndef CREWCTL_SERIES_H
#define CREWCTL_SERIES_H

#include "connection.h"
#include "latency.h"
#include <stdbool.h>

struct series {
    const struct crew_call *call;
    unsigned count;
    unsigned parallel;
    /* Called for each end of a call; false: make no more of them. */
    bool (*on_end)(void *arg, const struct crew_answer *answer);
    void *arg;

    /* What came of it. */
    unsigned ended;
    unsigned by_error[CREW_ERROR_COUNT];
    unsigned
        error_statuses; /* answers with status 400 or more, counted as answered, too */
    unsigned cancelled;
    struct latency latency; /* of the answered ones */
    uint64_t lasted_us;
    int refused; /* why a call could not even be made, or 0 */
};

/* Make the calls; ends when the last has ended, or a signal comes: the others are taken
 * back then. */
void series_run(struct series *series, struct connection *connection);

/* The summary of many, on stderr. */
void series_print(struct series *series);

/* The worst exit status of them all. */
int series_status(const struct series *series, bool fail_on_error_status);

#endif
