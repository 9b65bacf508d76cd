/* The routes of an app: which handler serves a method and a path.
 *
 * A tree: a node for each segment of the patterns (app/pattern.h), so that a look-up costs
 * the segments of the path, however many routes there are. Paths are compared byte by
 * byte, methods as well (RFC 9110 §9.1: case matters).
 *
 * Of the patterns that fit a path the most specific one counts that serves the method:
 * segment by segment from the left, a literal goes before a parameter, and that before the
 * rest. A route for "*" serves every method that has no route of its own with this
 * pattern; HEAD goes to the route for GET before it goes to "*" (RFC 9110 §9.3.2).
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

/* Zeroed memory is an empty router. */
struct router {
    struct router_node root;
    size_t count;
};

/* What was found for a path. */
struct router_match {
    const struct route *route; /* null: there is none */
    bool path_known;           /* there are routes, if not for this method */
    size_t value_count;        /* what the parameters and the rest stand for ... */
    struct router_value {
        size_t begin, bytes; /* ... in the path */
    } values[PATTERN_VALUES_MAX];
};

void router_fini(struct router *router);

/* METHODS: one, or several with commas between. CREW_EINVAL: one of them is no token, the
 * pattern is not valid, or there is no handler. CREW_EEXIST: one of them has a route with
 * this pattern, whatever the names in it. */
int router_add(struct router *router, const char *methods, const char *pattern,
               crew_handler *handler);

void router_find(const struct router *router, const char *method, const char *path,
                 size_t path_bytes, struct router_match *match);

/* The value of Allow (RFC 9110 §10.2.1): the methods of all routes that fit PATH, those
 * that are served without a handler of their own included. Zero-terminated. */
void router_allow(const struct router *router, const char *path, size_t path_bytes,
                  struct buffer *to);

#endif
