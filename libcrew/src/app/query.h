/* Query strings: percent- and plus-decoding (URL Standard,
 * application/x-www-form-urlencoded). Bytes in, bytes out. A '%' that is not followed by
 * two hex digits stands for itself. */
#ifndef CREW_APP_QUERY_H
#define CREW_APP_QUERY_H

#include "base/buffer.h"

/* Percent-decode BYTES of TEXT into TO, which has room for as many; returns how many
 * there are then. PLUS: '+' is a space. */
size_t query_decode(char *to, const char *text, size_t bytes, bool plus);

/* Decode the pairs of a query, separated by '&', into TO as `key NUL value NUL` each. A
 * pair whose key or value holds a zero byte has no C string and is left out. */
void query_split(struct buffer *to, const char *query);

/* The first value of KEY in what query_split made; null when there is none. */
const char *query_value(const struct buffer *split, const char *key);

/* A whole decimal number between MIN and MAX. */
bool query_number(const char *text, long min, long max, long *number);

#endif
