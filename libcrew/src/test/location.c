#include "test/location.h"

#include "base/xalloc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool location_is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 ||
           status == 308;
}

/* The length of the scheme before ':', 0: there is none. */
static size_t scheme_bytes(const char *location) {
    size_t bytes = strcspn(location, ":/?");
    return location[bytes] == ':' ? bytes : 0;
}

/* True when TEXT is the value of parameter NAME, in any case. */
static bool param_equals(const struct params *params, const char *name, const char *text,
                         size_t bytes) {
    const char *value = params_or_empty(params, name);
    return strlen(value) == bytes && strncasecmp(value, text, bytes) == 0;
}

/* What follows scheme and host; null when they are not those of PARAMS. */
static const char *after_host(const char *location, const struct params *params) {
    size_t bytes = scheme_bytes(location);
    if (bytes > 0) {
        if (!param_equals(params, "REQUEST_SCHEME", location, bytes))
            return NULL;
        location += bytes + 1;
    }
    if (strncmp(location, "//", 2) == 0) {
        location += 2;
        size_t host_bytes = strcspn(location, "/?");
        if (!param_equals(params, "HTTP_HOST", location, host_bytes))
            return NULL;
        location += host_bytes;
        return *location == '\0' ? "/" : location;
    }
    return location;
}

/* REFERENCE relative to BASE, without removing dot segments. The caller frees it. */
static char *resolve(const char *base, const char *reference) {
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

/* END moved back by one segment of PATH. */
static char *parent(const char *path, char *end) {
    while (end > path && *--end != '/')
        ;
    return end;
}

/* Remove "." and ".." segments in place (RFC 3986 §5.2.4). The query stays. */
static void remove_dots(char *path) {
    char *end = path + strcspn(path, "?");
    char *from = path, *to = path;
    while (from < end) {
        size_t bytes = 1 + strcspn(from + 1, "/?"); /* '/' and a segment */
        bool is_dot = bytes == 2 && from[1] == '.';
        bool is_dot_dot = bytes == 3 && from[1] == '.' && from[2] == '.';
        if (is_dot_dot)
            to = parent(path, to);
        if (!is_dot && !is_dot_dot) {
            memmove(to, from, bytes);
            to += bytes;
        } else if (from + bytes == end) {
            *to++ = '/';
        }
        from += bytes;
    }
    memmove(to, end, strlen(end) + 1);
}

char *location_within_app(const char *location, const struct params *params) {
    char *whole = xmemdupz(location, strcspn(location, "#"));
    char *path = NULL;
    const char *reference = after_host(whole, params);
    const char *mount = params_or_empty(params, "SCRIPT_NAME");
    size_t mount_bytes = strlen(mount);
    if (reference != NULL) {
        char *uri = resolve(params_or_empty(params, "REQUEST_URI"), reference);
        remove_dots(uri);
        if (strncmp(uri, mount, mount_bytes) == 0 && uri[mount_bytes] == '/')
            path = xstrdup(uri + mount_bytes);
        free(uri);
    }
    free(whole);
    return path;
}
