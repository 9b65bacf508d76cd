/* The header field Range (RFC 9110 §14.2), for the unit bytes. */
#ifndef CREW_APP_RANGE_H
#define CREW_APP_RANGE_H

#include <stdint.h>

enum range_request {
    RANGE_WHOLE,        /* no range, or one that is not supported: 200 with the whole */
    RANGE_PART,         /* one range: 206 */
    RANGE_UNSATISFIABLE /* one range, which begins after the end: 416 */
};

struct range {
    uint64_t first;
    uint64_t bytes;
};

/* The part of SIZE bytes that FIELD (null: no field) asks for. RANGE is set for
 * RANGE_PART, which is never empty, and for RANGE_WHOLE. Several ranges, and any range of
 * an empty file, are answered with the whole, as §14.2 allows. */
enum range_request range_read(const char *field, uint64_t size, struct range *range);

#endif
