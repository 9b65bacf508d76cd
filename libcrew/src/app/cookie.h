/* The Cookie field of a request (RFC 6265 §4.2.1, and §5.4 for what browsers send). */
#ifndef CREW_APP_COOKIE_H
#define CREW_APP_COOKIE_H

#include "app/pairs.h"

/* Append the cookies of FIELD, `a=1; b=2`, to TO. Their texts are in ARENA,
 * zero-terminated. Nothing is decoded; quotes around a value are removed. Parts without
 * '=' or without a name are skipped. CREW_ENOMEM. */
int cookie_read(struct pairs *to, struct arena *arena, const char *field, size_t bytes);

#endif
