/* A port of a host that records in memory what handlers send. */
#ifndef CREW_TEST_HOST_PORT_H
#define CREW_TEST_HOST_PORT_H

#include "base/buffer.h"
#include <crew/host.h>

enum { HOST_PORT_ANSWERS = 16 };

struct host_port {
    struct buffer log;       /* "LEVEL ID TEXT\n" ... */
    struct buffer published; /* "CHANNEL TYPE BODY\n" ... */
    uint32_t publish_expiration_ms;
    int publish_error;
    bool stopping;
    struct buffer flushed; /* "[STATUS FIELDS]" for a head, and "|" after each part */
    int flush_error;       /* the result of flush, if not 0 */
    unsigned calls;
    uint32_t call_expiration_ms;                  /* of the last call */
    struct crew_answer answer;                    /* of all calls */
    struct crew_answer *given[HOST_PORT_ANSWERS]; /* copies, one per call */
};

/* Options for PATH with this port; argv is PATH and "argument". */
struct crew_host_options host_port_options(struct host_port *port, const char *path,
                                           char *argv[2]);
void host_port_fini(struct host_port *port);

#endif
