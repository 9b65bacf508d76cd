/* Following redirects, as long as they lead to where the app is. */
#include "test/test_room.h"

#include "base/xalloc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { REDIRECTS_MOST = 20 };

/* ---- where a Location leads (RFC 3986 §5.2) ---- */

/* The bytes of a scheme before ':', 0: none. */
static size_t scheme_bytes(const char *location) {
    size_t bytes = strcspn(location, ":/?");
    return location[bytes] == ':' ? bytes : 0;
}

/* Is that the value of the parameter NAME? */
static bool is_value(const struct params *params, const char *name, const char *text,
                     size_t bytes) {
    const char *value = params_or_empty(params, name);
    return strlen(value) == bytes && strncasecmp(value, text, bytes) == 0;
}

/* What is behind scheme and host; null when they are not those of PARAMS. */
static const char *behind_host(const char *location, const struct params *params) {
    size_t bytes = scheme_bytes(location);
    if (bytes > 0) {
        if (!is_value(params, "REQUEST_SCHEME", location, bytes))
            return NULL;
        location += bytes + 1;
    }
    if (strncmp(location, "//", 2) == 0) {
        location += 2;
        size_t host_bytes = strcspn(location, "/?");
        if (!is_value(params, "HTTP_HOST", location, host_bytes))
            return NULL;
        location += host_bytes;
        return *location == '\0' ? "/" : location;
    }
    return location;
}

/* REFERENCE, relative to BASE. */
static char *merged(const char *base, const char *reference) {
    size_t kept = strcspn(base, "?");
    if (*reference == '/')
        kept = 0;
    else if (*reference != '?' && *reference != '\0')
        while (kept > 0 && base[kept - 1] != '/')
            kept--;
    size_t bytes = kept + strlen(reference) + 1;
    char *made = xcalloc(1, bytes);
    snprintf(made, bytes, "%.*s%s", (int)kept, base, reference);
    return made;
}

/* The end of PATH without its last segment. */
static char *parent(const char *path, char *end) {
    while (end > path && *--end != '/')
        ;
    return end;
}

/* Take out "." and ".." (RFC 3986 §5.2.4), in place; the query stays. */
static void remove_dots(char *path) {
    char *end = path + strcspn(path, "?");
    char *from = path, *to = path;
    while (from < end) {
        size_t bytes = 1 + strcspn(from + 1, "/?"); /* '/' and a segment */
        bool one = bytes == 2 && from[1] == '.';
        bool two = bytes == 3 && from[1] == '.' && from[2] == '.';
        if (two)
            to = parent(path, to);
        if (!one && !two) {
            memmove(to, from, bytes);
            to += bytes;
        } else if (from + bytes == end) {
            *to++ = '/';
        }
        from += bytes;
    }
    memmove(to, end, strlen(end) + 1);
}

/* Path and query of the request for the app that LOCATION leads to, for the caller to
 * free. Null: it leads elsewhere. */
static char *within_app(const char *location, const struct params *params) {
    char *whole = xmemdupz(location, strcspn(location, "#"));
    char *path = NULL;
    const char *reference = behind_host(whole, params);
    const char *mount = params_or_empty(params, "SCRIPT_NAME");
    size_t mount_bytes = strlen(mount);
    if (reference != NULL) {
        char *uri = merged(params_or_empty(params, "REQUEST_URI"), reference);
        remove_dots(uri);
        if (strncmp(uri, mount, mount_bytes) == 0 && uri[mount_bytes] == '/')
            path = xstrdup(uri + mount_bytes);
        free(uri);
    }
    free(whole);
    return path;
}

/* ---- following ---- */

static bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 ||
           status == 308;
}

/* Behind a POST comes a GET, unless the status says that nothing may change; as browsers
 * do (RFC 9110 §15.4, Fetch Standard §4.4). */
static void become_get(struct crew_test_request *request, const char *method,
                       int status) {
    bool is_post = strcmp(method, "POST") == 0;
    if (status == 307 || status == 308 || strcmp(method, "HEAD") == 0 ||
        (status != 303 && !is_post))
        return;
    request->method = "GET";
    request->content_type = NULL;
    request->body = NULL;
    request->body_bytes = 0;
}

/* The response to what EXCHANGE redirects to; null when there is nothing to follow. */
static const struct crew_test_response *next(crew_test *test,
                                             const struct exchange *exchange) {
    const struct crew_test_response *response = &exchange->response;
    const char *location = crew_test_header(response, "Location");
    if (!is_redirect(response->status) || location == NULL)
        return NULL;
    char *path = within_app(location, &exchange->params);
    if (path == NULL)
        return NULL;
    struct crew_test_request request = exchange->request;
    request.path = path;
    become_get(&request, params_or_empty(&exchange->params, "REQUEST_METHOD"),
               response->status);
    response = crew_test_send(test, &request);
    free(path);
    return response;
}

const struct crew_test_response *
crew_test_follow(crew_test *test, const struct crew_test_response *response) {
    const struct crew_test_response *then = response;
    for (unsigned i = 0; i < REDIRECTS_MOST && then != NULL; i++) {
        response = then;
        then = next(test, (const struct exchange *)response);
    }
    return response;
}
