/* A response in the making. Once it is invalid it stays so: what a handler adds later
 * cannot make it sound again. */
#ifndef CREW_APP_RESPONSE_H
#define CREW_APP_RESPONSE_H

#include "app/conditional.h"
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

/* What the body is, as far as nobody says it with a Content-Type. The largest counts: a
 * page in which some text was written is a page. */
enum response_kind { RESPONSE_BYTES, RESPONSE_TEXT, RESPONSE_JSON, RESPONSE_HTML };

struct crew_response {
    int status;
    struct buffer fields; /* a name/value block as on the wire */
    size_t field_count;
    struct buffer content_type; /* zero-terminated; empty: none was set */
    enum response_kind kind;
    struct buffer body;
    size_t max_body_bytes;

    int error;     /* 0, or how the call ends because of what was put in here */
    char why[160]; /* and why, for the log */

    struct response_stream stream;
    bool is_error;            /* the body is what crew_response_error wrote ... */
    struct buffer error_text; /* ... of this text; empty: none */

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

/* response_fail - what was written is thrown away: the handler failed. */
void response_fail(struct crew_response *response);

/* response_forget_body - there is no body any more, nor fields that speak of it. */
void response_forget_body(struct crew_response *response);

/* ---- for the files that write responses ---- */

/* response_invalid - the call will end with OUTCOME; returns ERROR for the handler. The
 * first reason stands: WHY and DETAIL, for the log. */
int response_invalid(struct crew_response *response, int outcome, int error,
                     const char *why, const char *detail);
int response_out_of_memory(struct crew_response *response);

/* response_body_room - room for BYTES more in the body, with one to spare for a zero;
 * null after the response has become invalid. Add to body.len what was written. */
char *response_body_room(struct crew_response *response, size_t bytes, int *error);

/* response_written - text of this kind was appended to the body. Returns whether that
 * went well, and looks after the limit, which must not be passed by much. */
int response_written(struct crew_response *response, enum response_kind kind);

/* response_validators - ETAG with its quotes, and the time of the last change. */
struct validators response_validators(const char *etag, time_t modified);

/* response_settled - add CURRENT to the response, and see whether the preconditions of
 * REQUEST have made it. */
bool response_settled(const crew_request *request, crew_response *response,
                      const struct validators *current);

#endif
