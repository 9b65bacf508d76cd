/* Request-scoped values: what hooks and handlers attach to a request by key. */
#ifndef CREW_APP_REQUEST_VALUES_H
#define CREW_APP_REQUEST_VALUES_H

#include <stddef.h>

typedef void request_value_destroy(void *value);

struct request_value {
    char *key;
    void *value;
    request_value_destroy *destroy; /* may be null */
};

/* Found by a linear search: a request has few. Zeroed memory: no values. */
struct request_values {
    struct request_value *values;
    size_t count;
};

/* Set the value of KEY. A previous value is destroyed, unless it is the same. */
void request_values_set(struct request_values *values, const char *key, void *value,
                        request_value_destroy *destroy);

/* Null: there is no value for KEY. */
void *request_values_get(const struct request_values *values, const char *key);

/* Destroy all values, the newest first. */
void request_values_fini(struct request_values *values);

#endif
