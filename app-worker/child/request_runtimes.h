/* A table of how long requests like this one took. A handler process that expects the
 * next one to be short may store answers for a moment, to send several in one write. */
#ifndef CREW_WORKER_REQUEST_RUNTIMES_H
#define CREW_WORKER_REQUEST_RUNTIMES_H

#include <crew/worker.h>

enum { RUNTIMES_SLOTS = 1024 };

/* Zeroed memory is valid. */
struct request_runtimes {
    struct {
        uint64_t key;
        uint32_t run_us;
    } seen[RUNTIMES_SLOTS];
};

/* Requests that have the same task, method, path, query and body have the same key. 0:
 * its body is too large to be compared. */
uint64_t request_runtimes_key(const struct crew_task_view *task);

/* Has a request with this key run lately, and were all of them short? */
bool request_runtimes_is_short(const struct request_runtimes *runtimes, uint64_t key);

void request_runtimes_note(struct request_runtimes *runtimes, uint64_t key,
                           uint64_t run_us);

#endif
