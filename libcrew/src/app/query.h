/* Query strings and forms of the type application/x-www-form-urlencoded: percent- and
 * plus-decoding as in the URL Standard. Bytes in, bytes out. A '%' that is not followed
 * by two hex digits stands for itself. */
#ifndef CREW_APP_QUERY_H
#define CREW_APP_QUERY_H

#include "app/pairs.h"

/* Percent-decode BYTES of TEXT into TO, which has room for as many; returns how many
 * there are then. PLUS: '+' is a space. */
size_t query_decode(char *to, const char *text, size_t bytes, bool plus);

/* Append the decoded pairs of a query, separated by '&', to TO; their texts, each with a
 * zero byte behind it, are in ARENA. CREW_ETOOLARGE: more than MOST. CREW_ENOMEM. */
int query_read(struct pairs *to, struct arena *arena, const char *query, size_t bytes,
               size_t most);

#endif
