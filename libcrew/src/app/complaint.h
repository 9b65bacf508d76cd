/* Why a request is not acceptable, as one line for the client that made it. */
#ifndef CREW_APP_COMPLAINT_H
#define CREW_APP_COMPLAINT_H

#include "app/arena.h"
#include <stdbool.h>

/* Zeroed memory: no complaint. */
struct complaint {
    char text[256];
};

/* Set the text; control characters become '?'. Returns CREW_EBADREQUEST. */
int complaint_set(struct complaint *complaint, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The body is of Content-Type TYPE ("": none) instead of WANTED. */
int complaint_of_type(struct complaint *complaint, const char *wanted, const char *type);

/* The result of parsing a part of a request that is parsed once, when a handler first
 * asks for it. Zeroed memory: not parsed yet. */
struct parse_result {
    bool done;
    int error;
    const char *complaint; /* of CREW_EBADREQUEST; in an arena */
};

/* Store ERROR with the present complaint, and return ERROR. */
int parse_result_set(struct parse_result *result, int error,
                     const struct complaint *complaint, struct arena *arena);

/* Return the stored error again, and restore its complaint. */
int parse_result_repeat(const struct parse_result *result, struct complaint *complaint);

#endif
