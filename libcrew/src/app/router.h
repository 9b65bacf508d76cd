/* The routes of an app: which handler serves a method and a path.
 *
 * A tree with a node for each segment of the patterns (app/pattern.h). A look-up takes as
 * many steps as the path has segments, however many routes there are. Paths and methods
 * are compared byte by byte (RFC 9110 §9.1: methods are case-sensitive).
 *
 * Of the patterns that match a path, the most specific one that serves the method is
 * used: segment by segment from the left, a literal precedes a parameter, and a parameter
 * precedes the rest. A route for "*" serves the methods that have no route of their own
 * with the same pattern. HEAD uses the route for GET before the one for "*" (RFC 9110
 * §9.3.2).
 */
#ifndef CREW_APP_ROUTER_H
#define CREW_APP_ROUTER_H

#include "app/pattern.h"
#include "base/buffer.h"
#include <crew/app.h>

struct route {
    char *method;
    char *pattern;
    crew_handler *handler;
};

struct router_node {
    char *literal; /* null: a parameter, the rest, or the root */
    size_t literal_bytes;
    struct router_node **literals; /* sorted */
    size_t literal_count;
    struct router_node *parameter;
    struct router_node *rest;
    struct route *routes; /* of the patterns that end here, sorted by method */
    size_t route_count;
};

/* Zeroed memory is an empty router. All fields are router.c's. */
struct router {
    struct router_node root;
    size_t count;
};

/* The result of a look-up. */
struct router_match {
    const struct route *route; /* null: none for this method */
    bool path_known;           /* there are routes for the path */
    size_t value_count;        /* values of the parameters and the rest ... */
    struct router_value {
        size_t begin, bytes; /* ... in the path */
    } values[PATTERN_VALUES_MAX];
};

void router_fini(struct router *router);

bool router_has_routes(const struct router *router);

/* Add a route. METHODS: one method, or several with commas. CREW_EINVAL: a method is not
 * a token, the pattern is not valid, or HANDLER is null. CREW_EEXIST: a method has a
 * route with this pattern already; names of parameters do not matter. */
int router_add(struct router *router, const char *methods, const char *pattern,
               crew_handler *handler);

void router_find(const struct router *router, const char *method, const char *path,
                 size_t path_bytes, struct router_match *match);

/* Append the value of Allow (RFC 9110 §10.2.1), zero-terminated: the methods of all
 * routes for PATH, and HEAD and OPTIONS if they are served without a route. */
void router_allow(const struct router *router, const char *path, size_t path_bytes,
                  struct buffer *to);

#endif
