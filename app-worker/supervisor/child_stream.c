#include "child_stream.h"

void child_stream_init(struct child_stream *stream, struct ipc_endpoint *endpoint,
                       const struct assignments *assignments) {
    *stream = (struct child_stream){.endpoint = endpoint, .assignments = assignments};
}

static void put_credit(struct child_stream *stream, uint32_t allowed_bytes, bool stop) {
    const struct ipc_credit credit = {.generation =
                                          assignments_generation(stream->assignments),
                                      .allowed_bytes = allowed_bytes,
                                      .stop = stop};
    ipc_put_credit(ipc_endpoint_out(stream->endpoint), &credit);
    ipc_endpoint_send(stream->endpoint);
}

void child_stream_credit(struct child_stream *stream, uint32_t allowed_bytes) {
    put_credit(stream, allowed_bytes, false);
}

void child_stream_stop(struct child_stream *stream) {
    if (stream->has_begun)
        put_credit(stream, 0, true);
}

void child_stream_reset(struct child_stream *stream) {
    stream->has_begun = false;
}

static bool is_current(const struct child_stream *stream, const struct wire_item *item) {
    return assignments_is_current(stream->assignments, ipc_generation(item));
}

int child_stream_head(struct child_stream *stream, const struct wire_item *item,
                      bool is_stopping) {
    struct crew_answer head;
    if (stream->has_begun || !is_current(stream, item) ||
        !ipc_get_answer(item, ipc_endpoint_scratch(stream->endpoint), &head))
        return CREW_EINVAL;
    stream->has_begun = true;
    if (is_stopping) {
        child_stream_stop(stream); /* the handler was asked to stop before it began */
        return CREW_OK;
    }
    int error = crew_task_head(assignments_current(stream->assignments), &head);
    return error == CREW_OK ? CREW_OK : CREW_ECANCELLED;
}

int child_stream_chunk(struct child_stream *stream, const struct wire_item *item,
                       bool is_stopping) {
    if (!stream->has_begun || !is_current(stream, item))
        return CREW_EINVAL;
    if (is_stopping)
        return CREW_OK;
    int error = crew_task_chunk(assignments_current(stream->assignments), item->body.data,
                                item->body.len);
    return error == CREW_EINVAL ? CREW_EINVAL : CREW_OK;
}
