/* Functions that an app runs before and after its handlers. */
#ifndef CREW_APP_HOOKS_H
#define CREW_APP_HOOKS_H

#include <crew/app.h>

struct hook {
    char *prefix;
    crew_handler *before; /* one of the two is null */
    crew_after *after;
};

/* In the order of registration. Zeroed memory: none. */
struct hooks {
    struct hook *list;
    size_t count;
};

void hooks_fini(struct hooks *hooks);

/* Add a hook; one of BEFORE and AFTER is null. CREW_EINVAL: both are null, or PREFIX is
 * not valid. */
int hooks_add(struct hooks *hooks, const char *prefix, crew_handler *before,
              crew_after *after);

/* The next before-hook for PATH, in the order of registration, or the next after-hook, in
 * reverse order. *POSITION is 0 at first. Null: there is no further one. The prefix ""
 * covers all paths, "/" all that begin with '/', any other one itself and the paths
 * below: "/a" covers "/a" and "/a/b", not "/ab". */
crew_handler *hooks_next_before(const struct hooks *hooks, const char *path,
                                size_t *position);
crew_after *hooks_next_after(const struct hooks *hooks, const char *path,
                             size_t *position);

#endif
