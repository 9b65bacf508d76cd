/* What a client says that it takes (RFC 9110 §12.5.1). */
#ifndef BRIDGE_ACCEPT_HEADER_H
#define BRIDGE_ACCEPT_HEADER_H

#include <stdbool.h>
#include <stddef.h>

/* accept_header_names - whether the field's VALUE has this very media type, and not with q=0. A
 * range that the type lies in does not count. */
bool accept_header_names(const char *value, size_t bytes, const char *type);

#endif
