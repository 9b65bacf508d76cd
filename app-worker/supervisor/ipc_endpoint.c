#include "ipc_endpoint.h"

#include <errno.h>
#include <utlist.h>

enum { DRAIN_READS = 64 }; /* a descendant may keep the socket open and write to it */

static void on_ready(uv_poll_t *poll, int status, int events);

void ipc_endpoint_init(struct ipc_endpoint *endpoint, uv_loop_t *loop, int fd,
                       size_t max_frame_bytes, struct ipc_send_queue *queue,
                       const struct ipc_endpoint_listener *listener, void *arg) {
    endpoint->listener = listener;
    endpoint->arg = arg;
    endpoint->queue = queue;
    ipc_socket_init(&endpoint->socket, fd, max_frame_bytes);
    uv_poll_init(loop, &endpoint->poll, fd);
    endpoint->poll.data = endpoint;
    uv_poll_start(&endpoint->poll, UV_READABLE, on_ready);
}

struct buffer *ipc_endpoint_out(struct ipc_endpoint *endpoint) {
    return &endpoint->socket.out;
}

struct ipc_scratch *ipc_endpoint_scratch(struct ipc_endpoint *endpoint) {
    return &endpoint->scratch;
}

void ipc_endpoint_detach(struct ipc_endpoint *endpoint, struct buffer *bytes) {
    ipc_socket_detach(&endpoint->socket, bytes);
}

/* ---- sending ---- */

void ipc_endpoint_send(struct ipc_endpoint *endpoint) {
    bool is_incomplete = endpoint->socket.out.failed;
    if (endpoint->is_stopped)
        return;
    int sent = ipc_socket_flush(&endpoint->socket);
    if (is_incomplete)
        endpoint->listener->failed(endpoint->arg, IPC_ENDPOINT_NO_MEMORY);
    else if (sent == 0)
        uv_poll_start(&endpoint->poll, UV_READABLE | UV_WRITABLE, on_ready);
}

static void unqueue(struct ipc_endpoint *endpoint) {
    if (endpoint->is_queued)
        DL_DELETE(endpoint->queue->first, endpoint);
    endpoint->is_queued = false;
}

void ipc_endpoint_queue(struct ipc_endpoint *endpoint) {
    if (!endpoint->is_queued)
        DL_APPEND(endpoint->queue->first, endpoint);
    endpoint->is_queued = true;
}

void ipc_send_queue_flush(struct ipc_send_queue *queue) {
    struct ipc_endpoint *endpoint;
    while ((endpoint = queue->first) != NULL) {
        unqueue(endpoint);
        ipc_endpoint_send(endpoint);
    }
}

/* ---- reading ---- */

static void read_frames(struct ipc_endpoint *endpoint) {
    struct wire_item item;
    int got = 0;
    ssize_t bytes = ipc_socket_read(&endpoint->socket);
    if (bytes < 0 && errno == EAGAIN)
        return;
    if (bytes <= 0) {
        endpoint->listener->failed(endpoint->arg, IPC_ENDPOINT_CLOSED);
        return;
    }
    while (!endpoint->is_stopped && (got = ipc_socket_next(&endpoint->socket, &item)) > 0)
        endpoint->listener->frame(endpoint->arg, &item);
    if (got < 0 && !endpoint->is_stopped)
        endpoint->listener->failed(endpoint->arg, IPC_ENDPOINT_MALFORMED);
}

/* STATUS is an error when the process has died with unread frames (ECONNRESET); what it
 * has sent can be read nevertheless. */
static void on_ready(uv_poll_t *poll, int status, int events) {
    struct ipc_endpoint *endpoint = poll->data;
    if (status < 0) {
        endpoint->listener->failed(endpoint->arg, IPC_ENDPOINT_CLOSED);
        return;
    }
    if ((events & UV_WRITABLE) != 0 && ipc_socket_flush(&endpoint->socket) != 0)
        uv_poll_start(&endpoint->poll, UV_READABLE, on_ready);
    if ((events & UV_READABLE) != 0)
        read_frames(endpoint);
}

void ipc_endpoint_drain(struct ipc_endpoint *endpoint,
                        void (*frame)(void *arg, const struct wire_item *item)) {
    struct wire_item item;
    for (int reads = 0; reads < DRAIN_READS; reads++) {
        while (ipc_socket_next(&endpoint->socket, &item) > 0)
            frame(endpoint->arg, &item);
        if (ipc_socket_read(&endpoint->socket) <= 0)
            break;
    }
}

/* ---- the end ---- */

void ipc_endpoint_stop(struct ipc_endpoint *endpoint) {
    endpoint->is_stopped = true;
    unqueue(endpoint);
    uv_poll_stop(&endpoint->poll);
}

static void on_closed(uv_handle_t *handle) {
    struct ipc_endpoint *endpoint = handle->data;
    ipc_socket_fini(&endpoint->socket);
    ipc_scratch_fini(&endpoint->scratch);
    endpoint->listener->closed(endpoint->arg);
}

void ipc_endpoint_close(struct ipc_endpoint *endpoint) {
    uv_close((uv_handle_t *)&endpoint->poll, on_closed);
}
