/* How a handler process ends, and what becomes of the tasks that it had. */
#include "handler_room.h"

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
void handler_tell_to_stop(struct handler *handler, enum spawn_stop why) {
    struct calls_group *calls = handler->calls;
    handler->calls = NULL;
    handler_move(handler, HANDLER_STOPPING);
    spawn_stop(handler->pid, why);
    if (handler->streams)
        handler_end_credit(handler);
    handler_end_publication(handler);
    if (calls != NULL) {
        calls_cancel(calls);
        handler_refuse_calls(handler, CREW_ETIMEOUT);
    }
}

static void take_last_word(struct handler *handler, const struct wire_item *item) {
    if (item->kind == FRAME_LOG)
        handler_take_log(handler, item);
    if (item->kind == FRAME_HEAD && handler->state == HANDLER_BUSY)
        handler_pass_on_head(handler, item);
    if (item->kind == FRAME_CHUNK && handler->state == HANDLER_BUSY)
        handler_pass_on_chunk(handler, item);
    if (item->kind != FRAME_ANSWER || handler->state != HANDLER_BUSY ||
        handler->current.ticket == 0 || frame_ticket(item) != handler->current.ticket ||
        !handler_pass_on_answer(handler, item) || handler->ahead_count == 0)
        return;
    handler_task_done(handler);
    handler_next_task(handler);
}

/* What the process said before it died counts: an answer that was sent is an answer, and
 * so is one that it kept. */
static void take_last_words(struct handler *handler) {
    struct wire_item item;
    for (int reads = 0; reads < LAST_WORDS_READS; reads++) {
        while (channel_next(&handler->channel, &item) > 0)
            take_last_word(handler, &item);
        if (channel_fill(&handler->channel) <= 0)
            break;
    }
    struct buffer kept = BUFFER_INIT;
    claims_look(handler->claims, &kept);
    struct wire_reader reader = {.at = kept.data, .end = kept.data + kept.len};
    while (!kept.failed && kept.len > 0 && wire_next(&reader, &item) == 1)
        take_last_word(handler, &item);
    buffer_fini(&kept);
}

/* What it has not begun, somebody else can run. */
static void take_all_back(struct handler *handler) {
    handler_take_back(handler, HANDLER_AHEAD_MOST);
    if (handler->state != HANDLER_BUSY || handler->ahead_count > 0 ||
        !claims_take(handler->claims, handler->current.place, handler->current.ticket))
        return;
    crew_task *task = handler->task;
    handler->task = NULL;
    crew_task_unbegin(task);
    handler->context->unbegun(handler->context->arg, task);
}

/* Those ahead that it had begun, too: their answers, and that of the current one, were on
 * their way when it died. */
static void answer_all_with(struct handler *handler, int error) {
    for (unsigned i = 0; i < handler->ahead_count; i++)
        crew_task_answer(
            handler->ahead[i].task,
            &(struct crew_answer){.error = error, .status = crew_error_status(error)});
    if (handler->task != NULL)
        handler_answer_with(handler, error); /* unless its last words were the answer */
}

void handler_kill(struct handler *handler, enum handler_end end, int error) {
    if (handler->state >= HANDLER_KILLED)
        return;
    kill(-handler->pid, SIGKILL);
    if (end == HANDLER_LOST)
        take_last_words(handler);
    if (handler->state == HANDLER_BUSY || handler->state == HANDLER_WAITING) {
        take_all_back(handler);
        answer_all_with(handler, error);
    }
    calls_cancel(handler->calls);
    handler->calls = NULL;
    handler_forget_publication(handler);
    handler->end = end;
    if (end == HANDLER_DEAF)
        log_request(LOG_LEVEL_WARNING, handler_task_id(handler),
                    "handler %d did not end within %u ms and was killed",
                    (int)handler->pid, handler->context->settings->grace_ms);
    if (end == HANDLER_BABBLED)
        log_request(LOG_LEVEL_ERROR, handler_task_id(handler),
                    "handler %d sent what is no frame and was killed", (int)handler->pid);
    handler_move(handler, HANDLER_KILLED);
}

static void report_end(const struct handler *handler, int wait_status) {
    char how[64];
    spawn_describe_end(wait_status, how, sizeof how);
    enum handler_state in = handler->killed_in;
    bool is_expected =
        handler->end != HANDLER_LOST || in == HANDLER_STARTING ||
        (in == HANDLER_LEAVING && (wait_status == 0 || handler->refusal != NULL));
    if (is_expected)
        log_debug("handler %d %s", (int)handler->pid, how);
    else
        log_request(in == HANDLER_BUSY || in == HANDLER_WAITING ? LOG_LEVEL_ERROR
                                                                : LOG_LEVEL_WARNING,
                    handler_task_id(handler), "handler %d %s while it was %s",
                    (int)handler->pid, how, handler_state_name(in));
}

static void on_closed(uv_handle_t *uv) {
    struct handler *handler = uv->data;
    if (--handler->open_handles > 0)
        return;
    claims_free(handler->claims);
    channel_fini(&handler->channel);
    frame_parts_fini(&handler->parts);
    tasks_fini(&handler->tasks);
    free(handler->refusal);
    free(handler);
}

void handler_reaped(struct handler *handler, int wait_status) {
    kill(-handler->pid, SIGKILL); /* what it has started and left behind */
    handler_kill(handler, HANDLER_LOST, CREW_ECRASHED);
    report_end(handler, wait_status);
    if (handler->killed_in == HANDLER_STARTING && handler->refusal == NULL) {
        char how[64];
        spawn_describe_end(wait_status, how, sizeof how);
        handler->refusal = xcalloc(1, sizeof how + 64);
        snprintf(handler->refusal, sizeof how + 64, "a handler process %s at its start",
                 how);
    }
    handler_task_done(handler);
    for (; handler->ahead_count > 0; handler->ahead_count--, --*handler->context->ahead)
        crew_task_done(handler->ahead[handler->ahead_count - 1].task);
    handler_forget_unsent(handler);
    handler_move(handler, HANDLER_GONE);
    uv_close((uv_handle_t *)&handler->poll, on_closed);
    uv_close((uv_handle_t *)&handler->timer, on_closed);
}
