/* UTF-8 (RFC 3629), for the few places that may not take bytes as they come. */
#ifndef CREW_BASE_UTF8_H
#define CREW_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first character of TEXT: returns how many of BYTES it takes and stores its code
 * point; 0 when there is no sound character (CODE untouched). */
size_t utf8_first(const char *text, size_t bytes, uint32_t *code);

/* Is all of TEXT sound? */
bool utf8_valid(const char *text, size_t bytes);

/* And without control characters (C0, DEL, C1)? */
bool utf8_printable(const char *text, size_t bytes);

#endif
