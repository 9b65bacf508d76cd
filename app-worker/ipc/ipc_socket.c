#include "app-worker/ipc/ipc_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READ_BYTES = 64 * 1024, /* at least; one read takes any small frame */
    KEPT_BYTES = 256 * 1024 /* of a buffer that has held a large frame */
};

#define LENGTH_BYTES sizeof(uint32_t) /* the item's own first field */

void ipc_socket_init(struct ipc_socket *socket, int fd, size_t max_frame_bytes) {
    *socket = (struct ipc_socket){.fd = fd, .max_frame_bytes = max_frame_bytes};
}

void ipc_socket_fini(struct ipc_socket *socket) {
    if (socket->fd >= 0)
        close(socket->fd);
    socket->fd = -1;
    buffer_fini(&socket->in);
    buffer_fini(&socket->out);
}

/* Bytes of the frame that begins at in_taken; 0 while that is unknown. */
static size_t frame_bytes(const struct ipc_socket *socket) {
    if (socket->in.len - socket->in_taken < LENGTH_BYTES)
        return 0;
    return LENGTH_BYTES + bytes_u32(socket->in.data + socket->in_taken);
}

static void drop_taken(struct ipc_socket *socket) {
    if (socket->in_taken == socket->in.len)
        buffer_reset(&socket->in, KEPT_BYTES);
    else
        buffer_consume(&socket->in, socket->in_taken);
    socket->in_taken = 0;
}

/* The rest of a large frame is read at once, so that it is not copied while the buffer
 * grows. */
static size_t bytes_to_read(const struct ipc_socket *socket) {
    size_t frame = frame_bytes(socket);
    if (frame > socket->max_frame_bytes)
        return READ_BYTES;
    size_t missing = frame > socket->in.len ? frame - socket->in.len : 0;
    return missing > READ_BYTES ? missing : READ_BYTES;
}

ssize_t ipc_socket_read(struct ipc_socket *socket) {
    drop_taken(socket);
    size_t room = bytes_to_read(socket);
    uint8_t *to = buffer_reserve(&socket->in, room);
    if (to == NULL) {
        errno = ENOMEM;
        return -1;
    }
    ssize_t got;
    do {
        got = recv(socket->fd, to, room, 0);
    } while (got < 0 && errno == EINTR);
    if (got > 0)
        socket->in.len += (size_t)got;
    return got;
}

bool ipc_socket_has_next(const struct ipc_socket *socket) {
    size_t frame = frame_bytes(socket);
    return frame > 0 && frame <= socket->in.len - socket->in_taken;
}

int ipc_socket_next(struct ipc_socket *socket, struct wire_item *item) {
    size_t frame = frame_bytes(socket);
    if (frame == 0)
        return 0;
    if (frame > socket->max_frame_bytes)
        return -1;
    if (frame > socket->in.len - socket->in_taken)
        return 0;
    const uint8_t *at = socket->in.data + socket->in_taken;
    struct wire_reader reader = {.at = at, .end = at + frame};
    socket->in_taken += frame;
    return wire_next(&reader, item) == 1 ? 1 : -1;
}

void ipc_socket_detach(struct ipc_socket *socket, struct buffer *held) {
    struct buffer rest = BUFFER_INIT;
    size_t rest_bytes = socket->in.len - socket->in_taken;
    if (rest_bytes > 0)
        buffer_append(&rest, socket->in.data + socket->in_taken, rest_bytes);
    *held = socket->in;
    socket->in = rest;
    socket->in_taken = 0;
}

int ipc_socket_flush(struct ipc_socket *socket) {
    struct buffer *out = &socket->out;
    while (!out->failed && socket->out_sent < out->len) {
        ssize_t sent = send(socket->fd, out->data + socket->out_sent,
                            out->len - socket->out_sent, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return 0;
        if (sent < 0 && errno != EINTR)
            return -1;
        if (sent > 0)
            socket->out_sent += (size_t)sent;
    }
    if (out->failed)
        return -1;
    buffer_reset(out, KEPT_BYTES);
    socket->out_sent = 0;
    return 1;
}
