/* Validity of HTTP header fields (RFC 9110 §5), names and statuses. */
#ifndef CREW_WIRE_HTTP_FIELDS_H
#define CREW_WIRE_HTTP_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

bool http_field_name_valid(const char *name, size_t bytes);   /* token */
bool http_field_value_valid(const char *value, size_t bytes); /* no CR, LF, NUL */
bool http_status_valid(int status);                           /* 200 to 599 */

/* Fields that only the bridge may set: Status, Connection, Keep-Alive, Transfer-Encoding,
 * Crew-Error. Case-insensitive. */
bool http_field_is_bridges_own(const char *name, size_t bytes);

/* The reason phrase of a status, "" if unknown. */
const char *http_reason(int status);

bool http_name_equal(const char *a, size_t a_bytes, const char *b); /* case-insensitive */

#endif
