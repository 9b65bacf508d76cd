/* Frames over a stream socket. */
#include "channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READ_BYTES = 64 * 1024, /* at least; one read takes in any small frame */
    KEPT_BYTES = 256 * 1024 /* of a buffer that one large frame has blown up */
};

#define LENGTH_BYTES sizeof(uint32_t) /* the item's own first field */

void channel_init(struct channel *channel, int fd, size_t max_frame_bytes) {
    *channel = (struct channel){.fd = fd, .max_frame_bytes = max_frame_bytes};
}

void channel_fini(struct channel *channel) {
    if (channel->fd >= 0)
        close(channel->fd);
    channel->fd = -1;
    buffer_fini(&channel->in);
    buffer_fini(&channel->out);
}

/* Bytes of the frame that begins at in_taken, 0 while that cannot be told. */
static size_t frame_bytes(const struct channel *channel) {
    if (channel->in.len - channel->in_taken < LENGTH_BYTES)
        return 0;
    return LENGTH_BYTES + bytes_u32(channel->in.data + channel->in_taken);
}

static void drop_taken(struct channel *channel) {
    if (channel->in_taken == channel->in.len)
        buffer_reset(&channel->in, KEPT_BYTES);
    else
        buffer_consume(&channel->in, channel->in_taken);
    channel->in_taken = 0;
}

/* The rest of a large frame is asked for at once, so that it is not copied while the
 * buffer grows. */
static size_t bytes_to_read(const struct channel *channel) {
    size_t frame = frame_bytes(channel);
    if (frame > channel->max_frame_bytes)
        return READ_BYTES;
    size_t missing = frame > channel->in.len ? frame - channel->in.len : 0;
    return missing > READ_BYTES ? missing : READ_BYTES;
}

ssize_t channel_fill(struct channel *channel) {
    drop_taken(channel);
    size_t room = bytes_to_read(channel);
    uint8_t *to = buffer_reserve(&channel->in, room);
    if (to == NULL) {
        errno = ENOMEM;
        return -1;
    }
    ssize_t got;
    do {
        got = recv(channel->fd, to, room, 0);
    } while (got < 0 && errno == EINTR);
    if (got > 0)
        channel->in.len += (size_t)got;
    return got;
}

bool channel_has_next(const struct channel *channel) {
    size_t frame = frame_bytes(channel);
    return frame > 0 && frame <= channel->in.len - channel->in_taken;
}

int channel_next(struct channel *channel, struct wire_item *item) {
    size_t frame = frame_bytes(channel);
    if (frame == 0)
        return 0;
    if (frame > channel->max_frame_bytes)
        return -1;
    if (frame > channel->in.len - channel->in_taken)
        return 0;
    const uint8_t *at = channel->in.data + channel->in_taken;
    struct wire_reader reader = {.at = at, .end = at + frame};
    channel->in_taken += frame;
    return wire_next(&reader, item) == 1 ? 1 : -1;
}

void channel_hold(struct channel *channel, struct buffer *held) {
    struct buffer rest = BUFFER_INIT;
    size_t rest_bytes = channel->in.len - channel->in_taken;
    if (rest_bytes > 0)
        buffer_append(&rest, channel->in.data + channel->in_taken, rest_bytes);
    *held = channel->in;
    channel->in = rest;
    channel->in_taken = 0;
}

int channel_flush(struct channel *channel) {
    struct buffer *out = &channel->out;
    while (!out->failed && channel->out_sent < out->len) {
        ssize_t sent = send(channel->fd, out->data + channel->out_sent,
                            out->len - channel->out_sent, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return 0;
        if (sent < 0 && errno != EINTR)
            return -1;
        if (sent > 0)
            channel->out_sent += (size_t)sent;
    }
    if (out->failed)
        return -1;
    buffer_reset(out, KEPT_BYTES);
    channel->out_sent = 0;
    return 1;
}
