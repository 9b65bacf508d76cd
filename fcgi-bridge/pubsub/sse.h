/* Server-sent events (HTML, §9.2): the text of an event stream, into FastCGI records.
 *
 * A body that is UTF-8 is an event's data as it is: each LF, CR or CR LF ends a line of
 * it. Any other is base64, and the event's name ends in ";base64". Only a stream of
 * patterns names its events by their channel; in the others a name is said only when it
 * is not the common one, `message`.
 */
#ifndef BRIDGE_SSE_H
#define BRIDGE_SSE_H

#include "base/buffer.h"
#include <crew/subscriber.h>

/* sse_begin - the header, and how soon to come back. HEAD: nothing else. */
void sse_begin(struct buffer *to, uint16_t id, bool head);

/* sse_put - an event; with an event `gap` before it, where messages are missing.
 */
void sse_put(struct buffer *to, uint16_t id, const struct crew_subscribed *message,
             bool named);

/* sse_put_comment - a sign of life that fires no event. CURSOR: null, or how far the
 * client has come since the last event. */
void sse_put_comment(struct buffer *to, uint16_t id, const uint64_t *cursor);

#endif
