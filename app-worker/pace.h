/* How long requests like this one took. A handler process that expects the next one to be
 * short may keep answers for a moment, to send several in one write. */
#ifndef CREW_WORKER_PACE_H
#define CREW_WORKER_PACE_H

#include <crew/worker.h>

enum { PACE_PLACES = 1024 };

/* Zeroed memory is valid. */
struct pace {
    struct {
        uint64_t key;
        uint32_t run_us;
    } seen[PACE_PLACES];
};

/* Requests that have the same task, method, path, query and body have the same key. 0:
 * not to be compared, its body is too large to look at. */
uint64_t pace_key(const struct crew_task_view *task);

/* Was a request with this key run lately, and never took long? */
bool pace_is_short(const struct pace *pace, uint64_t key);

void pace_note(struct pace *pace, uint64_t key, uint64_t run_us);

#endif
