/* The supervisor's end of the socket to a child: reads frames as the event loop finds
 * them, and sends what is queued for it. */
#ifndef CREW_WORKER_IPC_ENDPOINT_H
#define CREW_WORKER_IPC_ENDPOINT_H

#include "app-worker/ipc/ipc_protocol.h"
#include "app-worker/ipc/ipc_socket.h"
#include <uv.h>

enum ipc_endpoint_error {
    IPC_ENDPOINT_CLOSED,    /* the child has closed it, or has exited */
    IPC_ENDPOINT_MALFORMED, /* what the child sent is no frame */
    IPC_ENDPOINT_NO_MEMORY  /* a frame to the child is incomplete */
};

struct ipc_endpoint;

/* Endpoints with queued frames. Zeroed memory is valid. */
struct ipc_send_queue {
    struct ipc_endpoint *first;
};

/* frame and failed may call ipc_endpoint_stop. */
struct ipc_endpoint_listener {
    void (*frame)(void *arg, const struct wire_item *item);
    void (*failed)(void *arg, enum ipc_endpoint_error error);
    void (*closed)(void *arg); /* ipc_endpoint_close is done */
};

struct ipc_endpoint {
    struct ipc_socket socket;
    struct ipc_scratch scratch;
    uv_poll_t poll;
    bool is_stopped;
    const struct ipc_endpoint_listener *listener;
    void *arg;
    struct ipc_send_queue *queue;
    bool is_queued;
    struct ipc_endpoint *prev; /* in the queue */
    struct ipc_endpoint *next;
};

/* FD belongs to the endpoint. */
void ipc_endpoint_init(struct ipc_endpoint *endpoint, uv_loop_t *loop, int fd,
                       size_t max_frame_bytes, struct ipc_send_queue *queue,
                       const struct ipc_endpoint_listener *listener, void *arg);

/* Where frames to the child are put (ipc_protocol.h). */
struct buffer *ipc_endpoint_out(struct ipc_endpoint *endpoint);

/* Send what was put there: now; with the next ipc_send_queue_flush. A child that has
 * closed its end is seen when it is read from. */
void ipc_endpoint_send(struct ipc_endpoint *endpoint);
void ipc_endpoint_queue(struct ipc_endpoint *endpoint);
void ipc_send_queue_flush(struct ipc_send_queue *queue);

/* Memory to decode frames with. */
struct ipc_scratch *ipc_endpoint_scratch(struct ipc_endpoint *endpoint);

/* The bytes of the frame that is being handled belong to the caller from now on. */
void ipc_endpoint_detach(struct ipc_endpoint *endpoint, struct buffer *bytes);

/* No more events. What is queued is not sent. */
void ipc_endpoint_stop(struct ipc_endpoint *endpoint);

/* The child is dead: handle the frames that it has still sent. */
void ipc_endpoint_drain(struct ipc_endpoint *endpoint,
                        void (*frame)(void *arg, const struct wire_item *item));

/* Close it; the loop calls listener->closed when its memory is not used any more. */
void ipc_endpoint_close(struct ipc_endpoint *endpoint);

#endif
