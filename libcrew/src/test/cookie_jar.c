#include "test/cookie_jar.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "wire/http_date.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The app has one host only, so Domain decides whether a cookie is accepted, and is not
 * kept. */
struct cookie {
    char *name, *value, *path;
    bool secure;
    int64_t ends_at_s; /* Unix time */
    struct cookie *next;
};

static int64_t now_s(void) {
    return (int64_t)(clock_unix_ms() / 1000);
}

static void cookie_free(struct cookie *cookie) {
    free(cookie->name);
    free(cookie->value);
    free(cookie->path);
    free(cookie);
}

/* ---- reading Set-Cookie ---- */

/* A copy of the text between FROM and END, without the white space around it. */
static char *trimmed(const char *from, const char *end) {
    while (from < end && isspace((unsigned char)*from))
        from++;
    while (end > from && isspace((unsigned char)end[-1]))
        end--;
    return xmemdupz(from, (size_t)(end - from));
}

/* Read the next NAME[=VALUE], which ';' ends; false at the end of *TEXT. */
static bool next_part(const char **text, char **name, char **value) {
    if (**text == '\0')
        return false;
    const char *end = *text + strcspn(*text, ";");
    const char *equals = memchr(*text, '=', (size_t)(end - *text));
    *name = trimmed(*text, equals != NULL ? equals : end);
    *value = trimmed(equals != NULL ? equals + 1 : end, end);
    *text = *end == ';' ? end + 1 : end;
    return true;
}

/* A value that is no number is ignored (RFC 6265 §5.2.2). */
static bool read_max_age(const char *text, int64_t *end_s) {
    char *end;
    long long age_s = strtoll(text, &end, 10);
    if (*text == '\0' || *end != '\0')
        return false;
    const long long century_s = 100LL * 366 * 24 * 3600;
    if (age_s > century_s)
        age_s = century_s;
    *end_s = age_s > 0 ? now_s() + age_s : 0;
    return true;
}

static bool domain_matches(const char *domain, const char *host) {
    domain += *domain == '.';
    size_t host_bytes = strcspn(host, ":");
    size_t domain_bytes = strlen(domain);
    if (domain_bytes > host_bytes)
        return false;
    const char *tail = host + host_bytes - domain_bytes;
    return strncasecmp(tail, domain, domain_bytes) == 0 &&
           (tail == host || tail[-1] == '.');
}

/* Read the attributes; false: the cookie is not for HOST. */
static bool read_attributes(struct cookie *cookie, const char *text, const char *host) {
    char *name, *value;
    bool is_for_host = true, has_age = false;
    while (next_part(&text, &name, &value)) {
        if (strcasecmp(name, "Max-Age") == 0) {
            has_age = read_max_age(value, &cookie->ends_at_s) || has_age;
        } else if (strcasecmp(name, "Expires") == 0 && !has_age) {
            http_date_read(value, now_s(), &cookie->ends_at_s);
        } else if (strcasecmp(name, "Path") == 0 && *value == '/') {
            free(cookie->path);
            cookie->path = xstrdup(value);
        } else if (strcasecmp(name, "Domain") == 0 && *value != '\0') {
            is_for_host = domain_matches(value, host);
        } else if (strcasecmp(name, "Secure") == 0) {
            cookie->secure = true;
        }
        free(name);
        free(value);
    }
    return is_for_host;
}

/* The folder of PATH (RFC 6265 §5.1.4). */
static char *default_path(const char *path) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path)
        return xstrdup("/");
    return xmemdupz(path, (size_t)(slash - path));
}

/* ---- the jar ---- */

/* Remove the cookie that COOKIE replaces, and insert COOKIE after those whose paths are
 * at least as long. */
static void put(struct cookie_jar *jar, struct cookie *cookie) {
    struct cookie **at = &jar->first;
    while (*at != NULL) {
        struct cookie *old = *at;
        if (strcmp(old->name, cookie->name) == 0 &&
            strcmp(old->path, cookie->path) == 0) {
            *at = old->next;
            cookie_free(old);
        } else {
            at = &old->next;
        }
    }
    at = &jar->first;
    while (*at != NULL && strlen((*at)->path) >= strlen(cookie->path))
        at = &(*at)->next;
    cookie->next = *at;
    *at = cookie;
}

void cookie_jar_take(struct cookie_jar *jar, const char *set_cookie, const char *host,
                     const char *path) {
    struct cookie *cookie = xcalloc(1, sizeof *cookie);
    cookie->ends_at_s = INT64_MAX;
    cookie->path = default_path(path);
    bool is_valid = next_part(&set_cookie, &cookie->name, &cookie->value) &&
                    *cookie->name != '\0' && read_attributes(cookie, set_cookie, host);
    if (is_valid)
        put(jar, cookie);
    else
        cookie_free(cookie);
}

/* RFC 6265 §5.1.4. */
static bool path_matches(const char *path, const char *cookie_path) {
    size_t bytes = strlen(cookie_path);
    return strncmp(path, cookie_path, bytes) == 0 &&
           (path[bytes] == '\0' || path[bytes] == '/' || cookie_path[bytes - 1] == '/');
}

void cookie_jar_write(const struct cookie_jar *jar, const char *path, bool https,
                      struct buffer *to) {
    int64_t now = now_s();
    for (const struct cookie *c = jar->first; c != NULL; c = c->next)
        if (c->ends_at_s > now && (https || !c->secure) && path_matches(path, c->path))
            buffer_printf(to, "%s%s=%s", to->len > 0 ? "; " : "", c->name, c->value);
    if (to->len > 0)
        buffer_u8(to, 0);
}

const char *cookie_jar_value(const struct cookie_jar *jar, const char *name) {
    for (const struct cookie *c = jar->first; c != NULL; c = c->next)
        if (strcmp(c->name, name) == 0 && c->ends_at_s > now_s())
            return c->value;
    return NULL;
}

void cookie_jar_fini(struct cookie_jar *jar) {
    while (jar->first != NULL) {
        struct cookie *cookie = jar->first;
        jar->first = cookie->next;
        cookie_free(cookie);
    }
}
