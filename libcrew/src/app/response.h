/* A response in the making. Once it is invalid it stays so: what a handler adds later
 * cannot make it sound again. */
#ifndef CREW_APP_RESPONSE_H
#define CREW_APP_RESPONSE_H

#include "base/buffer.h"
#include <crew/app.h>

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

    bool is_error;            /* the body is what crew_response_error wrote ... */
    struct buffer error_text; /* ... of this text; empty: none */

    struct buffer pairs; /* struct crew_pair[], made by response_answer */
};

/* Zeroed memory is valid for response_begin and response_fini. */

void response_begin(struct crew_response *response, size_t max_body_bytes);

/* response_answer - the finished response as the answer to a request of FORM. HEAD: the
 * body is counted and left out (RFC 9110 §9.3.2). ANSWER points into the response. */
void response_answer(struct crew_response *response, enum crew_form form, bool head,
                     struct crew_answer *answer);

void response_fini(struct crew_response *response);

/* response_fail - what was written is thrown away: the handler failed. */
void response_fail(struct crew_response *response);

/* response_forget_body - there is no body any more, nor fields that speak of it. */
void response_forget_body(struct crew_response *response);

#endif
