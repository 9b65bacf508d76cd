/* A response that a handler writes: status, header fields, body. Once it is invalid it
 * stays invalid, whatever the handler adds later.
 *
 * A response that is flushed leaves in parts while the handler runs: the head and the
 * body so far with the first flush, more of the body with each further one.
 */
#ifndef CREW_APP_RESPONSE_H
#define CREW_APP_RESPONSE_H

#include "base/buffer.h"
#include <crew/host.h>

/* What the body is when no Content-Type is set. The largest value counts: a page into
 * which text was written is a page. */
enum response_kind { RESPONSE_BYTES, RESPONSE_TEXT, RESPONSE_JSON, RESPONSE_HTML };

/* Zeroed memory is valid for response_begin and response_fini. All fields are
 * response.c's. */
struct crew_response {
    int status;
    struct buffer fields; /* name/value block as on the wire */
    size_t field_count;
    struct buffer content_type; /* zero-terminated; empty: not set */
    enum response_kind kind;
    struct buffer body;
    size_t max_body_bytes;

    int error;     /* 0, or the outcome of the call because the response is invalid */
    char why[160]; /* the reason, for the log */

    struct response_stream {
        const struct crew_host_port *port;
        bool is_whole;     /* flushed parts are kept until the end */
        bool is_head_only; /* the body is not sent */
        bool has_begun;    /* the head was sent */
        int error;         /* not 0: the rest is not wanted, the handler is to stop */
    } stream;

    bool is_error;            /* the body was written by crew_response_error ... */
    struct buffer error_text; /* ... from this text, zero-terminated; empty: none */

    struct buffer pairs; /* struct crew_pair[], made by response_answer */
};

/* ---- for the host ---- */

void response_begin(struct crew_response *response, size_t max_body_bytes);

/* Flushed parts go to PORT, unless IS_WHOLE. IS_HEAD_ONLY: for HEAD. */
void response_stream_to(struct crew_response *response, const struct crew_host_port *port,
                        bool is_whole, bool is_head_only);

/* The complete response as the answer to a request of FORM. IS_HEAD: the body is counted
 * and left out (RFC 9110 §9.3.2). ANSWER points into the response. If parts were flushed
 * already, the rest is flushed, and ANSWER has the outcome only. */
void response_answer(struct crew_response *response, enum crew_form form, bool is_head,
                     struct crew_answer *answer);

void response_fini(struct crew_response *response);

/* The outcome of the call: 0; or why the response is invalid; or that it is not
 * wanted. */
int response_outcome(const struct crew_response *response);

/* True when the response is invalid. */
bool response_is_invalid(const struct crew_response *response);

/* True when a flush failed: the client does not want the rest. */
bool response_is_cancelled(const struct crew_response *response);

/* True when the head was sent: status and header fields cannot be changed. */
bool response_has_begun(const struct crew_response *response);

/* Why the response is invalid, for the log; "": no reason, or valid. */
const char *response_invalid_reason(const struct crew_response *response);

/* The handler failed: the response is invalid, without a reason of its own. */
void response_fail(struct crew_response *response);

/* If the response is an error that crew_response_error wrote, remove its body, move the
 * error's text (zero-terminated, or empty) to TEXT and return true. */
bool response_take_error(struct crew_response *response, struct buffer *text);

/* The page for an error was written; it is not an error to be replaced any more. */
void response_set_error_page(struct crew_response *response);

/* ---- for the modules that write responses ---- */

/* Make the response invalid: the call ends with OUTCOME. Returns ERROR, for the handler.
 * The first reason is kept: WHY and DETAIL, for the log. */
int response_invalid(struct crew_response *response, int outcome, int error,
                     const char *why, const char *detail);
int response_out_of_memory(struct crew_response *response);

bool response_has_content_type(const struct crew_response *response);

/* False: the whole response must fit into response_max_body_bytes. */
bool response_can_stream(const struct crew_response *response);
size_t response_max_body_bytes(const struct crew_response *response);

/* Remove the body, but no header fields. */
void response_clear_body(struct crew_response *response);

/* Make it 304 Not Modified: no body and no Content-Type. */
void response_set_not_modified(struct crew_response *response);

/* Reserve BYTES more in the body, and one for a zero; null: not possible, and *ERROR says
 * why. response_body_commit adds what was written there. */
char *response_body_reserve(struct crew_response *response, size_t bytes, int *error);
void response_body_commit(struct crew_response *response, size_t bytes);

/* The body, for text to be appended to it; response_written must follow. */
struct buffer *response_body(struct crew_response *response);

/* Text of this kind was appended to the body. Returns 0, or why the response is
 * invalid. */
int response_written(struct crew_response *response, enum response_kind kind);

#endif
