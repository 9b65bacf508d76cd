/* FastCGI records that are not part of a response's data (FastCGI 1.0 §3.3): what the
 * parser replies and what ends a response. Streams are written by the codec. */
#ifndef BRIDGE_RECORD_H
#define BRIDGE_RECORD_H

#include "base/buffer.h"

/* record_put - append one record with CONTENT, without padding. */
void record_put(struct buffer *to, uint8_t type, uint16_t id, const void *content,
                uint16_t bytes);

/* record_put_end_request - END_REQUEST of the request ID. */
void record_put_end_request(struct buffer *to, uint16_t id, uint8_t protocol_status);

/* record_put_invalid - a header with a version that does not exist. Web servers report a
 * response that is followed by it as broken: nginx 1.22 and Caddy 2.6 take a connection
 * that is closed without END_REQUEST for the regular end of a response without
 * Content-Length. */
void record_put_invalid(struct buffer *to);

#endif
