/* gzip (RFC 1952) with a bound for the output. */
#ifndef CREW_WIRE_GZIP_H
#define CREW_WIRE_GZIP_H

#include "base/buffer.h"

/* Compress and append to TO. A sample is tried first. False, and TO is unchanged, if the
 * result is not at least an eighth smaller, or if memory runs out. */
bool gzip_deflate(struct buffer *to, const void *data, size_t bytes);

/* Inflate and append to TO. CREW_EMALFORMED: not gzip, truncated, a wrong checksum, or
 * bytes after the end. CREW_ETOOLARGE: the output is over MAX_BYTES. CREW_ENOMEM. On an
 * error TO's length is unchanged. Several members are allowed (RFC 1952 §2.2). */
int gzip_inflate(struct buffer *to, const void *data, size_t bytes, size_t max_bytes);

#endif
