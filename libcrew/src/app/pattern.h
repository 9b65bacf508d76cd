/* Patterns of routes.
 *
 * A pattern is a sequence of segments, each after a '/'. A segment that begins with ':'
 * is a parameter ("/users/:id"); the last one may begin with '*' and is the rest of the
 * path; any other is a literal without '*'. ':' and '*' are followed by a name of ASCII
 * letters, digits and '_', which is unique in the pattern. Only the last segment may be
 * empty, as in "/" and "/a/"; an empty segment is a literal.
 */
#ifndef CREW_APP_PATTERN_H
#define CREW_APP_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

enum { PATTERN_VALUES_MAX = 16 }; /* parameters and rest together */

enum segment_kind { SEGMENT_LITERAL, SEGMENT_PARAMETER, SEGMENT_REST };

struct segment {
    enum segment_kind kind;
    const char *text; /* of a parameter and the rest: the name */
    size_t bytes;
};

bool pattern_valid(const char *pattern);

/* Get the next segment of a valid pattern, and advance *LEFT, which is the pattern at
 * first. False: there is none. */
bool pattern_next(const char **left, struct segment *segment);

/* The index of the value with this name; -1: none. */
int pattern_value(const char *pattern, const char *name);

#endif
