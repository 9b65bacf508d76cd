/* Dates as HTTP writes them (RFC 9110 §5.6.7). No locale, no time zone: always GMT. */
#ifndef CREW_WIRE_HTTP_DATE_H
#define CREW_WIRE_HTTP_DATE_H

#include <stdbool.h>
#include <stdint.h>

enum { HTTP_DATE_BYTES = sizeof "Sun, 06 Nov 1994 08:49:37 GMT" };

/* http_date_write - UNIX_S, in the years 1 to 9999, as an IMF-fixdate. */
void http_date_write(int64_t unix_s, char to[HTTP_DATE_BYTES]);

/* http_date_read - any of the three forms; NOW_S decides the century of the obsolete one
 * with two digits of the year. False: not a date, UNIX_S is untouched. */
bool http_date_read(const char *text, int64_t now_s, int64_t *unix_s);

#endif
