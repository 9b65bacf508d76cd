/* The request header field Accept (RFC 9110 §12.5.1). */
#ifndef BRIDGE_ACCEPT_HEADER_H
#define BRIDGE_ACCEPT_HEADER_H

#include <stdbool.h>
#include <stddef.h>

/* accept_header_names - whether VALUE contains exactly this media type, not with q=0.
 * Ranges such as "text" with any subtype do not count. */
bool accept_header_names(const char *value, size_t bytes, const char *type);

#endif
