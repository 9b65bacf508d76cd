/* Any routes, any path: the router finds the same route as a linear search.
 *
 * The input is lines: the path, then the patterns. The first byte of a line may be the
 * number of a method. */
#include "app/router.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { ROUTES_MAX = 32 };

static const char *const methods[] = {"GET", "HEAD", "POST", "*"};

struct added {
    const char *method;
    const char *pattern;
};

static int handler(crew_request *request, crew_response *response) {
    (void)request;
    (void)response;
    return 0;
}

static const char *take_method(const char **line) {
    const char *digit = strchr("0123", **line);
    if (**line == '\0' || digit == NULL)
        return methods[0];
    ++*line;
    return methods[*digit - '0'];
}

/* ---- reference implementation ---- */

static bool fits(const char *pattern, const char *path) {
    for (;;) {
        if (*pattern == '\0' || *path == '\0')
            return *pattern == *path;
        if (*pattern++ != '/' || *path++ != '/')
            return false;
        size_t bytes = strcspn(path, "/"), pattern_bytes = strcspn(pattern, "/");
        if (*pattern == '*')
            return bytes > 0;
        if (*pattern == ':' ? bytes == 0
                            : bytes != pattern_bytes || memcmp(pattern, path, bytes) != 0)
            return false;
        pattern += pattern_bytes;
        path += bytes;
    }
}

/* How well a method serves WANTED; 0: not at all. */
static int method_rank(const char *method, const char *wanted) {
    if (strcmp(method, wanted) == 0)
        return 3;
    if (strcmp(wanted, "HEAD") == 0 && strcmp(method, "GET") == 0)
        return 2;
    return strcmp(method, "*") == 0;
}

static int segment_rank(const char *pattern) {
    return *pattern == '*' ? 0 : *pattern == ':' ? 1 : 2;
}

/* Both match the path: whether A has priority over B. */
static bool is_better(const struct added *a, const struct added *b, const char *method) {
    const char *x = a->pattern, *y = b->pattern;
    while ((x = strchr(x, '/')) != NULL && (y = strchr(y, '/')) != NULL) {
        int order = segment_rank(++x) - segment_rank(++y);
        if (order != 0)
            return order > 0;
    }
    return method_rank(a->method, method) > method_rank(b->method, method);
}

static const struct added *find_slowly(const struct added *added, size_t count,
                                       const char *method, const char *path,
                                       bool *path_known) {
    const struct added *best = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!fits(added[i].pattern, path))
            continue;
        *path_known = true;
        if (method_rank(added[i].method, method) > 0 &&
            (best == NULL || is_better(&added[i], best, method)))
            best = &added[i];
    }
    return best;
}

/* ---- comparison ---- */

static void check_values(const struct router_match *match, const char *path) {
    const char *left = match->route->pattern;
    struct segment segment;
    size_t value = 0;
    while (pattern_next(&left, &segment)) {
        if (segment.kind == SEGMENT_LITERAL)
            continue;
        size_t begin = match->values[value].begin, bytes = match->values[value].bytes;
        assert(path[begin - 1] == '/' && path[begin] != '/' && bytes > 0);
        assert(path[begin + bytes] == '\0' || path[begin + bytes] == '/');
        assert(segment.kind == SEGMENT_REST || strcspn(path + begin, "/") == bytes);
        assert(segment.kind != SEGMENT_REST || path[begin + bytes] == '\0');
        value++;
    }
    assert(value == match->value_count);
}

static void check(const struct router *router, const struct added *added, size_t count,
                  const char *method, const char *path) {
    struct router_match match;
    bool known = false;
    router_find(router, method, path, strlen(path), &match);
    const struct added *wanted = find_slowly(added, count, method, path, &known);
    assert((match.route != NULL) == (wanted != NULL));
    if (wanted != NULL) {
        assert(strcmp(match.route->pattern, wanted->pattern) == 0);
        assert(strcmp(match.route->method, wanted->method) == 0);
        check_values(&match, path);
    } else {
        assert(match.path_known == known);
    }
    struct buffer allow = BUFFER_INIT;
    router_allow(router, path, strlen(path), &allow);
    assert(strlen((char *)allow.data) == allow.len - 1);
    assert(known || strcmp((char *)allow.data, "OPTIONS") == 0);
    buffer_fini(&allow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    char *text = strndup(bytes > 0 ? (const char *)data : "", bytes), *rest = text;
    const char *path = strsep(&rest, "\n"), *pattern;
    const char *method = take_method(&path);
    struct router router = {0};
    struct added added[ROUTES_MAX];
    size_t count = 0;
    while (count < ROUTES_MAX && (pattern = strsep(&rest, "\n")) != NULL) {
        const char *its_method = take_method(&pattern);
        if (router_add(&router, its_method, pattern, handler) == CREW_OK)
            added[count++] = (struct added){its_method, pattern};
    }
    assert(router.count == count);
    check(&router, added, count, method, path);
    router_fini(&router);
    free(text);
    return 0;
}
