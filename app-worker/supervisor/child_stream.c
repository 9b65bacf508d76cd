/* An answer that leaves while its handler runs: pieces from the process to the worker,
 * credit the other way. What a process may send is the worker's to judge; one that sends
 * more is out of its mind. */
#include "child_internal.h"

#include "app-worker/ipc/ipc_protocol.h"
#include "daemon/log.h"

static void put_credit(struct child *child, uint32_t allowed_bytes, bool stop) {
    const struct ipc_credit credit = {.generation = child->current.generation,
                                      .allowed_bytes = allowed_bytes,
                                      .stop = stop};
    ipc_put_credit(&child->socket.out, &credit);
    child_send_frames(child);
}

void child_end_credit(struct child *child) {
    put_credit(child, 0, true);
}

void child_credit(struct child *child, uint32_t allowed_bytes) {
    if (child->state == CHILD_BUSY || child->state == CHILD_WAITING)
        put_credit(child, allowed_bytes, false);
}

void child_stream_closed(struct child *child) {
    if (child->state != CHILD_BUSY && child->state != CHILD_WAITING)
        return;
    log_request(LOG_LEVEL_DEBUG, child_task_id(child),
                "nobody reads the answer any more: handler %d is told to stop",
                (int)child->pid);
    child_answer_with(child, CREW_ELOST);
    child_tell_to_stop(child, IPC_STOP_UNWANTED);
}

static bool is_current(const struct child *child, const struct wire_item *item) {
    return child->current.generation != 0 &&
           ipc_generation(item) == child->current.generation;
}

bool child_pass_on_head(struct child *child, const struct wire_item *item) {
    struct crew_answer head;
    if (!is_current(child, item) || child->streams)
        return false;
    if (!ipc_get_answer(item, &child->scratch, &head))
        return false;
    child->streams = true;
    if (child->state == CHILD_STOPPING) {
        child_end_credit(child); /* it was told before it began */
        return true;
    }
    child->context->revoke(child->context->arg, child, true);
    if (crew_task_head(child->task, &head) != CREW_OK)
        child_stream_closed(child);
    child->context->revoked(child->context->arg);
    return true;
}

bool child_pass_on_chunk(struct child *child, const struct wire_item *item) {
    if (!is_current(child, item) || !child->streams)
        return false;
    return child->state == CHILD_STOPPING ||
           crew_task_chunk(child->task, item->body.data, item->body.len) != CREW_EINVAL;
}
