/* What goes back to the web server: a CGI response (RFC 3875 §6), of a worker's making or
 * of the bridge's own. */
#ifndef BRIDGE_ANSWER_H
#define BRIDGE_ANSWER_H

#include "base/buffer.h"
#include <crew/message.h>

/* Besides crew_error, how a request can end here. */
enum {
    ANSWER_BAD_REQUEST = CREW_ERROR_COUNT,
    ANSWER_BAD_METHOD,
    ANSWER_TOO_LARGE,
    ANSWER_COUNT
};

/* How the caller wants it. */
struct answer_style {
    bool head;         /* HEAD: no body */
    bool json;         /* Accept names JSON */
    const char *allow; /* null, or the methods that it should have had */
};

/* answer_own - the bridge's answer for a crew_error or one of the above. DETAIL (may be
 * null) takes the place of the general sentence. */
void answer_own(struct buffer *to, uint16_t id, const struct answer_style *style,
                int outcome, const char *detail);

/* answer_workers - the answer of a worker, its error included. Returns how the request
 * has ended: 0, the answer's error, or CREW_EBADRESPONSE when it is not a valid response.
 */
int answer_workers(struct buffer *to, uint16_t id, const struct answer_style *style,
                   const struct crew_answer *answer);

/* The same piece by piece. answer_begin - status and header fields. Returns 0, or what is
 * wrong with them: then nothing was written. answer_go_on - some of the body. answer_end
 * - the end of a response that is whole. answer_break_off - that of one that is not: to
 * be followed by the end of the connection. */
int answer_begin(struct buffer *to, uint16_t id, const struct answer_style *style,
                 const struct crew_answer *head);
void answer_go_on(struct buffer *to, uint16_t id, const void *data, size_t bytes);
void answer_end(struct buffer *to, uint16_t id);
void answer_break_off(struct buffer *to);

/* answer_is_bodiless - whether the response to such a request ends with its head
 * (RFC 9110 §6.4.1). */
bool answer_is_bodiless(const struct answer_style *style, int status);

/* The word that goes into Crew-Error; never null. */
const char *answer_word(int outcome);

#endif
