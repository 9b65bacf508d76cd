#include "app/hooks.h"

#include "app/pattern.h"
#include "base/xalloc.h"
#include <stdlib.h>
#include <string.h>

void hooks_fini(struct hooks *hooks) {
    for (size_t i = 0; i < hooks->count; i++)
        free(hooks->list[i].prefix);
    free(hooks->list);
    *hooks = (struct hooks){0};
}

/* A prefix is literal. Parameters, which are not supported, and a '/' at the end, which
 * would exclude the path without it, are errors. */
static bool prefix_valid(const char *prefix) {
    if (*prefix == '\0' || strcmp(prefix, "/") == 0)
        return true;
    struct segment segment = {0};
    bool literal = pattern_valid(prefix);
    while (literal && pattern_next(&prefix, &segment))
        literal = segment.kind == SEGMENT_LITERAL && segment.bytes > 0;
    return literal;
}

int hooks_add(struct hooks *hooks, const char *prefix, crew_handler *before,
              crew_after *after) {
    if (prefix == NULL || !prefix_valid(prefix) || (before == NULL && after == NULL))
        return CREW_EINVAL;
    hooks->list = xreallocarray(hooks->list, hooks->count + 1, sizeof(struct hook));
    hooks->list[hooks->count++] = (struct hook){xstrdup(prefix), before, after};
    return CREW_OK;
}

static bool covers(const struct hook *hook, const char *path) {
    size_t bytes = strlen(hook->prefix);
    if (strncmp(path, hook->prefix, bytes) != 0)
        return false;
    return bytes <= strlen("/") || path[bytes] == '\0' || path[bytes] == '/';
}

crew_handler *hooks_next_before(const struct hooks *hooks, const char *path,
                                size_t *position) {
    while (*position < hooks->count) {
        const struct hook *hook = &hooks->list[(*position)++];
        if (hook->before != NULL && covers(hook, path))
            return hook->before;
    }
    return NULL;
}

crew_after *hooks_next_after(const struct hooks *hooks, const char *path,
                             size_t *position) {
    while (*position < hooks->count) {
        const struct hook *hook = &hooks->list[hooks->count - ++*position];
        if (hook->after != NULL && covers(hook, path))
            return hook->after;
    }
    return NULL;
}
