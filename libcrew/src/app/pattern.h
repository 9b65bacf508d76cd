/* The paths of routes.
 *
 * A pattern is a list of segments, each behind a '/'. A segment that begins with ':' is a
 * parameter ("/users/:id"); the last one may begin with '*' and is the rest of the path
 * then; any other is literal, and holds no '*'. What follows ':' and '*' is a name of
 * ASCII letters, digits and '_', each once in a pattern. An empty segment is a literal,
 * too: the last one of "/" and "/a/". None but the last may be empty.
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

/* The next segment of what is left of a valid pattern; false when there is none. LEFT
 * begins as the pattern. */
bool pattern_next(const char **left, struct segment *segment);

/* Which of the values of a path that fits PATTERN has this name; -1: none. */
int pattern_value(const char *pattern, const char *name);

#endif
