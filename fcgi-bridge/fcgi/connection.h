/* Connections of web servers: input goes through the parser, requests are handed to the
 * module above (struct fcgi_request_ops), output is sent.
 *
 * A connection always reads, also while a request is served, so that it notices when the
 * web server disconnects. What it reads ahead and what it has not yet sent are bounded:
 * beyond that it stops reading. A peer that is silent inside a request, or that does not
 * take output, is disconnected. */
#ifndef BRIDGE_CONNECTION_H
#define BRIDGE_CONNECTION_H

#include "fcgi_parser.h"
#include "load.h"
#include <uv.h>

struct connection;  /* has at most one request at a time */
struct connections; /* all connections of a bridge */

/* What serves requests. REQUEST is memory behind that of the connection, zeroed when the
 * connection is opened. */
struct fcgi_request_ops {
    size_t request_bytes;
    void (*init)(void *request, struct connection *connection, void *arg);

    /* A request is complete: see connection_input. It is answered with the functions
     * below, now or later, and ends with connection_end_request or
     * connection_fail_request. */
    void (*start)(void *request);

    /* The web server has aborted the request or has disconnected: nothing is written any
     * more. Also called when there is no request. */
    void (*cancel)(void *request);

    /* The bridge is about to close all connections: a response that is not complete is to
     * be marked as broken. */
    void (*shutdown)(void *request);

    /* All output but UNSENT_BYTES was sent. Returns whether there is more output now. */
    bool (*drained)(void *request, size_t unsent_bytes);
};

struct connections_options {
    uv_loop_t *loop;
    struct load *load;
    size_t max_body_bytes;
    unsigned max_connections; /* for GET_VALUES */
    const struct fcgi_request_ops *request_ops;
    void *request_arg;            /* for init */
    void (*on_closed)(void *arg); /* a descriptor has become free */
    void *arg;
};

/* connections_new - 0 or a libuv error. */
int connections_new(const struct connections_options *options,
                    struct connections **connections);

/* connections_free - after the loop has closed all handles. NULL is fine. */
void connections_free(struct connections *connections);

/* connection_open - FD, which was just accepted, is a new connection. */
void connection_open(struct connections *connections, int fd);

unsigned connections_count(const struct connections *connections);

/* connections_stop - close idle connections soon, the others after their request. */
void connections_stop(struct connections *connections);

/* connections_close - close all at once. */
void connections_close(struct connections *connections);

/* ---- for the module that serves the requests ---- */

/* connection_input - the request being served. */
const struct fcgi_input *connection_input(const struct connection *connection);

/* connection_release_input - free its parameters and body. */
void connection_release_input(struct connection *connection);

/* connection_release_memory - the same for a request that will wait for long: keep no
 * memory for the next one. */
void connection_release_memory(struct connection *connection);

/* connection_output - where the records of the response are appended. */
struct buffer *connection_output(struct connection *connection);

/* connection_send - the output has a part of the response. */
void connection_send(struct connection *connection);

/* connection_stream_resumable - the response is a stream of unknown length which the
 * client resumes when it ends: keep no memory while it is idle, and do not wait for a
 * slow reader when the bridge stops. Until the request ends. */
void connection_stream_resumable(struct connection *connection);

/* connection_end_request - the output has the end of the response. May start the next
 * request before it returns. */
void connection_end_request(struct connection *connection);

/* connection_fail_request - the response ends incomplete: send what there is, then
 * close. */
void connection_fail_request(struct connection *connection);

#endif
