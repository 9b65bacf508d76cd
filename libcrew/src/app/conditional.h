/* Preconditions of a request (RFC 9110 §13). Pure functions. */
#ifndef CREW_APP_CONDITIONAL_H
#define CREW_APP_CONDITIONAL_H

#include <stdbool.h>
#include <stdint.h>

/* Header fields of the request; null: not sent. */
struct preconditions {
    bool reads; /* GET or HEAD */
    const char *if_match;
    const char *if_none_match;
    const char *if_modified_since;
    const char *if_unmodified_since;
};

/* The current representation. With neither tag nor date there is none. */
struct validators {
    const char *etag;   /* strong, with its quotes; null: none */
    int64_t modified_s; /* Unix time; 0: unknown */
    int64_t now_s;      /* Unix time, for dates with a two-digit year */
};

/* 304, 412, or 0: process the request. In the order of §13.2.2. */
int conditional_status(const struct preconditions *preconditions,
                       const struct validators *current);

/* If-Range (§13.1.5): true when a part may be sent. Null: true. */
bool conditional_range_holds(const char *if_range, const struct validators *current);

#endif
