/* What an app runs before and after its handlers. */
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

/* A prefix is as literal as it looks: parameters, which it could not have, and a '/' at
 * its end, which would leave out the path without it, are mistakes. */
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

bool hook_covers(const struct hook *hook, const char *path) {
    size_t bytes = strlen(hook->prefix);
    if (strncmp(path, hook->prefix, bytes) != 0)
        return false;
    return bytes <= strlen("/") || path[bytes] == '\0' || path[bytes] == '/';
}
