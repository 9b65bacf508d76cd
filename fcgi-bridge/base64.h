/* base64 (RFC 4648 §4), for bodies that are no text. */
#ifndef BRIDGE_BASE64_H
#define BRIDGE_BASE64_H

#include "base/buffer.h"

void base64_append(struct buffer *to, const void *data, size_t bytes);

#endif
