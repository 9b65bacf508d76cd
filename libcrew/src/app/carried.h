/* What a request carries from its hooks to its handler, and on to the hooks behind. */
#ifndef CREW_APP_CARRIED_H
#define CREW_APP_CARRIED_H

#include <stddef.h>

struct carried_value {
    char *key;
    void *value;
    void (*destroy)(void *value); /* may be null */
};

/* A handful at most. Zeroed memory: nothing. */
struct carried {
    struct carried_value *values;
    size_t count;
};

/* Destroy all values, the last one first. */
void carried_fini(struct carried *carried);

#endif
