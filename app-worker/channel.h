/* The socket between the supervisor and a handler process: bytes in, frames out, and the
 * other way round. A frame is one item of the envelope (wire/envelope.h).
 *
 * The supervisor's end does not block, the handler's does; the functions are the same. */
#ifndef CREW_WORKER_CHANNEL_H
#define CREW_WORKER_CHANNEL_H

#include "wire/envelope.h"
#include <sys/types.h>

struct channel {
    int fd;
    size_t max_frame_bytes; /* what is larger is malformed */
    struct buffer in;
    size_t in_taken; /* bytes of `in` that channel_next has given out */
    struct buffer out;
    size_t out_sent;
};

void channel_init(struct channel *channel, int fd, size_t max_frame_bytes);
void channel_fini(struct channel *channel); /* closes the descriptor */

/* Read once. The number of bytes; 0 at the end; -1 with errno, EAGAIN when there is
 * nothing to read now. Items that channel_next gave are no longer valid. */
ssize_t channel_fill(struct channel *channel);

/* The next frame of what was read: 1, with ITEM pointing into the channel; 0: not there
 * yet; -1: no frame. */
int channel_next(struct channel *channel, struct wire_item *item);

/* Would channel_next give one without another read? */
bool channel_has_next(const struct channel *channel);

/* Make the bytes of the last item the caller's own: the item stays valid as long as HELD.
 */
void channel_hold(struct channel *channel, struct buffer *held);

/* Send what was put into channel->out. 1: all is sent; 0: the rest has to wait until the
 * socket takes more; -1: the other end is gone, or memory was out when it was put. */
int channel_flush(struct channel *channel);

#endif
