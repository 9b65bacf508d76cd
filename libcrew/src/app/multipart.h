/* The parts of a multipart/form-data body (RFC 7578, RFC 2046 §5.1). Pure: bytes in,
 * views of them out, in linear time.
 *
 * The parser is strict where RFC 2046 leaves a choice, since a program that checks
 * uploads before may read them in another way: lines end in CRLF, a boundary is one
 * wherever it begins a line, the last boundary is required, and a part has one
 * Content-Disposition. */
#ifndef CREW_APP_MULTIPART_H
#define CREW_APP_MULTIPART_H

#include "app/parameter.h"
#include "wire/limits.h"

enum { MULTIPART_BOUNDARY_BYTES = 70 }; /* the maximum (RFC 2046 §5.1.1) */

struct multipart {
    struct span rest;
    char delimiter[4 + MULTIPART_BOUNDARY_BYTES]; /* CRLF, two hyphens, boundary */
    size_t delimiter_bytes;
    size_t number;   /* of the current part, from 1 */
    const char *why; /* what is wrong, as a text */
};

struct multipart_part {
    struct span disposition; /* the value of Content-Disposition: "form-data; name=..." */
    struct span content_type; /* "": none */
    struct span content;
};

/* Start with BODY. CONTENT_TYPE has the parameter boundary. False: it has none, or the
 * body has no boundary; see why. */
bool multipart_begin(struct multipart *multipart, struct span content_type,
                     struct span body);

enum multipart_step { MULTIPART_PART, MULTIPART_END, MULTIPART_BROKEN };

/* Get the next part. MULTIPART_BROKEN: see why. */
enum multipart_step multipart_next(struct multipart *multipart,
                                   struct multipart_part *part);

#endif
