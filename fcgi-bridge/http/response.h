/* What goes back to the web server: a CGI response (RFC 3875 §6), of a worker's making or
 * of the bridge's own. */
#ifndef BRIDGE_RESPONSE_H
#define BRIDGE_RESPONSE_H

#include "base/buffer.h"
#include <crew/message.h>

/* Besides crew_error, how a request can end here. */
enum {
    RESPONSE_BAD_REQUEST = CREW_ERROR_COUNT,
    RESPONSE_BAD_METHOD,
    RESPONSE_TOO_LARGE,
    RESPONSE_ERROR_COUNT
};

/* How the caller wants it. */
struct response_style {
    bool head;         /* HEAD: no body */
    bool json;         /* Accept names JSON */
    const char *allow; /* null, or the methods that it should have had */
};

/* response_error - the bridge's answer for a crew_error or one of the above. DETAIL (may be
 * null) takes the place of the general sentence. */
void response_error(struct buffer *to, uint16_t id, const struct response_style *style,
                    int outcome, const char *detail);

/* response_answer - the answer of a worker, its error included. Returns how the request
 * has ended: 0, the answer's error, or CREW_EBADRESPONSE when it is not a valid response.
 */
int response_answer(struct buffer *to, uint16_t id, const struct response_style *style,
                    const struct crew_answer *answer);

/* The same piece by piece. response_begin - status and header fields. Returns 0, or what is
 * wrong with them: then nothing was written. response_continue - some of the body. response_end
 * - the end of a response that is whole. response_truncate - that of one that is not: to
 * be followed by the end of the connection. */
int response_begin(struct buffer *to, uint16_t id, const struct response_style *style,
                   const struct crew_answer *head);
void response_continue(struct buffer *to, uint16_t id, const void *data, size_t bytes);
void response_end(struct buffer *to, uint16_t id);
void response_truncate(struct buffer *to);

/* response_is_bodiless - whether the response to such a request ends with its head
 * (RFC 9110 §6.4.1). */
bool response_is_bodiless(const struct response_style *style, int status);

/* The word that goes into Crew-Error; never null. */
const char *response_error_word(int outcome);

#endif
