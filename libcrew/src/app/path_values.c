#include "app/path_values.h"

#include <crew/error.h>

enum { KEPT_BYTES = 4096 };

/* A value is a whole segment or the rest of the path, so the byte after it is a '/',
 * which is not needed, or the end. */
int path_values_set(struct path_values *values, const char *path, size_t path_bytes,
                    const struct router_match *match) {
    if (match->value_count == 0)
        return CREW_OK;
    buffer_append(&values->cut, path, path_bytes);
    buffer_u8(&values->cut, 0);
    if (values->cut.failed)
        return CREW_ENOMEM;
    for (size_t i = 0; i < match->value_count; i++) {
        values->begins[i] = match->values[i].begin;
        values->cut.data[match->values[i].begin + match->values[i].bytes] = '\0';
    }
    values->pattern = match->route->pattern;
    return CREW_OK;
}

const char *path_values_get(const struct path_values *values, const char *name) {
    int value = values->pattern != NULL ? pattern_value(values->pattern, name) : -1;
    return value >= 0 ? (const char *)values->cut.data + values->begins[value] : NULL;
}

void path_values_reset(struct path_values *values) {
    values->pattern = NULL;
    buffer_reset(&values->cut, KEPT_BYTES);
}

void path_values_fini(struct path_values *values) {
    buffer_fini(&values->cut);
}
