/* A request, from when all of it was received until it is completed.
 *
 * It is validated and given to the backend of its purpose: a task call, a publication or
 * a subscription. It completes exactly once, through one function (complete in
 * request.c), whatever ends it: the backend, an error, the web server that disconnects,
 * or the end of the bridge. Its memory belongs to its connection, which has one request
 * at a time. */
#ifndef BRIDGE_REQUEST_H
#define BRIDGE_REQUEST_H

#include "fcgi-bridge/fcgi/connection.h"
#include "fcgi-bridge/fcgi/load.h"
#include "params.h"
#include "response.h"
#include <crew/client.h>

enum request_state {
    REQUEST_NONE,       /* there is none, or it is still being received */
    REQUEST_VALIDATING, /* until it is refused or its backend has started */
    REQUEST_WAITING,   /* for its backend, which will complete it; nothing of the response
                           is written. Ended earlier by a disconnect */
    REQUEST_STREAMING, /* the head of the response is written; the backend adds more, and
                           the end. Ended earlier by a disconnect or the bridge's end */
    REQUEST_COMPLETED  /* transient: its resources are being freed */
};

struct request;

/* What serves the valid requests of one purpose. Only request.c calls these functions. A
 * backend keeps what it has to know of a request in request_backend_state. */
struct request_backend {
    const char *name; /* for the log */

    /* Begin: when it returns, the request is WAITING, STREAMING or completed. */
    void (*start)(struct request *request, const struct params *params);

    /* The request ends before the backend's operation has: withdraw it. */
    void (*cancel)(struct request *request);

    /* The request has ended, whatever the reason: free what it has. NULL: nothing. */
    void (*release)(struct request *request);

    /* STREAMING: all output but UNSENT_BYTES was sent. Returns whether there is more
     * output now. NULL: never. */
    bool (*drained)(struct request *request, size_t unsent_bytes);

    /* The id of the operation, for the log; NULL if it has none. NULL: never. */
    const char *(*operation_id)(struct request *request);
};

/* What all requests of a bridge share. */
struct requests {
    struct params_defaults defaults;
    struct load *load;
    crew_client *client;
    struct {
        const struct request_backend *backend;
        void *arg; /* for request_backend_arg */
    } backends[PURPOSE_COUNT];
    uint64_t warned_ms; /* when a misconfiguration was last logged; 0: never */
};

/* request_ops - for connections, with a struct requests as the argument. */
extern const struct fcgi_request_ops request_ops;

/* ---- for backends ---- */

#define REQUEST_BACKEND_BYTES 32

/* request_backend_state - REQUEST_BACKEND_BYTES, zeroed before start. */
void *request_backend_state(struct request *request);
void *request_backend_arg(const struct request *request);
crew_client *request_client(const struct request *request);
struct load *request_load(const struct request *request);
uint16_t request_id(const struct request *request);
const struct response_style *request_style(const struct request *request);
const struct buffer *request_body(const struct request *request);
struct buffer *request_output(struct request *request);

/* request_wait - VALIDATING: the response comes later. Parameters and body are freed. */
void request_wait(struct request *request);

/* request_wait_long - the same for a wait that may be long: no memory is kept. */
void request_wait_long(struct request *request);

/* request_begin_stream - the head of the response is in the output. */
void request_begin_stream(struct request *request);

/* request_begin_resumable_stream - the same for a stream that the client resumes where it
 * ends (see connection_stream_resumable): it may be cut off anywhere. */
void request_begin_resumable_stream(struct request *request);

/* request_send - STREAMING: there is more output. */
void request_send(struct request *request);

/* These complete the request. The connection may start its next request, in the same
 * memory, before they return. */

/* request_complete_answer - with the ANSWER of a call or, if it is STREAMING, its end. */
void request_complete_answer(struct request *request, const struct crew_answer *answer);

/* request_complete_records - with a whole response in FastCGI records. */
void request_complete_records(struct request *request, const struct buffer *records);

/* request_complete_stream - STREAMING: the response is whole. */
void request_complete_stream(struct request *request);

/* request_complete_error - with the bridge's own response to ERROR, see response_error;
 * or if it is STREAMING, the response breaks off. */
void request_complete_error(struct request *request, int error, const char *detail);

#endif
