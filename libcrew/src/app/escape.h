/* Text on its way into a page or into a URL. */
#ifndef CREW_APP_ESCAPE_H
#define CREW_APP_ESCAPE_H

#include "base/buffer.h"

/* escape_html - for the text of an element and for a quoted attribute. */
void escape_html(struct buffer *to, const char *text, size_t bytes);

/* escape_url - percent-encode all but the unreserved characters (RFC 3986 §2.3) and those
 * in KEPT. */
void escape_url(struct buffer *to, const char *text, const char *kept);

#endif
