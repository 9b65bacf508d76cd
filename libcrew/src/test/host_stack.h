/* The app, loaded once for each handler that runs at the same time.
 *
 * A handler may call a task of its own app. In production another handler process runs
 * that task while the first one waits. Here the second handler runs on a second host, the
 * handlers that it calls on a third one, and so on. Each host has its own app state.
 * Hosts are made when they are first needed, except the first.
 */
#ifndef CREW_TEST_HOST_STACK_H
#define CREW_TEST_HOST_STACK_H

#include "base/random.h"
#include <crew/host.h>

/* The limit to calls inside calls; a worker has one too (app-worker --max-processes). */
enum { HOST_STACK_MAX = 16 };

struct host_stack {
    struct crew_host_options options;
    crew_host *hosts[HOST_STACK_MAX];
    struct host_stack_run { /* times by clock_ms() */
        uint64_t ends_at_ms;
        uint64_t stops_at_ms;
    } runs[HOST_STACK_MAX]; /* of the handlers that run now */
    char uuids[HOST_STACK_MAX][UUID_BYTES];
    unsigned depth; /* how many handlers run now */
};

/* Make the first host. OPTIONS is copied, what it points to must outlive the stack; its
 * uuid is set here for each host. Errors as crew_host_new; then S is as after
 * host_stack_fini. */
int host_stack_init(struct host_stack *s, const struct crew_host_options *options,
                    char *why, size_t why_bytes);
void host_stack_fini(struct host_stack *s);

/* True when the app has a handler for TASK. */
bool host_stack_serves(const struct host_stack *s, const char *task);

/* Run the handler for TASK on the next host. It is to stop after RUN_MS
 * (CREW_TEST_NEVER: only after LEFT_MS); RUN_MS counts for a handler that no other has
 * called. ANSWER's memory is valid until the next run at the same depth. */
void host_stack_run(struct host_stack *s, const struct crew_task_view *task,
                    uint32_t left_ms, uint32_t run_ms, struct crew_answer *answer);

/* True when the innermost handler that runs is to stop. */
bool host_stack_is_stopping(const struct host_stack *s);

#endif
