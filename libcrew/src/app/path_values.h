/* What the parameters of a route stand for in the path of a request. */
#ifndef CREW_APP_PATH_VALUES_H
#define CREW_APP_PATH_VALUES_H

#include "app/router.h"
#include "base/buffer.h"

/* Zeroed memory: there are none. */
struct path_values {
    const char *pattern; /* of the route; null: it has no values, or there is none */
    struct buffer cut;   /* the path, with a zero behind each value */
    size_t begins[PATTERN_VALUES_MAX];
};

/* CREW_ENOMEM. */
int path_values_set(struct path_values *values, const char *path, size_t path_bytes,
                    const struct router_match *match);

/* Null: there is no value of this name. */
const char *path_values_get(const struct path_values *values, const char *name);

/* Forget them; a little memory is kept for the next request. */
void path_values_reset(struct path_values *values);
void path_values_fini(struct path_values *values);

#endif
