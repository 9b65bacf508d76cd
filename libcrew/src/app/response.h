/* A response in the making. Once it is invalid it stays so: what a handler adds later
 * cannot make it sound again. */
#ifndef CREW_APP_RESPONSE_H
#define CREW_APP_RESPONSE_H

#include "base/buffer.h"
#include <crew/host.h>

/* Where the parts of a response go that are flushed: flush.c. */
struct response_stream {
    const struct crew_host_port *port;
    bool whole;     /* nothing goes before the end */
    bool head_only; /* of the body nothing goes at all */
    bool begun;     /* the head has gone */
    int error;      /* not 0: nobody wants the rest */
};

struct crew_response {
    int status;
    struct buffer fields; /* a name/value block as on the wire */
    size_t field_count;
    struct buffer content_type; /* zero-terminated; empty: none was set */
    bool is_text;               /* text was written to the body */
    struct buffer body;
    size_t max_body_bytes;

    int error;     /* 0, or how the call ends because of what was put in here */
    char why[160]; /* and why, for the log */

    struct response_stream stream;

    struct buffer pairs; /* struct crew_pair[], made by response_answer */
};

/* Zeroed memory is valid for response_begin and response_fini. */

void response_begin(struct crew_response *response, size_t max_body_bytes);

/* response_stream_to - what is flushed goes to PORT; WHOLE: it does not. */
void response_stream_to(struct crew_response *response, const struct crew_host_port *port,
                        bool whole, bool head_only);

/* response_head - status and header fields as they are now, for HTTP. They point into the
 * response; response->error says if they cannot be had. */
void response_head(struct crew_response *response, struct crew_answer *answer);

/* response_answer - the finished response as the answer to a request of FORM. HEAD: the
 * body is counted and left out (RFC 9110 §9.3.2). ANSWER points into the response. Of one
 * that has begun to leave, the rest is flushed, and ANSWER says only how it ended. */
void response_answer(struct crew_response *response, enum crew_form form, bool head,
                     struct crew_answer *answer);

void response_fini(struct crew_response *response);

#endif
