/* Makes a call once, or many times with several in progress at a time. */
#ifndef CREWCTL_BENCHMARK_H
#define CREWCTL_BENCHMARK_H

#include "connection.h"
#include "latency.h"
#include <stdbool.h>

struct benchmark {
    const struct crew_call *call;
    unsigned count;
    unsigned concurrency;
    /* Called when a call has ended; false: make no more calls. */
    bool (*on_answer)(void *arg, const struct crew_answer *answer);
    void *arg;

    /* results */
    unsigned ended;
    unsigned by_error[CREW_ERROR_COUNT];
    unsigned
        error_statuses; /* answers with status 400 or more; counted as answered too */
    unsigned cancelled;
    struct latency latency; /* of the answered calls */
    uint64_t duration_us;
    int start_error; /* why a call could not be started, or 0 */
};

/* Make the calls. Returns when the last one has ended, or on a signal after cancelling
 * the rest. */
void benchmark_run(struct benchmark *benchmark, struct connection *connection);

/* Print a summary on stderr. */
void benchmark_print(struct benchmark *benchmark);

/* The highest exit status of all calls. */
int benchmark_status(const struct benchmark *benchmark, bool fail_on_error_status);

#endif
