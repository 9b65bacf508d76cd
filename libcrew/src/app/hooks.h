/* What an app runs before and after its handlers, in the order of registration. */
#ifndef CREW_APP_HOOKS_H
#define CREW_APP_HOOKS_H

#include <crew/app.h>

struct hook {
    char *prefix;
    crew_handler *before; /* one of the two */
    crew_after *after;
};

/* Zeroed memory: none. */
struct hooks {
    struct hook *list;
    size_t count;
};

void hooks_fini(struct hooks *hooks);

/* One of BEFORE and AFTER is null. CREW_EINVAL: both are, or PREFIX is none. */
int hooks_add(struct hooks *hooks, const char *prefix, crew_handler *before,
              crew_after *after);

/* Whether the hook is there for PATH. "" covers all, "/" every path that begins with '/',
 * any other prefix itself and what is below it: "/a" covers "/a" and "/a/b", not "/ab". */
bool hook_covers(const struct hook *hook, const char *path);

#endif
