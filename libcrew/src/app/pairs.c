#include "app/pairs.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_BYTES = 16 * 1024 };

bool pairs_add(struct pairs *pairs, struct crew_pair pair) {
    buffer_append(&pairs->list, &pair, sizeof pair);
    return !pairs->list.failed;
}

const struct crew_pair *pairs_all(const struct pairs *pairs, size_t *count) {
    *count = pairs->list.len / sizeof(struct crew_pair);
    return (const struct crew_pair *)(const void *)pairs->list.data;
}

static bool pair_is(const struct crew_pair *pair, const char *name, size_t name_bytes) {
    return pair->name_bytes == name_bytes && memcmp(pair->name, name, name_bytes) == 0 &&
           memchr(pair->value, '\0', pair->value_bytes) == NULL;
}

const char *pairs_value(const struct pairs *pairs, const char *name) {
    size_t count, name_bytes = strlen(name);
    const struct crew_pair *list = pairs_all(pairs, &count);
    for (size_t i = 0; i < count; i++)
        if (pair_is(&list[i], name, name_bytes))
            return list[i].value;
    return NULL;
}

/* Unlike strtol(3), no space or '+' before it and nothing after it. */
long text_number(const char *text, long min, long max, long fallback) {
    if (text == NULL || !isdigit((unsigned char)text[text[0] == '-']))
        return fallback;
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    return errno == 0 && *end == '\0' && number >= min && number <= max ? number
                                                                        : fallback;
}

long pairs_number(const struct pairs *pairs, const char *name, long min, long max,
                  long fallback) {
    return text_number(pairs_value(pairs, name), min, max, fallback);
}

const char *const *pairs_values(const struct pairs *pairs, const char *name,
                                struct arena *arena, size_t *count) {
    static const char *const none[] = {NULL};
    size_t pair_count, found = 0, name_bytes = strlen(name);
    const struct crew_pair *list = pairs_all(pairs, &pair_count);
    for (size_t i = 0; i < pair_count; i++)
        found += pair_is(&list[i], name, name_bytes);
    const char **values = arena_alloc(arena, (found + 1) * sizeof *values);
    *count = values != NULL ? found : 0;
    if (*count == 0)
        return none;
    values[found] = NULL;
    for (size_t i = pair_count; i-- > 0 && found > 0;)
        if (pair_is(&list[i], name, name_bytes))
            values[--found] = list[i].value;
    return values;
}

void pairs_reset(struct pairs *pairs) {
    buffer_reset(&pairs->list, KEPT_BYTES);
}

void pairs_fini(struct pairs *pairs) {
    buffer_fini(&pairs->list);
}
