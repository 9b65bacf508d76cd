#include "app/router.h"

#include "base/xalloc.h"
#include "wire/http_fields.h"
#include <stdlib.h>
#include <string.h>

/* ---- the tree ---- */

static void node_fini(struct router_node *node);

static void node_free(struct router_node *node) {
    if (node == NULL)
        return;
    node_fini(node);
    free(node);
}

static void node_fini(struct router_node *node) {
    for (size_t i = 0; i < node->literal_count; i++)
        node_free(node->literals[i]);
    for (size_t i = 0; i < node->route_count; i++) {
        free(node->routes[i].method);
        free(node->routes[i].pattern);
    }
    node_free(node->parameter);
    node_free(node->rest);
    free(node->literals);
    free(node->routes);
    free(node->literal);
}

bool router_has_routes(const struct router *router) {
    return router->count > 0;
}

void router_fini(struct router *router) {
    node_fini(&router->root);
    *router = (struct router){0};
}

static int literal_compare(const struct router_node *node, const char *text,
                           size_t bytes) {
    size_t common = node->literal_bytes < bytes ? node->literal_bytes : bytes;
    int order = memcmp(node->literal, text, common);
    if (order != 0)
        return order;
    return (node->literal_bytes > bytes) - (node->literal_bytes < bytes);
}

/* The index of the first literal below NODE that does not sort before TEXT. */
static size_t literal_begin(const struct router_node *node, const char *text,
                            size_t bytes) {
    size_t low = 0, high = node->literal_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (literal_compare(node->literals[middle], text, bytes) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct router_node *literal_find(const struct router_node *node, const char *text,
                                        size_t bytes) {
    size_t at = literal_begin(node, text, bytes);
    if (at < node->literal_count && literal_compare(node->literals[at], text, bytes) == 0)
        return node->literals[at];
    return NULL;
}

/* Make space for one more element at AT in ARRAY, which has COUNT elements of SIZE
 * bytes. */
static void *array_insert(void *array, size_t count, size_t size, size_t at) {
    char *grown = xreallocarray(array, count + 1, size);
    memmove(grown + (at + 1) * size, grown + at * size, (count - at) * size);
    return grown;
}

static struct router_node *literal_find_or_add(struct router_node *node, const char *text,
                                               size_t bytes) {
    struct router_node *made = literal_find(node, text, bytes);
    if (made != NULL)
        return made;
    made = xcalloc(1, sizeof *made);
    made->literal = xmemdupz(text, bytes);
    made->literal_bytes = bytes;
    size_t at = literal_begin(node, text, bytes);
    node->literals = array_insert(node->literals, node->literal_count++,
                                  sizeof(struct router_node *), at);
    node->literals[at] = made;
    return made;
}

static struct router_node *node_find_or_add(struct router_node *node,
                                            const struct segment *segment) {
    if (segment->kind == SEGMENT_LITERAL)
        return literal_find_or_add(node, segment->text, segment->bytes);
    struct router_node **made =
        segment->kind == SEGMENT_PARAMETER ? &node->parameter : &node->rest;
    if (*made == NULL)
        *made = xcalloc(1, sizeof **made);
    return *made;
}

/* ---- methods ---- */

struct method {
    const char *text;
    size_t bytes;
};

/* Read the next method of a list with commas, and advance *LEFT; false: there is none. */
static bool next_method(const char **left, struct method *method) {
    if (*left == NULL)
        return false;
    const char *text = *left + strspn(*left, " ");
    size_t bytes = strcspn(text, ",");
    *left = text[bytes] == ',' ? text + bytes + 1 : NULL;
    while (bytes > 0 && text[bytes - 1] == ' ')
        bytes--;
    *method = (struct method){text, bytes};
    return true;
}

/* "*" is a valid token as well. */
static bool methods_valid(const char *methods) {
    struct method method;
    while (next_method(&methods, &method))
        if (!http_field_name_valid(method.text, method.bytes))
            return false;
    return true;
}

static int add_route(struct router_node *node, const char *method, const char *pattern,
                     crew_handler *handler) {
    size_t at = 0;
    for (; at < node->route_count; at++) {
        int order = strcmp(node->routes[at].method, method);
        if (order == 0)
            return CREW_EEXIST;
        if (order > 0)
            break;
    }
    node->routes =
        array_insert(node->routes, node->route_count++, sizeof(struct route), at);
    node->routes[at] = (struct route){xstrdup(method), xstrdup(pattern), handler};
    return CREW_OK;
}

int router_add(struct router *router, const char *methods, const char *pattern,
               crew_handler *handler) {
    if (methods == NULL || pattern == NULL || handler == NULL)
        return CREW_EINVAL;
    if (!methods_valid(methods) || !pattern_valid(pattern))
        return CREW_EINVAL;

    struct router_node *node = &router->root;
    struct segment segment;
    for (const char *left = pattern; pattern_next(&left, &segment);)
        node = node_find_or_add(node, &segment);

    int error = CREW_OK;
    struct method next;
    while (error == CREW_OK && next_method(&methods, &next)) {
        char *method = xmemdupz(next.text, next.bytes);
        error = add_route(node, method, pattern, handler);
        router->count += error == CREW_OK;
        free(method);
    }
    return error;
}

/* ---- look-up ---- */

/* A depth-first walk over the nodes at which a path ends, the most specific first. Each
 * node is visited at most once, as there is one way to it. */
struct walk {
    const char *path;
    size_t path_bytes;
    struct router_match *match;
    size_t value_count;
    bool (*visit)(struct walk *walk, const struct router_node *node); /* true: stop */
    const char *method;                                               /* for visit */
    struct buffer *allow;                                             /* for visit */
};

static bool walk_on(struct walk *walk, const struct router_node *node, size_t at);

/* The parameter or the rest at NODE has the value of BYTES bytes at AT; walk on after
 * it. */
static bool walk_value(struct walk *walk, const struct router_node *node, size_t at,
                       size_t bytes) {
    if (node == NULL)
        return false;
    walk->match->values[walk->value_count++] = (struct router_value){at, bytes};
    if (walk_on(walk, node, at + bytes + 1))
        return true;
    walk->value_count--;
    return false;
}

/* AT is where the next segment begins; after the end of the path there is none. */
static bool walk_on(struct walk *walk, const struct router_node *node, size_t at) {
    if (at > walk->path_bytes)
        return node->route_count > 0 && walk->visit(walk, node);
    size_t left = walk->path_bytes - at;
    const char *slash = memchr(walk->path + at, '/', left);
    size_t bytes = slash != NULL ? (size_t)(slash - walk->path) - at : left;

    const struct router_node *literal = literal_find(node, walk->path + at, bytes);
    if (literal != NULL && walk_on(walk, literal, at + bytes + 1))
        return true;
    if (bytes == 0)
        return false;
    return walk_value(walk, node->parameter, at, bytes) ||
           walk_value(walk, node->rest, at, left);
}

/* A path with a zero byte matches no route. */
static void walk_path(struct walk *walk, const struct router *router) {
    if (walk->path_bytes > 0 && walk->path[0] == '/' &&
        memchr(walk->path, '\0', walk->path_bytes) == NULL)
        walk_on(walk, &router->root, 1);
}

static const struct route *route_exactly(const struct router_node *node,
                                         const char *method) {
    for (size_t i = 0; i < node->route_count; i++)
        if (strcmp(node->routes[i].method, method) == 0)
            return &node->routes[i];
    return NULL;
}

static const struct route *route_for(const struct router_node *node, const char *method) {
    const struct route *route = route_exactly(node, method);
    if (route == NULL && strcmp(method, "HEAD") == 0)
        route = route_exactly(node, "GET");
    if (route == NULL)
        route = route_exactly(node, "*");
    return route;
}

static bool visit_for_route(struct walk *walk, const struct router_node *node) {
    walk->match->path_known = true;
    walk->match->route = route_for(node, walk->method);
    walk->match->value_count = walk->value_count;
    return walk->match->route != NULL;
}

void router_find(const struct router *router, const char *method, const char *path,
                 size_t path_bytes, struct router_match *match) {
    struct walk walk = {.path = path,
                        .path_bytes = path_bytes,
                        .match = match,
                        .visit = visit_for_route,
                        .method = method};
    match->route = NULL;
    match->path_known = false;
    match->value_count = 0;
    walk_path(&walk, router);
}

/* True when METHOD is in a list whose elements end with ", ". */
static bool is_listed(const struct buffer *list, const char *method) {
    if (list->len == 0)
        return false;
    const char *at = (const char *)list->data, *end = at + list->len;
    size_t bytes = strlen(method);
    for (; at < end; at += strcspn(at, ",") + 2)
        if (strcspn(at, ",") == bytes && memcmp(at, method, bytes) == 0)
            return true;
    return false;
}

static void list_method(struct buffer *list, const char *method) {
    if (!is_listed(list, method))
        buffer_printf(list, "%s, ", method);
}

static bool visit_for_methods(struct walk *walk, const struct router_node *node) {
    for (size_t i = 0; i < node->route_count; i++)
        list_method(walk->allow, node->routes[i].method);
    return false;
}

void router_allow(const struct router *router, const char *path, size_t path_bytes,
                  struct buffer *to) {
    struct router_match match;
    struct walk walk = {.path = path,
                        .path_bytes = path_bytes,
                        .match = &match,
                        .visit = visit_for_methods,
                        .allow = to};
    walk_path(&walk, router);
    if (is_listed(to, "GET"))
        list_method(to, "HEAD");
    list_method(to, "OPTIONS");
    if (!to->failed)
        to->data[--to->len - 1] = '\0'; /* replaces the last comma */
}
