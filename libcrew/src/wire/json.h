/* Validation of JSON (RFC 8259). */
#ifndef CREW_WIRE_JSON_H
#define CREW_WIRE_JSON_H

#include <stdbool.h>
#include <stddef.h>

/* Whether TEXT is a JSON value in UTF-8, at most 2048 levels deep. False: REASON (if not
 * null) is a line that says what is wrong, and where. */
bool json_valid(const char *text, size_t bytes, char *reason, size_t reason_bytes);

#endif
