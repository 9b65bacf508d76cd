/* HTTP responses in the form of CGI responses (RFC 3875 §6), written as FastCGI records:
 * of a call's answer, or the bridge's own of an error. */
#ifndef BRIDGE_RESPONSE_H
#define BRIDGE_RESPONSE_H

#include "base/buffer.h"
#include <crew/message.h>

/* Errors of the bridge, besides enum crew_error. */
enum {
    RESPONSE_BAD_REQUEST = CREW_ERROR_COUNT,
    RESPONSE_BAD_METHOD,
    RESPONSE_TOO_LARGE,
    RESPONSE_ERROR_COUNT
};

/* What of the request matters for the form of its response. */
struct response_style {
    bool head;         /* the method is HEAD: no body */
    bool json;         /* Accept contains a JSON type: errors are JSON */
    const char *allow; /* NULL, or the methods allowed where this one is not */
};

/* response_error - the bridge's response to an enum crew_error or one of the above.
 * DETAIL (may be NULL) replaces the general message. */
void response_error(struct buffer *to, uint16_t id, const struct response_style *style,
                    int error, const char *detail);

/* response_answer - the response of a call's ANSWER, be it an error or not. Returns the
 * outcome: 0, the answer's error, or CREW_EBADRESPONSE if it is not a valid response. */
int response_answer(struct buffer *to, uint16_t id, const struct response_style *style,
                    const struct crew_answer *answer);

/* A streamed response: response_begin writes status and header fields; it returns 0, or
 * CREW_EBADRESPONSE and has written nothing. response_continue writes some of the body,
 * response_end the end of a response that is whole. */
int response_begin(struct buffer *to, uint16_t id, const struct response_style *style,
                   const struct crew_answer *head);
void response_continue(struct buffer *to, uint16_t id, const void *data, size_t bytes);
void response_end(struct buffer *to, uint16_t id);

/* response_is_bodiless - the response to such a request has no body (RFC 9110 §6.4.1). */
bool response_is_bodiless(const struct response_style *style, int status);

/* response_error_word - the word for Crew-Error; never NULL. */
const char *response_error_word(int error);

#endif
