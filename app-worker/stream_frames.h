/* The frames CHUNK and CREDIT of a streamed answer; HEAD looks like an ANSWER (frames.h).
 */
#ifndef CREW_WORKER_STREAM_FRAMES_H
#define CREW_WORKER_STREAM_FRAMES_H

#include "frames.h"

/* What a handler process may send of the answer to the RUN with this ticket. */
struct frame_credit {
    uint32_t ticket;
    uint32_t allowed_bytes; /* of the body in all, modulo 2^32 */
    bool stop;              /* nothing more: nobody wants it */
};

void frame_put_chunk(struct buffer *to, const void *data, size_t bytes, uint32_t ticket);
void frame_put_credit(struct buffer *to, const struct frame_credit *credit);

/* False: not such a frame. */
bool frame_get_credit(const struct wire_item *item, struct frame_credit *credit);

#endif
