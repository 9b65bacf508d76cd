/* Values of header fields with parameters, as Content-Type and Content-Disposition have
 * them: `form-data; name="a"; filename="b.txt"` (RFC 9110 §5.6.6, RFC 7578 §4.2). */
#ifndef CREW_APP_PARAMETER_H
#define CREW_APP_PARAMETER_H

#include "app/span.h"

/* The value before the parameters, without spaces around it. */
struct span parameter_owner(struct span field);

enum parameter_search {
    PARAMETER_FOUND,
    PARAMETER_ABSENT,
    PARAMETER_BROKEN /* it is repeated, or FIELD is malformed */
};

/* Find parameter NAME, in any case. FOUND is its value; of a quoted one the raw text
 * between the quotes. */
enum parameter_search parameter_find(struct span field, const char *name,
                                     struct span *found);

/* Write the unescaped text of VALUE to TO, which has space for as many bytes, and return
 * its length. Escapes in quoted values: those of browsers (%22 for a quote, %0D and %0A
 * for line ends), and \" and \\. A backslash before another character is literal:
 * Internet Explorer sends C:\names. */
size_t parameter_text(char *to, struct span value);

#endif
