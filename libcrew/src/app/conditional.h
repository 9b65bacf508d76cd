/* Preconditions (RFC 9110 §13): does the client's word about a representation hold? No
 * I/O, no memory: fields in, a status out. */
#ifndef CREW_APP_CONDITIONAL_H
#define CREW_APP_CONDITIONAL_H

#include <stdbool.h>
#include <stdint.h>

/* What the request says; null: nothing. */
struct preconditions {
    bool reads; /* GET or HEAD */
    const char *if_match;
    const char *if_none_match;
    const char *if_modified_since;
    const char *if_unmodified_since;
};

/* What there is. Neither tag nor date: there is nothing. */
struct validators {
    const char *etag;   /* strong, with its quotes; null: none */
    int64_t modified_s; /* Unix time; 0: unknown */
    int64_t now_s;      /* the same clock, for dates with two digits of the year */
};

/* conditional_status - 304, 412, or 0: go on. In the order of §13.2.2. */
int conditional_status(const struct preconditions *preconditions,
                       const struct validators *current);

/* conditional_range_holds - If-Range (§13.1.5): may a part be sent? Null: yes. */
bool conditional_range_holds(const char *if_range, const struct validators *current);

#endif
