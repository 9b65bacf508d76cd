/* A header field's value with parameters behind it, as Content-Type and
 * Content-Disposition have them: `form-data; name="a"; filename="b.txt"` (RFC 9110
 * §5.6.6, RFC 7578 §4.2). */
#ifndef CREW_APP_PARAMETER_H
#define CREW_APP_PARAMETER_H

#include "app/span.h"

/* What stands before the parameters, without spaces around it. */
struct span parameter_owner(struct span field);

enum parameter_search {
    PARAMETER_FOUND,
    PARAMETER_ABSENT,
    PARAMETER_BROKEN /* it is there twice, or this is no list of parameters */
};

/* Search FIELD for the parameter NAME, in any case. FOUND is its value; of a quoted one
 * what is between the quotes, as it is. */
enum parameter_search parameter_find(struct span field, const char *name,
                                     struct span *found);

/* Write the text that VALUE stands for to TO, which has room for as many bytes; returns
 * how many there are then. Taken back is what is done to text in quotes by browsers (%22
 * for a quote, %0D and %0A for the ends of lines) and by others (\" and \\). Before
 * anything else a backslash is one: Internet Explorer sends C:\names. */
size_t parameter_text(char *to, struct span value);

#endif
