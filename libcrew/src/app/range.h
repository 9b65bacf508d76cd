/* The field Range (RFC 9110 §14.2), as far as it asks for bytes. */
#ifndef CREW_APP_RANGE_H
#define CREW_APP_RANGE_H

#include <stdint.h>

enum range_wish {
    RANGE_WHOLE,        /* no Range that we serve: all of it, 200 */
    RANGE_PART,         /* one range: 206 */
    RANGE_UNSATISFIABLE /* one range, and all of it behind the end: 416 */
};

struct range {
    uint64_t first;
    uint64_t bytes;
};

/* range_read - what FIELD (null: there is none) wants of SIZE bytes. RANGE is set for a
 * part, which is never empty, and for the whole. Several ranges are answered with the
 * whole, as §14.2 allows, and so is an empty file, which has no part. */
enum range_wish range_read(const char *field, uint64_t size, struct range *range);

#endif
