/* The values of a route's parameters in the path of a request. */
#ifndef CREW_APP_PATH_VALUES_H
#define CREW_APP_PATH_VALUES_H

#include "app/router.h"
#include "base/buffer.h"

/* Zeroed memory: no values. */
struct path_values {
    const char *pattern; /* of the route; null: no values */
    struct buffer cut;   /* the path, with a zero after each value */
    size_t begins[PATTERN_VALUES_MAX];
};

/* Set the values of MATCH, which was found for PATH. CREW_ENOMEM. */
int path_values_set(struct path_values *values, const char *path, size_t path_bytes,
                    const struct router_match *match);

/* Null: there is no parameter of this name. */
const char *path_values_get(const struct path_values *values, const char *name);

/* Remove all values. Some memory is kept for the next request. */
void path_values_reset(struct path_values *values);
void path_values_fini(struct path_values *values);

#endif
