/* What a client says that it takes (RFC 9110 §12.5.1). */
#ifndef BRIDGE_ACCEPT_H
#define BRIDGE_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>

/* accept_names - whether the field's VALUE has this very media type, and not with q=0. A
 * range that the type lies in does not count. */
bool accept_names(const char *value, size_t bytes, const char *type);

#endif
