/* gzip (RFC 1952) with bounds. Nothing else is ever called gzip. */
#ifndef CREW_WIRE_GZIP_H
#define CREW_WIRE_GZIP_H

#include "base/buffer.h"

/* Compress into TO (appended). Tries a sample first: false, and TO unchanged, when the
 * result would not be at least an eighth smaller, or memory is out. */
bool gzip_deflate(struct buffer *to, const void *data, size_t bytes);

/* Inflate into TO (appended). CREW_EMALFORMED: not gzip, cut short, a wrong checksum, or
 * bytes behind the end. CREW_ETOOLARGE: more than MAX_BYTES would come out. CREW_ENOMEM.
 * TO's length is unchanged on an error. Several members are allowed (RFC 1952 §2.2). */
int gzip_inflate(struct buffer *to, const void *data, size_t bytes, size_t max_bytes);

#endif
