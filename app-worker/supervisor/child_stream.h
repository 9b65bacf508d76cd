/* An answer that leaves while its handler runs: head and chunks from the child to the
 * worker, credit the other way. The worker checks what may be sent (crew_task_chunk). */
#ifndef CREW_WORKER_CHILD_STREAM_H
#define CREW_WORKER_CHILD_STREAM_H

#include "assignments.h"
#include "ipc_endpoint.h"

struct child_stream {
    struct ipc_endpoint *endpoint;
    const struct assignments *assignments;
    bool has_begun; /* a part of the current task's answer has left */
};

void child_stream_init(struct child_stream *stream, struct ipc_endpoint *endpoint,
                       const struct assignments *assignments);

/* Frames HEAD and CHUNK. CREW_OK. CREW_EINVAL: not a frame that may come now.
 * CREW_ECANCELLED: the stream has no reader any more (only from child_stream_head).
 * IS_STOPPING: the handler was asked to stop, what it sends is dropped. */
int child_stream_head(struct child_stream *stream, const struct wire_item *item,
                      bool is_stopping);
int child_stream_chunk(struct child_stream *stream, const struct wire_item *item,
                       bool is_stopping);

/* The child may send so many bytes of body in all, modulo 2^32. */
void child_stream_credit(struct child_stream *stream, uint32_t allowed_bytes);

/* The child is to send no more of it, if it has begun. */
void child_stream_stop(struct child_stream *stream);

/* The task is finished. */
void child_stream_reset(struct child_stream *stream);

#endif
