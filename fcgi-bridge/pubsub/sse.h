/* SSE: server-sent events (HTML, §9.2) as FastCGI records.
 *
 * A body that is UTF-8 is the event's data: each LF, CR or CR LF begins a new data line.
 * Any other body is base64, and the event's type ends in ";base64". Streams of patterns
 * name the type of each event after its channel; other streams have the default type,
 * `message`. */
#ifndef BRIDGE_SSE_H
#define BRIDGE_SSE_H

#include "base/buffer.h"
#include <crew/subscriber.h>

/* sse_begin - the header and the reconnection time. HEAD: only the header. */
void sse_begin(struct buffer *to, uint16_t id, bool head);

/* sse_put - an event, after an event `gap` if messages are missing before it. NAMED: its
 * type is the channel. */
void sse_put(struct buffer *to, uint16_t id, const struct crew_subscribed *message,
             bool named);

/* sse_put_comment - a heartbeat that fires no event. CURSOR: NULL, or the position that
 * the client has reached since the last event. */
void sse_put_comment(struct buffer *to, uint16_t id, const uint64_t *cursor);

#endif
