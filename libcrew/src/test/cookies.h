/* The cookies that a browser would keep for one host (RFC 6265). */
#ifndef CREW_TEST_COOKIES_H
#define CREW_TEST_COOKIES_H

#include "base/buffer.h"

/* Zeroed memory is an empty jar. Those with the longer paths come first, as they are sent
 * (RFC 6265 §5.4). */
struct cookies {
    struct cookie *first;
};

/* cookies_take - what Set-Cookie says, in the response to a request of PATH at HOST. */
void cookies_take(struct cookies *cookies, const char *set_cookie, const char *host,
                  const char *path);

/* cookies_write - append the value of Cookie for a request of PATH, zero-terminated;
 * nothing when there is none. */
void cookies_write(const struct cookies *cookies, const char *path, bool https,
                   struct buffer *to);

/* cookies_value - of the first that has this name and has not expired; or null. */
const char *cookies_value(const struct cookies *cookies, const char *name);

void cookies_fini(struct cookies *cookies);

#endif
