/* The parts of a multipart/form-data body (RFC 7578, RFC 2046 §5.1). Bytes in, views of
 * them out; nothing is copied, and each byte is looked at a fixed number of times.
 *
 * Where RFC 2046 leaves a choice, it is the strict one, because who checks an upload
 * before us may read it otherwise: lines end in CRLF, a boundary is one wherever it
 * begins a line, the last one must be there, and a part has one Content-Disposition. */
#ifndef CREW_APP_MULTIPART_H
#define CREW_APP_MULTIPART_H

#include "app/parameter.h"
#include "wire/limits.h"

enum { MULTIPART_BOUNDARY_BYTES = 70 }; /* at most: RFC 2046 §5.1.1 */

struct multipart {
    struct span rest;
    char delimiter[4 + MULTIPART_BOUNDARY_BYTES]; /* CRLF, two hyphens, boundary */
    size_t delimiter_bytes;
    size_t number;   /* of the present part, from 1 */
    const char *why; /* what is wrong, for people */
};

struct multipart_part {
    struct span disposition; /* the value of Content-Disposition: "form-data; name=..." */
    struct span content_type; /* "" when there is none */
    struct span content;
};

/* Begin with BODY, whose Content-Type has the parameter boundary. False: it has none, or
 * there is no boundary in the body; see why. */
bool multipart_begin(struct multipart *multipart, struct span content_type,
                     struct span body);

enum multipart_step { MULTIPART_PART, MULTIPART_END, MULTIPART_BROKEN };

/* The next part; MULTIPART_BROKEN: see why. */
enum multipart_step multipart_next(struct multipart *multipart,
                                   struct multipart_part *part);

#endif
