/* The routes of an app: which handler serves a method and a path.
 *
 * Paths are compared byte by byte, methods as well (RFC 9110 §9.1: case matters). A route
 * for "*" serves every method that has no route of its own; HEAD goes to the route for
 * GET before it goes to "*" (RFC 9110 §9.3.2).
 */
#ifndef CREW_APP_ROUTER_H
#define CREW_APP_ROUTER_H

#include "base/buffer.h"
#include <crew/app.h>

struct route {
    char *path;
    char *method;
    crew_handler *handler;
};

/* Sorted by path, then method, so that the routes of one path stand side by side. Zeroed
 * memory is an empty router. */
struct router {
    struct route *routes;
    size_t count;
};

/* The routes of one path. */
struct router_path {
    const struct route *routes;
    size_t count;
};

void router_fini(struct router *router);

/* CREW_EINVAL: METHOD is neither a token nor "*", PATH does not begin with '/', or there
 * is no handler. CREW_EEXIST: this route is there already. */
int router_add(struct router *router, const char *method, const char *path,
               crew_handler *handler);

/* Count 0: no such path. */
struct router_path router_find(const struct router *router, const char *path,
                               size_t path_bytes);

/* Null: the path does not know this method. */
crew_handler *router_handler(struct router_path path, const char *method);

/* The value of Allow (RFC 9110 §10.2.1): the methods of PATH, those that are served
 * without a handler of their own included. Zero-terminated. */
void router_allow(struct router_path path, struct buffer *to);

#endif
