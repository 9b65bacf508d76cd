/* What a request carries. */
#include "app/carried.h"

#include "app/request.h"
#include "base/xalloc.h"
#include <stdlib.h>
#include <string.h>

static void destroy(const struct carried_value *carried) {
    if (carried->destroy != NULL && carried->value != NULL)
        carried->destroy(carried->value);
}

/* Each is taken off before it is destroyed: what destroys it may look at the others. */
void carried_fini(struct carried *carried) {
    while (carried->count > 0) {
        struct carried_value last = carried->values[--carried->count];
        destroy(&last);
        free(last.key);
    }
    free(carried->values);
    *carried = (struct carried){0};
}

static struct carried_value *find(const struct carried *carried, const char *key) {
    for (size_t i = 0; i < carried->count; i++)
        if (strcmp(carried->values[i].key, key) == 0)
            return &carried->values[i];
    return NULL;
}

static struct carried_value *find_or_add(struct carried *carried, const char *key) {
    struct carried_value *found = find(carried, key);
    if (found != NULL)
        return found;
    carried->values =
        xreallocarray(carried->values, carried->count + 1, sizeof(struct carried_value));
    found = &carried->values[carried->count++];
    *found = (struct carried_value){.key = xstrdup(key)};
    return found;
}

void crew_request_set(crew_request *request, const char *key, void *value,
                      void (*destroy_value)(void *value)) {
    struct carried_value *place = find_or_add(&request->carried, key);
    struct carried_value before = *place;
    place->value = value;
    place->destroy = destroy_value;
    if (before.value != value)
        destroy(&before);
}

void *crew_request_get(const crew_request *request, const char *key) {
    const struct carried_value *found = find(&request->carried, key);
    return found != NULL ? found->value : NULL;
}
