/* A host with a port in memory: what its handlers ask of the outside ends up here. */
#ifndef CREW_TEST_HOST_PORT_H
#define CREW_TEST_HOST_PORT_H

#include "base/buffer.h"
#include <crew/host.h>

enum { HOST_PORT_ANSWERS = 16 };

struct host_port {
    struct buffer log; /* "LEVEL ID TEXT\n" ... */
    bool stopping;
    struct buffer flushed; /* "[STATUS FIELDS]" for a head, and "|" behind each piece */
    int flush_error;       /* what a flush ends with, if not 0 */
    unsigned calls;
    uint32_t call_expiration_ms; /* of the last call */
    struct crew_answer answer;   /* what a call ends with */
    struct crew_answer *given[HOST_PORT_ANSWERS]; /* as many as there were calls */
};

/* Options for PATH with this port; argv is PATH and "argument". */
struct crew_host_options host_port_options(struct host_port *port, const char *path,
                                           char *argv[2]);
void host_port_fini(struct host_port *port);

#endif
