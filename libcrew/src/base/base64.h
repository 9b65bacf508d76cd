/* base64 (RFC 4648 §4). */
#ifndef CREW_BASE_BASE64_H
#define CREW_BASE_BASE64_H

#include "base/buffer.h"

void base64_append(struct buffer *to, const void *data, size_t bytes);

#endif
