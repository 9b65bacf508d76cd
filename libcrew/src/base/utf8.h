/* UTF-8 (RFC 3629). */
#ifndef CREW_BASE_UTF8_H
#define CREW_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decode the first character of TEXT: returns its length and stores its code point; 0 if
 * it is not valid (CODE is unchanged). */
size_t utf8_first(const char *text, size_t bytes, uint32_t *code);

/* Whether TEXT is valid UTF-8. */
bool utf8_valid(const char *text, size_t bytes);

/* The same, and without control characters (C0, DEL, C1). */
bool utf8_printable(const char *text, size_t bytes);

#endif
