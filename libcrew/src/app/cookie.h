/* The Cookie field of a request (RFC 6265 §4.2.1, and as browsers write it: §5.4). */
#ifndef CREW_APP_COOKIE_H
#define CREW_APP_COOKIE_H

#include "app/pairs.h"

/* Append the cookies of FIELD, `a=1; b=2`, to TO; their texts, each with a zero byte
 * behind it, are in ARENA. Nothing is decoded, but quotes around a value are taken off.
 * What has no '=' or no name is no cookie. CREW_ENOMEM. */
int cookie_read(struct pairs *to, struct arena *arena, const char *field, size_t bytes);

#endif
