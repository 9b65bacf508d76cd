/* An answer that leaves while its handler runs: pieces from the process to the worker,
 * credit the other way. What a process may send is the worker's to judge; one that sends
 * more is out of its mind. */
#include "handler_room.h"

#include "daemon/log.h"
#include "stream_frames.h"

static void put_credit(struct handler *handler, uint32_t allowed_bytes, bool stop) {
    const struct frame_credit credit = {
        .ticket = handler->current.ticket, .allowed_bytes = allowed_bytes, .stop = stop};
    frame_put_credit(&handler->channel.out, &credit);
    handler_send_frames(handler);
}

void handler_end_credit(struct handler *handler) {
    put_credit(handler, 0, true);
}

void handler_credit(struct handler *handler, uint32_t allowed_bytes) {
    if (handler->state == HANDLER_BUSY || handler->state == HANDLER_WAITING)
        put_credit(handler, allowed_bytes, false);
}

void handler_gone(struct handler *handler) {
    if (handler->state != HANDLER_BUSY && handler->state != HANDLER_WAITING)
        return;
    log_request(LOG_LEVEL_DEBUG, handler_task_id(handler),
                "nobody reads the answer any more: handler %d is told to stop",
                (int)handler->pid);
    handler_answer_with(handler, CREW_ELOST);
    handler_tell_to_stop(handler, SPAWN_STOP_UNWANTED);
}

static bool is_current(const struct handler *handler, const struct wire_item *item) {
    return handler->current.ticket != 0 && frame_ticket(item) == handler->current.ticket;
}

bool handler_pass_on_head(struct handler *handler, const struct wire_item *item) {
    struct crew_answer head;
    if (!is_current(handler, item) || handler->streams)
        return false;
    if (!frame_get_answer(item, &handler->parts, &head))
        return false;
    handler->streams = true;
    if (handler->state == HANDLER_STOPPING) {
        handler_end_credit(handler); /* it was told before it began */
        return true;
    }
    handler->is_slow = true;
    handler_take_back(handler, HANDLER_AHEAD_MOST);
    if (crew_task_head(handler->task, &head) != CREW_OK)
        handler_gone(handler);
    handler->context->gave_back(handler->context->arg);
    return true;
}

bool handler_pass_on_chunk(struct handler *handler, const struct wire_item *item) {
    if (!is_current(handler, item) || !handler->streams)
        return false;
    return handler->state == HANDLER_STOPPING ||
           crew_task_chunk(handler->task, item->body.data, item->body.len) != CREW_EINVAL;
}
