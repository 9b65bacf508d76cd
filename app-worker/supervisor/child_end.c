/* How a handler process ends, and what becomes of the tasks that it had. */
#include "child_internal.h"

#include "base/xalloc.h"
#include "daemon/log.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LAST_WORDS_READS = 64 /* a socket that somebody else still writes to has no end */
};

/* The caller is answered first, then the handler is told, and last what it waits for
 * comes back, so that it can see that it has been told. */
void child_tell_to_stop(struct child *child, enum ipc_stop_reason why) {
    struct subcall_group *calls = child->calls;
    child->calls = NULL;
    child_move(child, CHILD_STOPPING);
    spawn_stop(child->pid, why);
    if (child->streams)
        child_end_credit(child);
    child_end_publication(child);
    if (calls != NULL) {
        subcalls_cancel(calls);
        child_refuse_calls(child, CREW_ETIMEOUT);
    }
}

static void take_last_word(struct child *child, const struct wire_item *item) {
    if (item->kind == IPC_LOG)
        child_take_log(child, item);
    if (item->kind == IPC_HEAD && child->state == CHILD_BUSY)
        child_pass_on_head(child, item);
    if (item->kind == IPC_CHUNK && child->state == CHILD_BUSY)
        child_pass_on_chunk(child, item);
    if (item->kind != IPC_ANSWER || child->state != CHILD_BUSY ||
        child->current.generation == 0 ||
        ipc_generation(item) != child->current.generation ||
        !child_pass_on_answer(child, item) || child->pipelined_count == 0)
        return;
    child_task_done(child);
    child_next_task(child);
}

/* What the process said before it died counts: an answer that was sent is an answer, and
 * so is one that it kept. */
static void take_last_words(struct child *child) {
    struct wire_item item;
    for (int reads = 0; reads < LAST_WORDS_READS; reads++) {
        while (ipc_socket_next(&child->socket, &item) > 0)
            take_last_word(child, &item);
        if (ipc_socket_read(&child->socket) <= 0)
            break;
    }
    struct buffer kept = BUFFER_INIT;
    task_ring_read(child->ring, &kept);
    struct wire_reader reader = {.at = kept.data, .end = kept.data + kept.len};
    while (!kept.failed && kept.len > 0 && wire_next(&reader, &item) == 1)
        take_last_word(child, &item);
    buffer_fini(&kept);
}

/* Those ahead that it had begun, too: their answers, and that of the current one, were on
 * their way when it died. */
static void answer_all_with(struct child *child, int error) {
    for (unsigned i = 0; i < child->pipelined_count; i++)
        crew_task_answer(
            child->pipelined[i].task,
            &(struct crew_answer){.error = error, .status = crew_error_status(error)});
    if (child->task != NULL)
        child_answer_with(child, error); /* unless its last words were the answer */
}

void child_kill(struct child *child, enum child_end end, int error) {
    if (child->state >= CHILD_KILLED)
        return;
    kill(-child->pid, SIGKILL);
    if (end == CHILD_LOST)
        take_last_words(child);
    child->context->ending(child->context->arg, child);
    if (child->state == CHILD_BUSY || child->state == CHILD_WAITING)
        answer_all_with(child, error);
    subcalls_cancel(child->calls);
    child->calls = NULL;
    child_forget_publication(child);
    child->end = end;
    if (end == CHILD_UNRESPONSIVE)
        log_request(LOG_LEVEL_WARNING, child_task_id(child),
                    "handler process %d did not end within %u ms and was killed",
                    (int)child->pid, child->context->settings->grace_ms);
    if (end == CHILD_PROTOCOL_ERROR)
        log_request(LOG_LEVEL_ERROR, child_task_id(child),
                    "handler process %d sent a malformed frame and was killed",
                    (int)child->pid);
    child_move(child, CHILD_KILLED);
}

static void report_end(const struct child *child, int wait_status) {
    char how[64];
    spawn_describe_end(wait_status, how, sizeof how);
    enum child_state in = child->killed_in;
    bool is_expected =
        child->end != CHILD_LOST || in == CHILD_STARTING ||
        (in == CHILD_LEAVING && (wait_status == 0 || child->load_error != NULL));
    if (is_expected)
        log_debug("handler process %d %s", (int)child->pid, how);
    else
        log_request(in == CHILD_BUSY || in == CHILD_WAITING ? LOG_LEVEL_ERROR
                                                            : LOG_LEVEL_WARNING,
                    child_task_id(child), "handler process %d %s while it was %s",
                    (int)child->pid, how, child_state_name(in));
}

static void on_closed(uv_handle_t *uv) {
    struct child *child = uv->data;
    if (--child->open_handles > 0)
        return;
    task_ring_free(child->ring);
    ipc_socket_fini(&child->socket);
    ipc_scratch_fini(&child->scratch);
    task_names_fini(&child->tasks);
    free(child->load_error);
    free(child);
}

void child_reaped(struct child *child, int wait_status) {
    kill(-child->pid, SIGKILL); /* what it has started and left behind */
    child_kill(child, CHILD_LOST, CREW_ECRASHED);
    report_end(child, wait_status);
    if (child->killed_in == CHILD_STARTING && child->load_error == NULL) {
        char how[64];
        spawn_describe_end(wait_status, how, sizeof how);
        child->load_error = xcalloc(1, sizeof how + 64);
        snprintf(child->load_error, sizeof how + 64, "a handler process %s at its start",
                 how);
    }
    child_task_done(child);
    for (; child->pipelined_count > 0; child->pipelined_count--)
        crew_task_done(child->pipelined[child->pipelined_count - 1].task);
    child_forget_unsent(child);
    child_move(child, CHILD_GONE);
    uv_close((uv_handle_t *)&child->poll, on_closed);
    uv_close((uv_handle_t *)&child->timer, on_closed);
}
