/* Query strings and forms of type application/x-www-form-urlencoded, decoded as in the
 * URL Standard. A '%' that is not followed by two hex digits is literal. */
#ifndef CREW_APP_QUERY_H
#define CREW_APP_QUERY_H

#include "app/pairs.h"

/* Percent-decode BYTES bytes of TEXT into TO, which has space for as many; returns the
 * length of the result. PLUS: '+' is a space. */
size_t query_decode(char *to, const char *text, size_t bytes, bool plus);

/* Append the decoded pairs of a query to TO. Their texts are in ARENA, zero-terminated.
 * CREW_ETOOLARGE: more than MAX pairs. CREW_ENOMEM. */
int query_read(struct pairs *to, struct arena *arena, const char *query, size_t bytes,
               size_t max);

#endif
