/* JSON (RFC 8259), as far as it is only looked at. */
#ifndef CREW_WIRE_JSON_H
#define CREW_WIRE_JSON_H

#include <stdbool.h>
#include <stddef.h>

/* Is TEXT a JSON value, in UTF-8 and not nested too deep (2048)? If not, WHY (if not
 * null) says in a line what is wrong, and where. */
bool json_valid(const char *text, size_t bytes, char *why, size_t why_bytes);

#endif
