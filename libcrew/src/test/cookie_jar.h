/* The cookies that a browser would keep for one host (RFC 6265). */
#ifndef CREW_TEST_COOKIE_JAR_H
#define CREW_TEST_COOKIE_JAR_H

#include "base/buffer.h"

/* Zeroed memory is an empty jar. Cookies with longer paths come first, in the order in
 * which they are sent (RFC 6265 §5.4). */
struct cookie_jar {
    struct cookie *first;
};

/* Store the cookie of a Set-Cookie field, in the response to a request of PATH at
 * HOST. */
void cookie_jar_take(struct cookie_jar *jar, const char *set_cookie, const char *host,
                     const char *path);

/* Append the value of the Cookie field for a request of PATH, zero-terminated; nothing
 * when there is no cookie for it. */
void cookie_jar_write(const struct cookie_jar *jar, const char *path, bool https,
                      struct buffer *to);

/* The value of the first cookie that has this name and has not expired; or null. */
const char *cookie_jar_value(const struct cookie_jar *jar, const char *name);

/* Remove all cookies and free their memory. */
void cookie_jar_fini(struct cookie_jar *jar);

#endif
