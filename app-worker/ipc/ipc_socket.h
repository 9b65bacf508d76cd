/* Frames over the stream socket between the supervisor and a handler process. A frame is
 * one item of the envelope (wire/envelope.h).
 *
 * The supervisor's end does not block, the other one does; the functions are the same. */
#ifndef CREW_WORKER_IPC_SOCKET_H
#define CREW_WORKER_IPC_SOCKET_H

#include "wire/envelope.h"
#include <sys/types.h>

struct ipc_socket {
    int fd;
    size_t max_frame_bytes; /* what is larger is malformed */
    struct buffer in;
    size_t in_taken; /* bytes of `in` that ipc_socket_next has returned */
    struct buffer out;
    size_t out_sent;
};

void ipc_socket_init(struct ipc_socket *socket, int fd, size_t max_frame_bytes);
void ipc_socket_fini(struct ipc_socket *socket); /* closes the descriptor */

/* Read once. The number of bytes; 0 at the end; -1 with errno, EAGAIN when there is
 * nothing to read now. Items of ipc_socket_next are invalid from now on. */
ssize_t ipc_socket_read(struct ipc_socket *socket);

/* The next frame of what was read: 1, with ITEM pointing into the socket's buffer; 0: it
 * is incomplete; -1: malformed or too large. */
int ipc_socket_next(struct ipc_socket *socket, struct wire_item *item);

/* Would ipc_socket_next return one without another read? */
bool ipc_socket_has_next(const struct ipc_socket *socket);

/* Move the bytes of the last item to HELD: the item stays valid as long as that. */
void ipc_socket_detach(struct ipc_socket *socket, struct buffer *held);

/* Send what was put into socket->out. 1: all is sent; 0: the rest has to wait until the
 * socket is writable; -1: the other end is closed, or memory was out when it was put. */
int ipc_socket_flush(struct ipc_socket *socket);

#endif
