#include "test/host_stack.h"

#include "base/clock.h"
#include "test/answer.h"
#include <crew/test.h>
#include <stdio.h>
#include <string.h>

/* ---- hosts ---- */

static int host_add(struct host_stack *s, unsigned at, char *why, size_t why_bytes) {
    struct crew_host_options options = s->options;
    snprintf(s->uuids[at], sizeof s->uuids[at], "00000000-0000-4000-8000-%012u", at + 1);
    options.uuid = s->uuids[at];
    return crew_host_new(&options, &s->hosts[at], why, why_bytes);
}

int host_stack_init(struct host_stack *s, const struct crew_host_options *options,
                    char *why, size_t why_bytes) {
    *s = (struct host_stack){.options = *options};
    return host_add(s, 0, why, why_bytes);
}

void host_stack_fini(struct host_stack *s) {
    for (unsigned i = 0; i < HOST_STACK_MAX; i++) {
        crew_host_free(s->hosts[i]);
        s->hosts[i] = NULL;
    }
}

bool host_stack_serves(const struct host_stack *s, const char *task) {
    size_t count;
    const char *const *tasks = crew_host_tasks(s->hosts[0], &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(tasks[i], task) == 0)
            return true;
    return false;
}

/* Null: its set-up failed, which is logged. */
static crew_host *next_host(struct host_stack *s, const char *request_id) {
    const struct crew_host_port *port = &s->options.port;
    char why[256];
    if (s->hosts[s->depth] == NULL && host_add(s, s->depth, why, sizeof why) != CREW_OK)
        port->log(port->arg, CREW_LOG_ERROR, request_id, why);
    return s->hosts[s->depth];
}

/* ---- running ---- */

bool host_stack_is_stopping(const struct host_stack *s) {
    const struct host_stack_run *run = &s->runs[s->depth - 1];
    uint64_t now_ms = clock_ms();
    return now_ms >= run->stops_at_ms || now_ms >= run->ends_at_ms;
}

static void run_on(struct host_stack *s, crew_host *host,
                   const struct crew_task_view *task, uint32_t left_ms, uint32_t run_ms,
                   struct crew_answer *answer) {
    struct host_stack_run *run = &s->runs[s->depth];
    uint64_t now_ms = clock_ms();
    run->ends_at_ms = now_ms + left_ms;
    run->stops_at_ms = UINT64_MAX;
    if (s->depth == 0 && run_ms != CREW_TEST_NEVER)
        run->stops_at_ms = now_ms + run_ms;
    s->depth++;
    crew_host_run(host, task, left_ms, answer);
    s->depth--;
    if (clock_ms() >= run->ends_at_ms)
        *answer = answer_error(CREW_ETIMEOUT);
}

void host_stack_run(struct host_stack *s, const struct crew_task_view *task,
                    uint32_t left_ms, uint32_t run_ms, struct crew_answer *answer) {
    if (s->depth == HOST_STACK_MAX) {
        *answer = answer_error(CREW_EOVERLOADED);
        return;
    }
    crew_host *host = next_host(s, task->id);
    if (host != NULL)
        run_on(s, host, task, left_ms, run_ms, answer);
    else
        *answer = answer_error(CREW_ENOWORKERS);
}
