#include "app/request_values.h"

#include "base/xalloc.h"
#include <stdlib.h>
#include <string.h>

static void destroy_value(const struct request_value *value) {
    if (value->destroy != NULL && value->value != NULL)
        value->destroy(value->value);
}

/* Each value is removed before it is destroyed: its destructor may read the others. */
void request_values_fini(struct request_values *values) {
    while (values->count > 0) {
        struct request_value last = values->values[--values->count];
        destroy_value(&last);
        free(last.key);
    }
    free(values->values);
    *values = (struct request_values){0};
}

static struct request_value *find(const struct request_values *values, const char *key) {
    for (size_t i = 0; i < values->count; i++)
        if (strcmp(values->values[i].key, key) == 0)
            return &values->values[i];
    return NULL;
}

static struct request_value *find_or_add(struct request_values *values, const char *key) {
    struct request_value *found = find(values, key);
    if (found != NULL)
        return found;
    values->values =
        xreallocarray(values->values, values->count + 1, sizeof(struct request_value));
    found = &values->values[values->count++];
    *found = (struct request_value){.key = xstrdup(key)};
    return found;
}

void request_values_set(struct request_values *values, const char *key, void *value,
                        request_value_destroy *destroy) {
    struct request_value *entry = find_or_add(values, key);
    struct request_value previous = *entry;
    entry->value = value;
    entry->destroy = destroy;
    if (previous.value != value)
        destroy_value(&previous);
}

void *request_values_get(const struct request_values *values, const char *key) {
    const struct request_value *found = find(values, key);
    return found != NULL ? found->value : NULL;
}
