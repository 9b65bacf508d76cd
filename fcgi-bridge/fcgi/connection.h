/* Connections of the web server: bytes in through the gate, requests and their answers,
 * bytes out.
 *
 * A connection always listens for the hang-up of its peer, also while a request waits.
 * What it reads ahead and what it has not yet sent are bounded: beyond, it stops reading.
 * A peer that goes silent inside a request, or that takes no output, is given up.
 */
#ifndef BRIDGE_CONNECTION_H
#define BRIDGE_CONNECTION_H

#include "base/deadlines.h"
#include "fcgi-bridge/http/request.h"
#include "fcgi_parser.h"
#include <uv.h>

struct bridge;

enum connection_state {
    CONNECTION_OPEN,    /* until the peer hangs up, or does not want to keep it */
    CONNECTION_LEAVING, /* the last output is on its way; input is read and thrown away */
    CONNECTION_CLOSED   /* uv_close was called; its callback ends it */
};

struct connection {
    enum connection_state state;
    union {
        uv_stream_t stream;
        uv_handle_t handle;
        uv_pipe_t unix_socket;
        uv_tcp_t tcp;
    } uv;
    struct bridge *bridge;
    struct connection *prev, *next; /* of all, or (next) of the spare ones */
    struct fcgi_parser parser;
    struct request request;
    struct buffer pending; /* input that has to wait its turn */
    struct buffer out;     /* output, not yet given to the kernel */
    struct buffer sending; /* output that uv_write has; never touched before it is done */
    uv_write_t write;
    size_t queued_bytes;      /* at the last look, to see whether the peer takes any */
    size_t accounted_bytes;   /* this connection's share of bridge->buffered_bytes */
    struct deadline deadline; /* of the peer's silence */
    bool feeding;             /* inside the gate's loop, which will see to the output */
    bool reading;
};

/* All connections of a bridge. */
struct connections {
    struct connection *all;
    struct connection *spare;
    unsigned count;
    unsigned spare_count;
    struct deadlines deadlines;
    uv_timer_t timer; /* runs while there are deadlines */
    char *input;      /* where all connections read into, one at a time */
};

int connections_init(struct bridge *bridge); /* 0 or a libuv error */
void connections_fini(struct bridge *bridge);

/* connection_open - FD, just accepted, is a new connection. */
void connection_open(struct bridge *bridge, int fd);

/* connections_stop - close those that have no request in hand, the others after it. */
void connections_stop(struct bridge *bridge);

/* connections_close - close all, whatever they have in hand. */
void connections_close(struct bridge *bridge);

#endif
