/* The routes of an app: a sorted array, searched by halves. An app has tens of routes and
 * adds them once; a request costs some string comparisons and no memory. */
#include "app/router.h"

#include "base/memory.h"
#include "wire/http.h"
#include <stdlib.h>
#include <string.h>

void router_fini(struct router *router) {
    for (size_t i = 0; i < router->count; i++) {
        free(router->routes[i].path);
        free(router->routes[i].method);
    }
    free(router->routes);
    *router = (struct router){0};
}

/* As strcmp, for a path that may hold a zero byte: such a one is equal to none. */
static int path_compare(const char *path, const char *wanted, size_t wanted_bytes) {
    size_t path_bytes = strlen(path);
    size_t common = path_bytes < wanted_bytes ? path_bytes : wanted_bytes;
    int order = memcmp(path, wanted, common);
    if (order != 0)
        return order;
    return (path_bytes > wanted_bytes) - (path_bytes < wanted_bytes);
}

/* The first route whose path is not before PATH. */
static size_t path_begin(const struct router *router, const char *path,
                         size_t path_bytes) {
    size_t low = 0, high = router->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (path_compare(router->routes[middle].path, path, path_bytes) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct router_path router_find(const struct router *router, const char *path,
                               size_t path_bytes) {
    size_t begin = path_begin(router, path, path_bytes);
    size_t end = begin;
    while (end < router->count &&
           path_compare(router->routes[end].path, path, path_bytes) == 0)
        end++;
    return (struct router_path){router->routes + begin, end - begin};
}

static bool method_valid(const char *method) {
    return strcmp(method, "*") == 0 || http_field_name_valid(method, strlen(method));
}

int router_add(struct router *router, const char *method, const char *path,
               crew_handler *handler) {
    if (method == NULL || path == NULL || handler == NULL)
        return CREW_EINVAL;
    if (!method_valid(method) || path[0] != '/')
        return CREW_EINVAL;

    struct router_path same = router_find(router, path, strlen(path));
    size_t at = path_begin(router, path, strlen(path));
    for (size_t i = 0; i < same.count; i++) {
        int order = strcmp(same.routes[i].method, method);
        if (order == 0)
            return CREW_EEXIST;
        at += order < 0;
    }

    router->routes =
        memory_resize(router->routes, router->count + 1, sizeof(struct route));
    memmove(router->routes + at + 1, router->routes + at,
            (router->count - at) * sizeof(struct route));
    router->routes[at] = (struct route){memory_text(path), memory_text(method), handler};
    router->count++;
    return CREW_OK;
}

static crew_handler *method_exactly(struct router_path path, const char *method) {
    for (size_t i = 0; i < path.count; i++)
        if (strcmp(path.routes[i].method, method) == 0)
            return path.routes[i].handler;
    return NULL;
}

crew_handler *router_handler(struct router_path path, const char *method) {
    crew_handler *handler = method_exactly(path, method);
    if (handler == NULL && strcmp(method, "HEAD") == 0)
        handler = method_exactly(path, "GET");
    if (handler == NULL)
        handler = method_exactly(path, "*");
    return handler;
}

void router_allow(struct router_path path, struct buffer *to) {
    for (size_t i = 0; i < path.count; i++) {
        buffer_append_text(to, path.routes[i].method);
        buffer_append_text(to, ", ");
    }
    if (method_exactly(path, "GET") != NULL && method_exactly(path, "HEAD") == NULL)
        buffer_append_text(to, "HEAD, ");
    buffer_append(to, "OPTIONS", sizeof "OPTIONS");
}
